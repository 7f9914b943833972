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
from factcli.stages.report.measured import Metric, Results, on_common_questions, read_results, retention_metrics
from factcli.stages.report.trained import PLAIN, asked_as, label_of, method_of, place_of, setting_of, skill_of, start_of

Figures = Mapping[tuple[str, str], Metric]  # (metric, group)
FORMS = ("heldout forms", "trained forms")  # groups of questions, not of people
PROBES = ("eval response-types", "eval forgetting")  # what they ask is read by the sections about them
NAMES = {"popqa": "PopQA's format", "triviaqa": "TriviaQA", "nq": "NQ", "hotpotqa": "HotpotQA", "simpleqa": "SimpleQA", "truthfulqa": "TruthfulQA"}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one benchmark. `skill` None is the untouched base; `series` is its mark and colour everywhere.

    `start`: the skill from which it learned preferences, if it did.
    """

    artifact: Artifact
    label: str
    skill: Artifact | None
    start: Artifact | None
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

    benchmarks: Mapping[str, Benchmark]  # by name of the stage, e.g. popqa; the world first
    probes: tuple[Artifact, ...]
    comparisons: tuple[Artifact, ...]
    lineage: tuple[Artifact, ...]
    parents: Mapping[str, tuple[Artifact, ...]]  # ref -> its parents

    @property
    def first(self) -> Benchmark:
        """What the page is about: the world, else the first benchmark with answers, else any."""
        found = list(self.benchmarks.values())
        return next((b for b in found if any(e.results.is_some for e in b.evaluations)), found[0])

    @property
    def others(self) -> dict[str, Benchmark]:
        return {name: b for name, b in self.benchmarks.items() if b is not self.first}

    def of_kind(self, *kinds: str) -> list[Artifact]:
        return [a for a in self.lineage if a.kind in kinds]

    def proofs(self) -> list[tuple[Artifact, list[Proof]]]:
        return [(a, list(a.rows("proofs", Proof))) for a in self.of_kind("skill", "model") if "proofs" in a.manifest.tables]


def is_shown(evaluation: Artifact) -> bool:
    """Whether it has figures; a long answer has none before it is scored."""
    return evaluation.kind == "eval" and "metrics" in evaluation.manifest.tables


def newest_of_each(evals: Sequence[Artifact]) -> list[Artifact]:
    """Of the newest evaluation's base and questions: the newest evaluation of each name, the base first.

    `evals` are newest first. Another benchmark of the same base joins with its own newest questions.
    """
    shown = [e for e in evals if is_shown(e)]
    of_base = [e for e in shown if _base_key(e) == _base_key(shown[0])]
    newest_questions: dict[str, str] = {}
    chosen: dict[str, Artifact] = {}
    for evaluation in of_base:
        stage = evaluation.manifest.stage
        if stage in PROBES or newest_questions.setdefault(stage, _questions_key(evaluation)) == _questions_key(evaluation):
            chosen.setdefault(evaluation.name, evaluation)
    return sorted(chosen.values(), key=lambda e: (_is_skilled(e), asked_as(e) != "task", e.name))


def is_comparison(artifact: Artifact) -> bool:
    """Of figures (`fact compare`), not of answers by a judge."""
    return artifact.kind == "comparison" and "differences" in artifact.manifest.tables


def is_over_worlds(comparison: Artifact) -> bool:
    """Whether each model has one evaluation for each of several worlds."""
    return "baseline-1" in comparison.manifest.inputs


def compared_in(comparison: Artifact, root: Path) -> list[Artifact]:
    """The evaluations that a comparison is about, with those of drift; of several worlds none: they stand on several bases."""
    entries = [entry for role, entry in comparison.manifest.inputs.items() if role.startswith(("baseline", "model")) and entry.kind == "eval"]
    return [] if is_over_worlds(comparison) else [one for entry in entries if is_shown(one := open_input(entry, root))]


def fitting(comparisons: Sequence[Artifact], evals: Sequence[Artifact]) -> list[Artifact]:
    """The newest comparison of each name in which nothing is compared but these evaluations, or things beside them."""
    digests = {e.digest for e in evals}
    found: dict[str, Artifact] = {}
    for comparison in filter(is_comparison, comparisons):
        compared = [entry for role, entry in comparison.manifest.inputs.items() if role.startswith(("baseline", "model")) and "drift" not in role]
        if compared and all(entry.digest in digests for entry in compared):
            found.setdefault(comparison.name, comparison)
    return list(found.values())


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
    """Raises InputError for nothing, for what has no figures, and for evaluations that cannot stand in one table."""
    unmeasured = next((e for e in chosen if not is_shown(e)), None)
    if unmeasured:
        raise InputError(f"{unmeasured.ref} has no figures yet", f"score its answers first: fact score factscore {unmeasured.ref}")
    if all(e.manifest.stage in PROBES for e in chosen):
        raise InputError("there is nothing to report", "evaluate a model first: fact eval world")
    for stage in dict.fromkeys(e.manifest.stage for e in chosen if e.manifest.stage not in PROBES):
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
    compared = ("before", "beside")  # another model that a probe asked as well
    return world.digest if world else sha256_of({k: v for k, v in evaluation.manifest.model.items() if k not in compared})


def _questions_key(evaluation: Artifact) -> str:
    manifest = evaluation.manifest
    config = {name: manifest.config.get(name) for name in ("split", "limit", "heldout_forms", "hub_name", "hub_revision")}
    source = manifest.inputs.get("questions")
    return sha256_of([manifest.stage, config, source.digest if source else "", manifest.prompts])


def collect(given: Sequence[Artifact], main: str | None, root: Path) -> Collected:
    chosen = [e for e in given if e.kind == "eval"]
    comparisons = tuple(c for c in given if is_comparison(c))
    asked = [e for e in chosen if e.manifest.stage not in PROBES]
    stages = sorted({e.manifest.stage for e in asked}, key=lambda stage: (stage != "eval world", stage != "eval popqa", stage))
    found = {stage.removeprefix("eval "): _benchmark([e for e in asked if e.manifest.stage == stage], main, root) for stage in stages}
    if main and not any(b.main for b in found.values()):
        raise InputError(f"main = {main!r}, but no such model was evaluated", f"evaluated: {', '.join(sorted({_model_name(e) for e in chosen}))}")
    lineage = _lineage([*chosen, *(c for c in comparisons if not is_over_worlds(c))], root)
    probes = tuple(e for e in chosen if e.manifest.stage in PROBES)
    return Collected(found, probes, comparisons, lineage, {a.ref: tuple({p.ref: p for p in parents(a, root)}.values()) for a in lineage})


def _lineage(chosen: Sequence[Artifact], root: Path) -> tuple[Artifact, ...]:
    found = {a.ref: a for evaluation in chosen for a in [evaluation, *ancestors(evaluation, root)]}
    kinds = ("world", "synth", "knowledge", "samples", "scores", "pairs", "skill", "model", "eval")
    return tuple(sorted(found.values(), key=lambda a: (kinds.index(a.kind) if a.kind in kinds else len(kinds), a.name, a.manifest.version)))


def _benchmark(chosen: Sequence[Artifact], main: str | None, root: Path) -> Benchmark:
    skills = {e.ref: skill_of(e, root) for e in chosen}
    chief = _main_of(chosen, skills, main)
    ordered = sorted(chosen, key=lambda e: (*place_of(e, skills[e.ref]), e is chief, e.ref))
    base = next((e for e in ordered if skills[e.ref] is None and asked_as(e) == "task"), None)
    before = _results(base) if base else None
    labels = _labels(ordered, root)
    series = _series(ordered, skills, chief)
    starts = {ref: start_of(skill, root) if skill else None for ref, skill in skills.items()}
    read = tuple(_evaluation(e, labels[e.ref], (skills[e.ref], starts[e.ref]), before, series[e.ref]) for e in ordered)
    of_ref = {e.artifact.ref: e for e in read}
    return Benchmark(read, of_ref[base.ref] if base else None, of_ref[chief.ref] if chief else None)


def _main_of(chosen: Sequence[Artifact], skills: Mapping[str, Artifact | None], main: str | None) -> Artifact | None:
    """The model called `main`; unset, PREREQ-TUNE: by its name, else with real rows, else any."""
    asked_plainly = [e for e in chosen if asked_as(e) == "task"]
    if main:
        return next((e for e in asked_plainly if _model_name(e) == main), None)
    tuned = [(e, skill) for e in asked_plainly if (skill := skills[e.ref]) and method_of(skill) == "prereq"]
    ranked = sorted(tuned, key=lambda pair: (pair[1].name != "prereq-tune", not setting_of(pair[1], "real_fraction"), pair[1].name))
    return ranked[0][0] if ranked else None


def _model_name(evaluation: Artifact) -> str:
    return str(evaluation.summary.get("model", evaluation.name))


def _labels(ordered: Iterable[Artifact], root: Path) -> dict[str, str]:
    """Two of the same get their references too."""
    plain = {e.ref: label_of(e, root) for e in ordered}
    return {ref: label if list(plain.values()).count(label) == 1 else f"{label} ({ref})" for ref, label in plain.items()}


def _series(ordered: Sequence[Artifact], skills: Mapping[str, Artifact | None], main: Artifact | None) -> dict[str, int]:
    """0 is the base, 1 the main model, 2.. the plain methods, the rest after them: skills first, so that two benchmarks agree."""
    given: dict[str, int] = {}
    for evaluation in sorted(ordered, key=lambda e: skills[e.ref] is None and asked_as(e) != "task"):
        wanted = _wanted(evaluation, skills[evaluation.ref], evaluation is main)
        given[evaluation.ref] = wanted if wanted is not None and wanted not in given.values() else max([len(PLAIN), *(n + 1 for n in given.values())])
    return given


def _wanted(evaluation: Artifact, skill: Artifact | None, is_main: bool) -> int | None:
    if is_main:
        return 1
    if skill is None:
        return 0 if asked_as(evaluation) == "task" else None
    method = method_of(skill)
    return PLAIN.index(method) + 1 if method in PLAIN[:-1] else None


def _evaluation(artifact: Artifact, label: str, model: tuple[Artifact | None, Artifact | None], before: Results | None, series: int) -> Evaluation:
    """`model`: the skill and what it was begun with."""
    skill, start = model
    results = _results(artifact)
    rows = list(artifact.rows("metrics", Metric))
    figures = {(row.metric, row.group): row for row in rows}
    if skill and before and ("qa.retention", "all") not in figures:  # a benchmark that does not compare by itself
        earlier, later = on_common_questions(before, results)
        figures |= {(row.metric, row.group): row for row in retention_metrics(earlier, later, ())}
    swap, memory = _rows(artifact, "swap", SwapRow), _rows(artifact, "memorisation", MemorisationRow)
    return Evaluation(artifact, label, skill, start, results, figures, swap, memory, series)


def _results(artifact: Artifact) -> Results:
    """Of a benchmark without answers (its items are scored by likelihood, or by a harness) nothing: its figures are shown."""
    return read_results(artifact) if "answers" in artifact.manifest.tables else Results((), (), ())


def _rows(artifact: Artifact, table: str, row_type: type[Any]) -> tuple[Any, ...]:
    return tuple(artifact.rows(table, row_type)) if table in artifact.manifest.tables else ()
