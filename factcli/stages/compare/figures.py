"""Differences with intervals and tests: every figure of every model against the baseline, and p-values adjusted over the family."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from factcli.comparisonrows import ComparedFigure, Role
from factcli.judge.measured import Measured, Pairs, pair
from factcli.judge.metrics import groups_of
from factcli.stages.compare.ranked import EQUAL_CLAIMS, claim_figures, selective_figures
from factcli.stages.compare.settings import CompareConfig
from factcli.stats.bootstrap import MOST_LEFT_OUT
from factcli.stats.multiple import holm
from factcli.stats.paired import IntervalKind, Tested, estimate_difference, flip_test, paired_sums, standard_error
from factcli.stats.power import smallest_difference

ALL = "all"
HARNESS = "harness"  # its tasks have their figures one step further down
DECIDING = {"qa": "qa.accuracy", "bio": EQUAL_CLAIMS}  # of a task, where it was measured; of others the first figure


def compared(model: Measured, baseline: Measured, metrics: Sequence[str], config: CompareConfig, role: Role = "gain") -> list[ComparedFigure]:
    """Every figure of one model against the baseline; those of confidence too where gain is measured."""
    rows: list[ComparedFigure] = []
    for metric in metrics:
        pairs = pair(metric, model, baseline, config.max_unpaired)
        rows += _of_groups(pairs, model, baseline, config, role)
        if role == "gain":
            rows += selective_figures(pairs, model.ref, baseline.ref, config)
    return rows + (claim_figures(model, baseline, metrics, config) if role == "gain" else [])


def _of_groups(pairs: Pairs, model: Measured, baseline: Measured, config: CompareConfig, role: Role) -> list[ComparedFigure]:
    groups = groups_of(item for _, item in pairs.items)
    if not config.groups or role == "drift" or len(groups) == 2:  # all, and the one group that all are of
        groups = {ALL: groups[ALL]}
    return [figure_of(pairs.of_groups(members), model.ref, baseline.ref, group, config.interval, config.seed, role) for group, members in groups.items()]


def figure_of(pairs: Pairs, model: str, baseline: str, group: str, interval: IntervalKind, seed: int, role: Role) -> ComparedFigure:
    """One figure on the items of one group."""
    sums = pairs.sums
    estimate, tested, error = estimate_difference(sums, interval, seed=seed), flip_test(sums, seed=seed), standard_error(sums)
    naive = standard_error(paired_sums(item._replace(cluster=str(n)) for n, item in enumerate(pairs.paired_items)))
    return ComparedFigure(
        id=f"{model}.{pairs.metric}.{group}",
        role=role,
        model=model,
        baseline=baseline,
        metric=pairs.metric,
        group=group,
        value=sums.values[0],
        baseline_value=sums.values[1],
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p_value=tested.p_value,
        p_holm=None,
        test=how_tested(tested),
        interval=name_of(interval, estimate.n_clusters),
        n_items=estimate.n_items,
        n_subjects=estimate.n_clusters,
        n_unpaired=pairs.n_unpaired,
        smallest=smallest_difference(error, estimate.n_clusters) if error is not None else None,
        design_effect=(error / naive) ** 2 if error is not None and naive else None,
        is_lower_better=pairs.is_lower_better,
        is_share=sums.is_share,
    )


def name_of(interval: IntervalKind, n_clusters: int) -> str:
    """As it is computed: BCa's ends go no further in than t's (`Bootstrap.estimate`), where clusters are few enough to leave each out in turn."""
    return "bca+t" if interval == "bca" and n_clusters <= MOST_LEFT_OUT else interval


def how_tested(tested: Tested) -> str:
    """Which of the two tests was made, all swaps or drawn ones, is part of what p says."""
    if tested.p_value is None:
        return ""
    return f"all {tested.n_flips} swaps" if tested.is_exact else f"{tested.n_flips} drawn swaps"


def adjusted(rows: Iterable[ComparedFigure], config: CompareConfig) -> list[ComparedFigure]:
    """With Holm's p-values over the family: the figures that decide (`family_of`), of all models. The rest stands beside, with p as it is."""
    given = list(rows)
    deciding = family_of([row.metric for row in given if row.role == "gain"], config)
    family = {row.id: row.p_value for row in given if row.role == "gain" and row.group == ALL and row.metric in deciding and row.p_value is not None}
    found = holm(family)
    return [replace(row, p_holm=found[row.id]) if row.role == "gain" and row.id in found else row for row in given]


def family_of(metrics: Iterable[str], config: CompareConfig) -> set[str]:
    """One figure for each task, and those that the user names in full: the figure to gain, and tasks.

    Accuracy, strict accuracy and three grades of answers without abstentions are one question with one p; were each a test of its own, a
    difference would be paid for three times. Of a task it is the figure to gain or one that is named, else DECIDING, else its first.
    """
    present = list(dict.fromkeys(metrics))
    named = [metric for metric in present if metric == config.gain or metric in config.tasks]
    tasks = dict.fromkeys(task_of(metric) for metric in present)
    first = {task: next(metric for metric in present if task_of(metric) == task) for task in tasks}
    usual = {DECIDING[task] if DECIDING.get(task) in present else first[task] for task in tasks if not any(task_of(metric) == task for metric in named)}
    return {*named, *usual}


def task_of(metric: str) -> str:
    """What is asked: `qa`, `bio`, `harness.arc_challenge`."""
    parts = metric.split(".")
    return ".".join(parts[:2] if parts[0] == HARNESS and len(parts) > 2 else parts[:1])
