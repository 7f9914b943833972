"""Evaluations in, one comparison out: differences, curves, what changed, and a verdict for each model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.comparisonrows import ChangedClaim, ComparedCurvePoint, ComparedFigure
from factcli.errors import SettingsError, nearest
from factcli.judge.changes import falsehoods_dropped
from factcli.judge.measured import Measured, is_of_task, metrics_of, pair, read_measured
from factcli.judge.trainingrows import Trained, trained
from factcli.progress import Report
from factcli.stages.compare import planning, telling
from factcli.stages.compare.asked import asked_otherwise
from factcli.stages.compare.changed import changed_rows, counted
from factcli.stages.compare.figures import adjusted, compared
from factcli.stages.compare.ranked import curves_of, unranked
from factcli.stages.compare.settings import TABLES, CompareConfig
from factcli.stages.compare.verdict import verdict_of
from factcli.stages.compare.worlds import over_worlds

REVISION = 4
NO_RUN = "it has no training that the baseline does not stand on too"


@dataclass(frozen=True, slots=True)
class Side:
    """One model: its evaluations, one for each world (mostly one), and those that measure drift."""

    evaluations: tuple[Artifact, ...]
    drift: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Models to compare, the baseline first. `are_worlds`: drift evaluations are by world too, else one for each benchmark."""

    sides: tuple[Side, ...]
    are_worlds: bool = False
    training: Mapping[str, Trained] = field(default_factory=dict)  # of an evaluation by its ref: what the baseline's model does not stand on too
    plan: Artifact | None = None  # of `fact compare --plan`, made before

    @property
    def inputs(self) -> dict[str, Artifact]:
        """By role, for lineage and key."""
        found: dict[str, Artifact] = {}
        for n, side in enumerate(self.sides):
            role = "baseline" if n == 0 else f"model{n if len(self.sides) > 2 else ''}"
            found |= _numbered(role, side.evaluations) | _numbered(f"{role}-drift", side.drift)
        runs = [run for own in self.training.values() for run in own.runs]
        taught = {artifact.digest: artifact for run in runs for artifact in (run.artifact, *run.data.values())}
        return found | _numbered("training", tuple(taught.values())) | ({"plan": self.plan} if self.plan else {})

    @property
    def not_traced(self) -> dict[str, list[str]]:
        """Of each model what of its training cannot be searched for rows near a change."""
        told = {ref: [*own.missing, *([] if own.runs else [NO_RUN])] for ref, own in self.training.items()}
        return {ref: missing for ref, missing in told.items() if missing}


def _numbered(role: str, artifacts: Sequence[Artifact]) -> dict[str, Artifact]:
    return {role: artifacts[0]} if len(artifacts) == 1 else {f"{role}-{n}": artifact for n, artifact in enumerate(artifacts, 1)}


def source_of(config: CompareConfig, sides: Sequence[Side], are_worlds: bool, root: Any, planned: Artifact | None = None) -> Source:
    """With the training of the compared models, where changes are traced to it: all but what the baseline stands on too."""
    if not config.changes or not config.nearest or are_worlds:
        return Source(tuple(sides), are_worlds, plan=planned)
    of_base = trained(sides[0].evaluations[0], root)
    own = {one.ref: trained(one, root).without(of_base) for one in (side.evaluations[0] for side in sides[1:])}
    return Source(tuple(sides), are_worlds, own, planned)


def plan(config: CompareConfig, source: Source, name: str | None) -> Plan:
    return Plan("compare", REVISION, "comparison", name or "comparison", config, source.inputs, TABLES)


def work(plan: Plan, draft: Draft, source: Source, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, CompareConfig)
    report.begin("Comparing", len(source.sides))
    read = [[read_measured(one) for one in side.evaluations] for side in source.sides]
    metrics = metrics_of([one for evaluations in read for one in evaluations], config.tasks)
    found = _Found()
    for n, side in enumerate(read[1:], 1):
        found.differences += _differences(side, read[0], metrics, config)
        found.differences += _drift(source, n, config)
        found.notes += _more_than_the_model(source.sides[n], source.sides[0])
        found.notes += _notes(side, read[0], metrics, config)
        if not source.are_worlds:
            _beside(found, side[0], read[0][0], metrics, source, config)
        report.update(n)
    rows = adjusted(found.differences, config)
    if source.plan:
        rows = planning.held_against(rows, source.plan)
        found.notes += planning.doubts_of(source.plan, [one for side in source.sides for one in side.evaluations])
    _require_gain(rows, config)
    verdicts = [verdict_of(side[0].ref, rows, config) for side in read[1:]]
    if not draft.done("comparison"):
        draft.write("comparison", 0, {"differences": rows, "curves": found.curves, "changed": found.changed, "verdicts": verdicts})
    report.end()
    changes = counted(found.changed, found.dropped)
    told = {"not_traced": source.not_traced, "notes": list(dict.fromkeys(found.notes))}
    summary = telling.summary(rows, verdicts, changes, config) | told
    return Outcome(telling.headline(rows, verdicts), summary, {"changed": dict(changes)})


class _Found:
    """What grows while models are compared."""

    def __init__(self) -> None:
        self.differences: list[ComparedFigure] = []
        self.curves: list[ComparedCurvePoint] = []
        self.changed: list[ChangedClaim] = []
        self.dropped: dict[str, int] = {}  # of each model: falsehoods of the baseline that it no longer says
        self.notes: list[str] = []


def _differences(mine: Sequence[Measured], others: Sequence[Measured], metrics: Sequence[str], config: CompareConfig) -> list[ComparedFigure]:
    by_world = [compared(model, base, metrics, config) for model, base in zip(mine, others, strict=True)]
    if len(by_world) == 1:
        return by_world[0]
    pairs = [{metric: pair(metric, model, base, config.max_unpaired) for metric in metrics} for model, base in zip(mine, others, strict=True)]
    return over_worlds(by_world, pairs, config)


def _more_than_the_model(mine: Side, others: Side) -> list[str]:
    """Pairs of evaluations that were not asked, or not graded, alike."""
    pairs = [*zip(mine.evaluations, others.evaluations, strict=True), *zip(mine.drift, others.drift, strict=True)]
    return [note for model, base in pairs if (note := asked_otherwise(model, base))]


def _notes(mine: Sequence[Measured], others: Sequence[Measured], metrics: Sequence[str], config: CompareConfig) -> list[str]:
    """Figures of confidence that could not be had, and why."""
    return [
        note
        for model, base in zip(mine, others, strict=True)
        for metric in metrics
        if (note := unranked(pair(metric, model, base, config.max_unpaired), model.ref, base.ref))
    ]


def _drift(source: Source, n: int, config: CompareConfig) -> list[ComparedFigure]:
    """Every figure that both drift evaluations have, under the name of the model's own evaluation."""
    mine, others = ([read_measured(one) for one in source.sides[place].drift] for place in (n, 0))
    if not mine:
        return []
    ref, base_ref = source.sides[n].evaluations[0].ref, source.sides[0].evaluations[0].ref
    rows = [compared(model, base, metrics_of([model, base], ()), config, "drift") for model, base in zip(mine, others, strict=True)]
    if source.are_worlds:
        metrics = metrics_of([*mine, *others], ())
        pairs = [{metric: pair(metric, model, base, config.max_unpaired) for metric in metrics} for model, base in zip(mine, others, strict=True)]
        rows = [over_worlds(rows, pairs, config)] if len(rows) > 1 else rows
    return [telling.renamed(row, ref, base_ref) for of_one in rows for row in of_one]


def _beside(found: _Found, model: Measured, baseline: Measured, metrics: Sequence[str], source: Source, config: CompareConfig) -> None:
    """Curves, and what changed."""
    pairs = [pair(metric, model, baseline, config.max_unpaired) for metric in metrics]
    known = {point.model for point in found.curves}
    found.curves += curves_of(model, baseline, pairs, of_model=True)
    if baseline.ref not in known:
        found.curves += curves_of(model, baseline, pairs, of_model=False)
    if config.changes:
        found.dropped[model.ref] = falsehoods_dropped(model.results, baseline.results)
        found.changed += changed_rows(model, baseline, source.training.get(model.ref, Trained(())), config.nearest)


def _require_gain(rows: Sequence[ComparedFigure], config: CompareConfig) -> None:
    metrics = list(dict.fromkeys(row.metric for row in rows if row.role == "gain"))
    if config.gain is not None and config.gain not in metrics:
        raise SettingsError(f"there is no figure {config.gain!r} to gain{nearest(config.gain, metrics)}", f"compared are: {', '.join(metrics)}")


__all__ = ["REVISION", "Side", "Source", "is_of_task", "plan", "source_of", "work"]
