"""`fact compare --plan`: before a run, the smallest difference that it can show, from the spread on dev evaluations."""

from collections.abc import Sequence
from dataclasses import replace

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.comparisonrows import ComparedFigure, PlannedFigure
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.measured import Measured, metrics_of, pair, read_measured, split_of
from factcli.stages.compare.settings import PLAN_TABLES, PowerConfig
from factcli.stats.paired import PairedItem
from factcli.stats.power import Spread, expected_error, planned, smallest_difference, spread_of

REVISION = 2
UNRELATED = 2  # of one model alone: a difference of two that have nothing to do with one another has twice the variance


def plan(config: PowerConfig, evaluations: Sequence[Artifact], name: str | None) -> Plan:
    """Of one model's dev evaluation, or of two to be paired."""
    inputs = dict(zip(("baseline", "model"), evaluations, strict=False))
    return Plan("compare --plan", REVISION, "plan", name or "compare-plan", config, inputs, PLAN_TABLES)


def work(plan: Plan, draft: Draft) -> Outcome:
    config = plan.config
    assert isinstance(config, PowerConfig)
    read = [read_measured(one) for one in plan.inputs.values()]
    rows = [row for metric in metrics_of(read, config.tasks) for row in _of_metric(metric, read, config)]
    if not rows:
        raise InputError("no figure has two subjects with something to count", "give evaluations with more subjects")
    if not draft.done("planned"):
        draft.write("planned", 0, {"planned": rows})
    least = min(rows, key=lambda row: (row.metric != rows[0].metric, row.smallest))
    headline = f"{least.metric}: {least.n_subjects:,} subjects with {least.n_items} items each show a difference of {least.smallest:.3g} in 4 of 5 runs"
    notes = [_too_late(one.ref) for one in plan.inputs.values() if split_of(one) == "test"]
    about = {"splits": {one.ref: split_of(one) for one in plan.inputs.values()}, "notes": notes}
    return Outcome(headline + ("; from test people" if notes else ""), {row.id: row.smallest for row in rows} | about)


def _too_late(ref: str) -> str:
    return f"{ref} is of test people: a plan made from those that are to decide comes after the fact; plan from dev people, `fact eval world --set split=dev`"


def _of_metric(metric: str, read: Sequence[Measured], config: PowerConfig) -> list[PlannedFigure]:
    is_paired = len(read) == 2
    items = pair(metric, read[1], read[0], config.max_unpaired).paired_items if is_paired else [_alone(item) for item in read[0].items[metric].values()]
    spread = spread_of(items)
    if spread is None:
        return []
    if not is_paired:
        spread = Spread(UNRELATED * spread.variance, spread.icc, spread.n_items, spread.n_clusters)
    each = config.items or (max(1, round(spread.items_each)),)
    found = [planned(spread, n_subjects, n_items) for n_items in each for n_subjects in config.subjects]
    about = (spread.variance, spread.icc, spread.n_clusters, is_paired)
    return [PlannedFigure(f"{metric}.{one.n_subjects}.{one.n_items}", metric, one.n_subjects, one.n_items, one.smallest, *about) for one in found]


def _alone(item: ItemScore) -> PairedItem:
    """Beside a model that has the same right on every item, as if that were known."""
    return PairedItem(item.subject, item.numerator, item.denominator, 0.0, 1.0)


def held_against(rows: Sequence[ComparedFigure], plan: Artifact) -> list[ComparedFigure]:
    """With the smallest difference that the plan foresaw for as many subjects and items as were compared in the end."""
    foreseen = {row.metric: row for row in plan.rows("planned", PlannedFigure)}
    return [replace(row, planned=_foreseen(row, foreseen[row.metric])) if row.metric in foreseen and row.role == "gain" else row for row in rows]


def _foreseen(row: ComparedFigure, figure: PlannedFigure) -> float | None:
    if row.n_subjects < 2:
        return None
    error = expected_error(figure.variance, figure.icc, row.n_subjects, row.n_items / row.n_subjects)
    return smallest_difference(error, row.n_subjects)


def doubts_of(plan: Artifact, compared: Sequence[Artifact]) -> list[str]:
    """Why a plan says less than it seems to: it was made from the very answers that are compared, or from test people."""
    own = {artifact.digest for artifact in compared}
    used = [entry.ref for entry in plan.manifest.inputs.values() if entry.digest in own]
    same = [f"{plan.ref} was made from {ref}, which is compared here: that is no plan, but the spread that was met" for ref in used]
    return [*same, *plan.summary.get("notes", [])]
