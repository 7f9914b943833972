"""From committed evaluations to what the page is about: benchmarks, the methods on each, who is compared with whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factcli.artifact import Artifact
from factcli.artifact.lineage import ancestors, open_input, parents
from factcli.errors import InputError
from factcli.rows import MemorisationRow, Proof, SwapRow
from factcli.stages.report.measured import Metric, Results, on_common_questions, read_results, retention_metrics
from factcli.stages.report.selected import PROBES, is_comparison, is_over_worlds, is_pairwise, is_scored, is_sweep
from factcli.stages.report.trained import PLAIN, asked_as, label_of, method_of, place_of, setting_of, skill_of, start_of

Figures = Mapping[tuple[str, str], Metric]  # (metric, group)
FORMS = ("heldout forms", "trained forms")  # groups of questions, not of people
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
class Scores:
    """Long answers that a judge scored, and the name of the model that wrote them."""

    artifact: Artifact
    writer: str


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Answers that a judge compared, and the names of the two models that wrote them: different ones."""

    artifact: Artifact
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class Collected:
    """All that the page is made from. `lineage` holds the evaluations and every ancestor, parents first."""

    benchmarks: Mapping[str, Benchmark]  # by name of the stage, e.g. popqa; the world first
    probes: tuple[Artifact, ...]
    comparisons: tuple[Artifact, ...]
    pairwise: tuple[Pairwise, ...]
    scores: tuple[Scores, ...]
    sweeps: tuple[Artifact, ...]
    lineage: tuple[Artifact, ...]
    parents: Mapping[str, tuple[Artifact, ...]]  # ref -> its parents

    @property
    def first(self) -> Benchmark:
        """What the page is about: the world, else the first benchmark with answers, else any; one without evaluations where there is none."""
        found = list(self.benchmarks.values())
        return next((b for b in found if any(e.results.is_some for e in b.evaluations)), found[0] if found else NOTHING)

    @property
    def others(self) -> dict[str, Benchmark]:
        return {name: b for name, b in self.benchmarks.items() if b is not self.first}

    def of_kind(self, *kinds: str) -> list[Artifact]:
        return [a for a in self.lineage if a.kind in kinds]

    def proofs(self) -> list[tuple[Artifact, list[Proof]]]:
        return [(a, list(a.rows("proofs", Proof))) for a in self.of_kind("skill", "model") if "proofs" in a.manifest.tables]


NOTHING = Benchmark((), None, None)


def writer_of(scores: Artifact, root: Path) -> str:
    """The name of the model that wrote the answers, as the page calls it; else that of what held them, or of the scores."""
    entry = next((entry for entry in scores.manifest.inputs.values() if entry.kind in ("eval", "samples")), None)
    if entry is None:
        return scores.ref
    source = open_input(entry, root)
    return label_of(source, root) if entry.kind == "eval" else str(source.summary.get("model", source.ref))


def collect(given: Sequence[Artifact], main: str | None, root: Path) -> Collected:
    chosen = [e for e in given if e.kind == "eval"]
    comparisons = tuple(c for c in given if is_comparison(c))
    asked = [e for e in chosen if e.manifest.stage not in PROBES]
    stages = sorted({e.manifest.stage for e in asked}, key=lambda stage: (stage != "eval world", stage != "eval popqa", stage))
    found = {stage.removeprefix("eval "): _benchmark([e for e in asked if e.manifest.stage == stage], main, root) for stage in stages}
    if main and not any(b.main for b in found.values()):
        raise InputError(f"main = {main!r}, but no such model was evaluated", f"evaluated: {', '.join(sorted({_model_name(e) for e in chosen}))}")
    beside = [a for a in given if is_scored(a) or is_pairwise(a) or (is_comparison(a) and not is_over_worlds(a))]
    lineage = _lineage([*chosen, *beside], root)
    probes = tuple(e for e in chosen if e.manifest.stage in PROBES)
    scores = tuple(Scores(s, writer_of(s, root)) for s in given if is_scored(s))
    labels = {e.artifact.digest: e.label for benchmark in found.values() for e in benchmark.evaluations}
    pairwise = tuple(_pairwise(one, labels, root) for one in given if is_pairwise(one))
    sweeps = tuple(one for one in given if is_sweep(one))
    above = {a.ref: tuple({p.ref: p for p in parents(a, root)}.values()) for a in lineage}
    return Collected(found, probes, comparisons, pairwise, scores, sweeps, lineage, above)


def _pairwise(artifact: Artifact, labels: Mapping[str, str], root: Path) -> Pairwise:
    """Each side by the name that the page gives to its evaluation, else by its own; two of one name get their references, or A and B."""
    a, b = (_side(artifact, side, labels, root) for side in ("a", "b"))
    if a[0] == b[0]:
        a, b = (a[::-1], b[::-1]) if a[1] != b[1] else ((f"{a[0]} (A)", ""), (f"{b[0]} (B)", ""))
    return Pairwise(artifact, a[0], b[0])


def _side(pairwise: Artifact, side: Literal["a", "b"], labels: Mapping[str, str], root: Path) -> tuple[str, str]:
    """Name and reference; those of a file are both its name."""
    entry = pairwise.manifest.inputs.get(f"answers_{side}")
    if entry is None or entry.kind != "eval":
        name = str(pairwise.summary.get(side, side.upper()))
        return name, entry.ref if entry else name
    return labels.get(entry.digest) or label_of(open_input(entry, root), root), entry.ref


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
