"""From committed evaluations to what the page is about: benchmarks, the methods on each, who is compared with whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.artifact.lineage import ancestors, open_input, parents
from factcli.artifact.manifest import sha256_of
from factcli.errors import InputError
from factcli.rows import MemorisationRow, Proof, SwapRow
from factcli.stages.report.measured import LABELS, Metric, Results, read_results, retention_metrics

Figures = Mapping[tuple[str, str], Metric]  # (metric, group)
ORDER = ("base", "real", "popular-head", "popular-50", "fictitious", "prereq")
ASKED = {"task": "", "few_shot": ", few-shot", "fill": ", template"}
FORMS = ("heldout forms", "trained forms")  # groups of questions, not of people


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one benchmark. `skill` None is the untouched base; `series` is its mark and colour everywhere."""

    artifact: Artifact
    label: str
    skill: Artifact | None
    results: Results
    figures: Figures
    swap: tuple[SwapRow, ...]
    memorisation: tuple[MemorisationRow, ...]
    series: int

    @property
    def method(self) -> str:
        return method_of(self.skill)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The models asked the same questions, the base first and the main one last."""

    evaluations: tuple[Evaluation, ...]
    base: Evaluation | None
    main: Evaluation | None

    @property
    def others(self) -> list[Evaluation]:
        return [e for e in self.evaluations if e is not self.main]

    @property
    def whom(self) -> tuple[str, str]:
        """The group that headlines are about, and its name: people whom the base may know, where some are known to be unknown."""
        groups = self.groups("qa.accuracy") or self.groups("bio.share_correct")
        return ("seen", "people that pre-training mentions") if "seen" in groups else ("all", "all people")

    def groups(self, metric: str) -> list[str]:
        """The groups of people that the metric has, in the order of its rows."""
        found = (group for e in self.evaluations for name, group in e.figures if name == metric)
        return [group for group in dict.fromkeys(found) if group not in FORMS]

    def of_method(self, *methods: str) -> list[Evaluation]:
        return [e for e in self.evaluations if e.method in methods]


@dataclass(frozen=True, slots=True)
class Collected:
    """All that the page is made from. `lineage` holds the evaluations and every ancestor, parents first."""

    world: Benchmark | None
    popqa: Benchmark | None
    lineage: tuple[Artifact, ...]
    parents: Mapping[str, tuple[Artifact, ...]]  # ref -> its parents

    @property
    def first(self) -> Benchmark:
        found = self.world or self.popqa
        assert found is not None, "plan() refuses a report of nothing"
        return found

    def of_kind(self, *kinds: str) -> list[Artifact]:
        return [a for a in self.lineage if a.kind in kinds]

    def proofs(self) -> list[tuple[Artifact, list[Proof]]]:
        return [(a, list(a.rows("proofs", Proof))) for a in self.of_kind("skill", "model") if "proofs" in a.manifest.tables]


def method_of(skill: Artifact | None) -> str:
    """What the settings of a training run call its method; for a model that was made otherwise, its command."""
    return "base" if skill is None else str(skill.manifest.config.get("method", skill.manifest.stage))


def newest_of_each(evals: Sequence[Artifact]) -> list[Artifact]:
    """Of the newest evaluation's base and questions: the newest evaluation of each name, the base first.

    `evals` are newest first. Another benchmark of the same base joins with its own newest questions.
    """
    of_base = [e for e in evals if _base_key(e) == _base_key(evals[0])]
    newest_questions: dict[str, str] = {}
    chosen: dict[str, Artifact] = {}
    for evaluation in of_base:
        stage = evaluation.manifest.stage
        if newest_questions.setdefault(stage, _questions_key(evaluation)) == _questions_key(evaluation):
            chosen.setdefault(evaluation.name, evaluation)
    return sorted(chosen.values(), key=lambda e: (_is_skilled(e), e.manifest.config["ask"] != "task", e.name))


def with_base(chosen: Sequence[Artifact], root: Path) -> list[Artifact]:
    """The chosen ones without repeats, and the untouched base's that they were held against, if it is not among them."""
    found: dict[str, Artifact] = {}
    for evaluation in chosen:
        if found.setdefault(evaluation.ref, evaluation).digest != evaluation.digest:
            raise InputError(f"two different evaluations are called {evaluation.ref}", "name those of one data directory")
    for evaluation in chosen:
        entry = evaluation.manifest.inputs.get("base_eval")
        if entry and entry.ref not in found:
            found[entry.ref] = open_input(entry, root)
    return list(found.values())


def require_same_questions(chosen: Sequence[Artifact]) -> None:
    """Raises InputError for nothing, and for evaluations that cannot stand in one table."""
    if not chosen:
        raise InputError("there is nothing to report", "evaluate a model first: fact eval world")
    for stage in ("eval world", "eval popqa"):
        own = [e for e in chosen if e.manifest.stage == stage]
        odd = [e for e in own if (_base_key(e), _questions_key(e)) != (_base_key(own[0]), _questions_key(own[0]))]
        if odd:
            raise InputError(
                f"{odd[0].ref} was asked other questions, or has another base model, than {own[0].ref}",
                "name evaluations of one benchmark: fact report EVAL EVAL ...",
            )
    if len({_base_key(e) for e in chosen}) > 1:
        raise InputError("the evaluations stand on several base models", "name those of one: fact report EVAL EVAL ...")


def _is_skilled(evaluation: Artifact) -> bool:
    return "model" in evaluation.manifest.inputs


def _base_key(evaluation: Artifact) -> str:
    """What the base model is: the world that pre-trained it, or the pinned files or commit."""
    world = evaluation.manifest.inputs.get("world")
    return world.digest if world else sha256_of(evaluation.manifest.model)


def _questions_key(evaluation: Artifact) -> str:
    manifest = evaluation.manifest
    config = {name: manifest.config.get(name) for name in ("split", "limit", "heldout_forms", "hub_name", "hub_revision")}
    source = manifest.inputs.get("questions")
    return sha256_of([manifest.stage, config, source.digest if source else "", manifest.prompts])


def collect(chosen: Sequence[Artifact], main: str | None, root: Path) -> Collected:
    world = _benchmark([e for e in chosen if e.manifest.stage == "eval world"], main, root)
    popqa = _benchmark([e for e in chosen if e.manifest.stage == "eval popqa"], main, root)
    if main and not any(b and b.main for b in (world, popqa)):
        raise InputError(f"main = {main!r}, but no such model was evaluated", f"evaluated: {', '.join(sorted({_model_name(e) for e in chosen}))}")
    lineage = _lineage(chosen, root)
    return Collected(world, popqa, lineage, {a.ref: tuple({p.ref: p for p in parents(a, root)}.values()) for a in lineage})


def _lineage(chosen: Sequence[Artifact], root: Path) -> tuple[Artifact, ...]:
    found = {a.ref: a for evaluation in chosen for a in [evaluation, *ancestors(evaluation, root)]}
    kinds = ("world", "synth", "knowledge", "skill", "model")
    return tuple(sorted(found.values(), key=lambda a: (kinds.index(a.kind) if a.kind in kinds else len(kinds), a.name, a.manifest.version)))


def _benchmark(chosen: Sequence[Artifact], main: str | None, root: Path) -> Benchmark | None:
    if not chosen:
        return None
    skills = {e.ref: _skill_of(e, root) for e in chosen}
    chief = _main_of(chosen, skills, main)
    ordered = sorted(chosen, key=lambda e: (*_place(e, skills[e.ref]), e is chief, e.ref))
    base = next((e for e in ordered if skills[e.ref] is None and e.manifest.config["ask"] == "task"), None)
    before = read_results(base) if base else None
    labels = _labels(ordered)
    series = _series(ordered, skills, chief)
    read = tuple(_evaluation(e, labels[e.ref], skills[e.ref], before, series[e.ref]) for e in ordered)
    of_ref = {e.artifact.ref: e for e in read}
    return Benchmark(read, of_ref[base.ref] if base else None, of_ref[chief.ref] if chief else None)


def _skill_of(evaluation: Artifact, root: Path) -> Artifact | None:
    entry = evaluation.manifest.inputs.get("model")
    return open_input(entry, root) if entry else None


def _place(evaluation: Artifact, skill: Artifact | None) -> tuple[int, int]:
    method = method_of(skill)
    return ORDER.index(method) if method in ORDER else len(ORDER), list(ASKED).index(evaluation.manifest.config["ask"])


def _main_of(chosen: Sequence[Artifact], skills: Mapping[str, Artifact | None], main: str | None) -> Artifact | None:
    """The model called `main`; unset, PREREQ-TUNE: by its name, else with real rows, else any."""
    asked_plainly = [e for e in chosen if e.manifest.config["ask"] == "task"]
    if main:
        return next((e for e in asked_plainly if _model_name(e) == main), None)
    tuned = [(e, skill) for e in asked_plainly if (skill := skills[e.ref]) and method_of(skill) == "prereq"]
    ranked = sorted(tuned, key=lambda pair: (pair[1].name != "prereq-tune", not pair[1].manifest.config["real_fraction"], pair[1].name))
    return ranked[0][0] if ranked else None


def _model_name(evaluation: Artifact) -> str:
    return str(evaluation.summary.get("model", evaluation.name))


def _labels(ordered: Iterable[Artifact]) -> dict[str, str]:
    """The model's name and how it was asked; two of the same get their references too."""
    plain = {e.ref: _label(_model_name(e), e.manifest.config["ask"]) for e in ordered}
    return {ref: label if list(plain.values()).count(label) == 1 else f"{label} ({ref})" for ref, label in plain.items()}


def _label(model: str, ask: str) -> str:
    suffix = "" if ask == "task" else f"-{ask.replace('_', '-')}"
    return LABELS.get(f"eval-{model}{suffix}", model + ASKED.get(ask, ""))


def _series(ordered: Sequence[Artifact], skills: Mapping[str, Artifact | None], main: Artifact | None) -> dict[str, int]:
    """0 is the base, 1 the main model, 2.. the plain methods, the rest after them."""
    given: dict[str, int] = {}
    for evaluation in ordered:
        skill = skills[evaluation.ref]
        wanted = 1 if evaluation is main else _place(evaluation, skill)[0] + (1 if skill else 0)
        is_free = (wanted != 1 or evaluation is main) and wanted not in given.values() and wanted <= len(ORDER) - 1
        given[evaluation.ref] = wanted if is_free else max([len(ORDER), *(n + 1 for n in given.values())])
    return given


def _evaluation(artifact: Artifact, label: str, skill: Artifact | None, before: Results | None, series: int) -> Evaluation:
    results = read_results(artifact)
    rows = list(artifact.rows("metrics", Metric))
    figures = {(row.metric, row.group): row for row in rows}
    if skill and before and ("qa.retention", "all") not in figures:  # a benchmark that does not compare by itself
        figures |= {(row.metric, row.group): row for row in retention_metrics(before, results, ())}
    swap, memory = _rows(artifact, "swap", SwapRow), _rows(artifact, "memorisation", MemorisationRow)
    return Evaluation(artifact, label, skill, results, figures, swap, memory, series)


def _rows(artifact: Artifact, table: str, row_type: type[Any]) -> tuple[Any, ...]:
    return tuple(artifact.rows(table, row_type)) if table in artifact.manifest.tables else ()
