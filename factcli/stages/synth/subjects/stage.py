"""Plan, cost and work of `fact synth bio|medical --subjects FILE`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.backends import filling
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.filling import Unit
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import Need, needs_of
from factcli.errors import InputError
from factcli.knowledge.pack import open_pack
from factcli.knowledge.subjects import Found, Pages, read_subjects, title_index
from factcli.progress import Report
from factcli.rows import Chat, Document, Fact, Familiarity, Person, Question, RejectedLine, SourceText
from factcli.stages.synth.book import nothing_left
from factcli.stages.synth.subjects import inventing, telling
from factcli.stages.synth.subjects.casting import TASKS, Real, Role, Task, cast, real_people
from factcli.stages.synth.subjects.settings import SubjectsConfig
from factcli.stages.synth.subjects.units import Setting, units

REVISION = 2
NEEDS: tuple[Need, ...] = ("json_schema",)
TEMPLATES = load_templates(
    (
        inventing.NAME, inventing.REWRITE, telling.STATEMENTS, telling.SUPPORT,
        telling.CONTRADICTIONS, telling.PARAPHRASE, telling.PASSAGE, telling.ANSWER,
    )
)  # fmt: skip
TABLES: dict[str, type] = {
    "people": Person,
    "facts": Fact,
    "documents": Document,
    "chats": Chat,
    "questions": Question,
    "sources": SourceText,
    "familiarity": Familiarity,
    **filling.TABLES,
}


@dataclass(frozen=True, slots=True)
class Files:
    """What the user brings. `titles`: further names that are taken; `pack`: where subjects without a text are looked up."""

    subjects: Path
    titles: Path | None = None
    pack: Artifact | None = None

    def pinned(self) -> dict[str, str]:
        more = {f"titles {self.titles.name}": sha256_of_file(self.titles)} if self.titles else {}
        return {f"subjects {self.subjects.name}": sha256_of_file(self.subjects), **more}


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, before anything is asked."""

    lines: Sequence[RejectedLine]
    reals: Sequence[Real]
    roles: Sequence[Role]
    taken: frozenset[str]


def read(config: SubjectsConfig, files: Files) -> Cast:
    """Raises InputError for files that cannot be used, or that leave nobody to write after."""
    subjects, lines = read_subjects(files.subjects, _pages_of(files.pack) if files.pack else None)
    reals = real_people(subjects, config)
    roles = cast(reals, config)
    if not roles:
        raise InputError(f"{files.subjects} has {len(subjects)} subjects, none of them for training", "give more subjects, or --set split_shares=[1,0,0]")
    return Cast(lines, reals, roles, title_index(subjects, files.titles))


def _pages_of(artifact: Artifact) -> Pages:
    pack = open_pack(artifact)

    def look_up(title: str) -> Found | None:
        found = pack.find_page(title)
        return None if found.match == "absent" else Found(found.title, pack.passages_of(found.title))

    return look_up


def plan(task: str, config: SubjectsConfig, files: Files, answering: Answering, name: str | None) -> Plan:
    """The files are inputs too: their sha256 stands in the key where prompts do."""
    read(config, files)
    pinned = {**files.pinned(), **digests(TEMPLATES)}
    inputs = {**answering.inputs, **({"pack": files.pack} if files.pack else {})}
    return Plan(f"synth {task} --subjects", REVISION, "synth", name or f"{task}-subjects", config, inputs, TABLES, pinned, answering.identity)


def estimate(plan: Plan, task: str, files: Files, answering: Answering) -> Estimate:
    """What would be bought, with the examples of the templates as answers."""
    assert isinstance(plan.config, SubjectsConfig)
    return filling.imagine(answering, _units(plan.config, TASKS[task], read(plan.config, files), answering))


def work(plan: Plan, draft: Draft, task: str, files: Files, answering: Answering, report: Report) -> Outcome:
    assert isinstance(plan.config, SubjectsConfig)
    everybody = read(plan.config, files)
    todo = list(_units(plan.config, TASKS[task], everybody, answering))
    backend = filling.fill(draft, answering, todo, len(todo), report, "Writing subjects", [*NEEDS, *needs_of([plan.config.temperature])])
    return _outcome(plan.config, TASKS[task], everybody, draft, filling.counts_of(draft), filling.usage_of(draft, answering, backend))


def _units(config: SubjectsConfig, task: Task, everybody: Cast, answering: Answering) -> Iterator[Unit]:
    asker = Asker(TEMPLATES, answering.endpoint.model, config.seed, answering.config.chat, answering.adapters)
    return units(Setting(config, task, asker, everybody.taken), everybody.lines, everybody.reals, everybody.roles)


def _outcome(config: SubjectsConfig, task: Task, everybody: Cast, draft: Draft, counts: dict, usage: dict) -> Outcome:
    versions = Counter(row["subject"] for row in draft.rows("sources") if row["version"])
    n_real = sum(1 for row in draft.rows("people") if not row["fictitious"])
    n_people = sum(1 for row in draft.rows("people")) - n_real
    n_facts = sum(1 for row in draft.rows("facts") if row["fictitious"])
    if not n_facts:
        raise nothing_left(draft)
    headline = f"{n_people} fictitious subjects in up to {config.versions} versions, {n_facts} statements, beside {n_real} real ones"
    summary = {
        "recipe": task.name,
        "fictitious_subjects": n_people,
        "fictitious_versions": versions.total(),
        "fictitious_facts": n_facts,
        "real_subjects": n_real,
    }
    short = {"subjects_without_a_name": len(everybody.roles) - n_people, "subjects_with_fewer_versions": sum(n < config.versions for n in versions.values())}
    return Outcome(headline, summary, {**counts, **short, "levels": dict(Counter(row["level"] for row in draft.rows("familiarity")))}, usage)
