"""`fact compare --plan`: before a run, the smallest difference that it can show, from the spread on dev evaluations."""

from collections.abc import Sequence

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.comparisonrows import PlannedFigure
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.stages.compare.measured import Measured, metrics_of, pair, read_measured
from factcli.stages.compare.settings import PLAN_TABLES, PowerConfig
from factcli.stats.paired import PairedItem
from factcli.stats.power import Spread, planned, spread_of

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


def split_of(evaluation: Artifact) -> str:
    """Whose answers it has: dev, test, or "" where it does not say, as of a benchmark that has no dev people."""
    return str(evaluation.manifest.config.get("split") or "")


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
