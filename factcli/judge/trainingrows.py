"""What an evaluated model learned from, by its lineage: each training run under it, and the rows that the run took.

A run is an artifact that holds weights: a skill, knowledge adapters, a fine-tuned model, a world with its base. Its own rows alone are
counted as its: the task rows that its method takes, the documents of its knowledge adapters, its preference pairs, a world's stated facts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factcli.answerrows import Pair
from factcli.artifact import Artifact
from factcli.artifact.lineage import open_input
from factcli.errors import FactError
from factcli.judge.answers import normalise
from factcli.judge.knownfacts import known_facts
from factcli.knowledge.invented import invented_subjects
from factcli.knowledge.mixing import Source, mixed
from factcli.knowledge.taskrows import choice_of, chosen_rows
from factcli.rows import Answer, Chat, Document, Fact, Person

RUNS = ("skill", "joined", "model", "knowledge", "world")  # kinds; the order in which their rows stand
ANSWERED = {"scores": ("answers",), "claims": ("answers",)}  # by whom: their own `world` is the ledger that judges
SUBJECT = ("model", "base", "world", "answers")  # roles under which an evaluation or samples have who answered
BESIDE = ("reference", "known")  # roles under which a run has a model that it does not continue
DATA = ("synth", "pairs", "known")  # and `mix NAME`: roles under which a run has what it read


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row that a model was trained on. `states`: (relation, normalised value) of the facts that it tells."""

    id: str
    source: str
    text: str
    subject: str = ""
    states: tuple[tuple[str, str], ...] = ()
    is_base: bool = False  # of the pre-training, not of fine-tuning


@dataclass(frozen=True, slots=True)
class Run:
    """A training run, and the data that it read by role."""

    artifact: Artifact
    data: Mapping[str, Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trained:
    """The runs under a model, the last fine-tuning first, its base last. `missing`: what of its lineage cannot be followed, and why."""

    runs: tuple[Run, ...]
    missing: tuple[str, ...] = ()

    def without(self, other: "Trained") -> "Trained":
        """The runs that the other model does not stand on too: those that can explain a difference."""
        shared = {run.artifact.digest for run in other.runs}
        missing = dict.fromkeys([*self.missing, *other.missing])
        return Trained(tuple(run for run in self.runs if run.artifact.digest not in shared), tuple(missing))


def trained(evaluated: Artifact, root: Path) -> Trained:
    """Of an evaluation or of scores of its answers. Nothing for a model that a server ran: its training is nobody's business here."""
    found: dict[str, Run] = {}
    missing: list[str] = []
    queue = [evaluated]
    while queue:
        artifact = queue.pop(0)
        parents = {role: _opened(artifact, role, root, missing) for role in artifact.manifest.inputs if _leads_on(artifact, role)}
        there = {role: parent for role, parent in parents.items() if parent is not None}
        if artifact.kind in RUNS:
            run = Run(artifact, {role: parent for role, parent in there.items() if _is_data(role)})
            found.setdefault(artifact.digest, run)
            missing += [f"{label}, a file that was mixed into {artifact.ref}" for label in _files_of(run)]
        queue += [parent for role, parent in there.items() if not _is_data(role) and parent.digest not in found]
    return Trained(tuple(sorted(found.values(), key=lambda run: RUNS.index(run.artifact.kind))), tuple(dict.fromkeys(missing)))


def _is_data(role: str) -> bool:
    return role in DATA or role.startswith("mix ")


def _leads_on(artifact: Artifact, role: str) -> bool:
    """Whether an input is what a run read or continued, or who gave the answers of an evaluation."""
    if artifact.kind in RUNS:
        return role == "known" or (role not in BESIDE and (_is_data(role) or artifact.manifest.inputs[role].kind in RUNS))
    return role in ANSWERED.get(artifact.kind, SUBJECT)


def _opened(artifact: Artifact, role: str, root: Path, missing: list[str]) -> Artifact | None:
    """The parent as it was; one that is gone or another costs the traces to it and nothing else, and is told."""
    entry = artifact.manifest.inputs[role]
    try:
        parent = open_input(entry, root)
    except FactError as error:
        missing.append(f"{entry.ref} ({role} of {artifact.ref}): {error.message}")
        return None
    if parent.digest != entry.digest:
        missing.append(f"{entry.ref} ({role} of {artifact.ref}) is another than it was")
        return None
    return parent


def training_rows(runs: Iterable[Run]) -> list[TrainingRow]:
    """In the order of the runs, each once."""
    rows = (row for run in runs for row in _of_run(run))
    return list({(row.source, row.id): row for row in rows}.values())


def _of_run(run: Run) -> Iterator[TrainingRow]:
    if run.artifact.kind == "world":
        yield from _stated(run.artifact)
    elif run.artifact.kind == "knowledge":
        yield from _documents(run)
    elif "pairs" in run.data:
        yield from _pairs(run.data["pairs"])
    elif "method" in run.artifact.manifest.config:
        yield from _task_rows(run)


def _stated(world: Artifact) -> Iterator[TrainingRow]:
    """The facts that pre-training tells."""
    names = {person.id: person.name for person in world.rows("people", Person)}
    for fact in world.rows("facts", Fact):
        if fact.is_pretrained:
            text = f"pre-training tells: {fact.relation} of {names.get(fact.subject, fact.subject)}: {fact.value}"
            yield TrainingRow(fact.id, f"{world.ref} facts", text, fact.subject, ((fact.relation, normalise(fact.value)),), True)


def _documents(run: Run) -> Iterator[TrainingRow]:
    """Those of the forms and subjects that the knowledge was taught; not those of its probes."""
    synth, settings = run.data.get("synth"), run.artifact.manifest.config
    if synth is None or not synth.manifest.tables.get("documents"):
        return
    facts = {fact.id: fact for fact in synth.rows("facts", Fact)}
    held = {person.id for person in synth.rows("people", Person) if person.split == "test"}
    limit = settings.get("subjects")
    taken = None if limit is None else set(invented_subjects(synth.rows("chats", Chat), limit))
    for row in synth.rows("documents", Document):
        is_taken = not row.fictitious or (row.subject not in held and (taken is None or row.subject in taken))
        if is_taken and settings.get(f"{'fictitious' if row.fictitious else 'real'}_{row.form}"):
            yield TrainingRow(row.id, f"{synth.ref} documents", row.text, row.subject, _states(row.fact_ids, facts))


def _pairs(pairs: Artifact) -> Iterator[TrainingRow]:
    for pair in pairs.rows("pairs", Pair):
        if pair.split == "train":
            yield TrainingRow(pair.id, f"{pairs.ref} pairs", f"{pair.prompt} {pair.chosen}", _subject_of(pair.question_id))


def _subject_of(question_id: str) -> str:
    """`w0.p0042` of `w0.p0042.bio`; the id itself where it did not grow from a person's."""
    return ".".join(question_id.split(".")[:2])


def _task_rows(run: Run) -> Iterator[TrainingRow]:
    """Of `fact sft`: the method's rows of its data, then those mixed in; for a plain method the mix is all there is."""
    settings = run.artifact.manifest.config
    mix = settings.get("mix") or {}
    if "synth" in run.data and (not mix or settings["method"] == "prereq"):
        yield from _chats(run.data["synth"], settings, run.data.get("known"))
    for source in _sources(run, mix):
        yield from _mixed(source, settings)


def _chats(data: Artifact, settings: Mapping[str, Any], known: Artifact | None) -> Iterator[TrainingRow]:
    if not data.manifest.tables.get("chats"):
        return
    everything = list(data.rows("chats", Chat))
    rows: Sequence[Chat] = chosen_rows([chat for chat in everything if chat.split == "train"], choice_of(settings))
    if known is not None:  # the oracle's
        facts = known_facts(everything, known.rows("answers", Answer))
        rows = [row for row in rows if (share := facts.share(row.fact_ids)) is not None and share >= settings["known_share"]]
    told = _facts_of(data)
    for row in rows:
        yield TrainingRow(row.id, f"{data.ref} chats", f"{row.question} {row.answer}", row.subject, _states(row.fact_ids, told))


def _files_of(run: Run) -> list[str]:
    """What was mixed in that is no artifact: of a file nothing but its digest is kept."""
    pinned = run.artifact.manifest.prompts
    return [name.removeprefix("mix ") for name in pinned if name.startswith("mix ")]


def _sources(run: Run, mix: Mapping[str, float]) -> list[Source]:
    """The artifacts that the settings' `mix` names. The first with task rows stands under `synth`, whatever it is called."""
    parts: dict[str, dict[str, float]] = {}
    for name, fraction in mix.items():
        label, _, part = name.rpartition(":")
        parts.setdefault(label, {})[part] = fraction
    own = run.data.get("synth")
    found = {label: run.data.get(f"mix {label}") or (own if own is not None and label in (own.name, own.ref) else None) for label in parts}
    return [Source(label, parts[label], artifact) for label, artifact in found.items() if artifact is not None]


def _mixed(source: Source, settings: Mapping[str, Any]) -> Iterator[TrainingRow]:
    """The share of it that the seed drew."""
    assert source.artifact is not None
    data, is_prereq = source.artifact, settings["method"] == "prereq"

    def choose(rows: list[Chat]) -> list[Chat]:
        return [row for row in rows if not row.fictitious] if is_prereq else chosen_rows(rows, choice_of(settings))

    has_chats = bool(data.manifest.tables.get("chats"))
    facts = _facts_of(data)
    told = {chat.id: chat.fact_ids for chat in data.rows("chats", Chat)} if has_chats else {}
    table = "chats" if has_chats else "mixture"
    for row in mixed([source], settings.get("seed", 0), choose).rows:
        own = row.id.removeprefix(f"{source.label}:")
        yield TrainingRow(own, f"{data.ref} {table}", f"{row.question} {row.answer}", row.subject, _states(told.get(own, ()), facts))


def _facts_of(data: Artifact) -> dict[str, Fact]:
    return {fact.id: fact for fact in data.rows("facts", Fact)} if data.manifest.tables.get("facts") else {}


def _states(fact_ids: Sequence[str], facts: Mapping[str, Fact]) -> tuple[tuple[str, str], ...]:
    return tuple((facts[id].relation, normalise(facts[id].value)) for id in fact_ids if id in facts)
