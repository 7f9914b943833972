"""Differences with intervals and tests: every figure of every model against the baseline, and p-values adjusted over the family."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from factcli.comparisonrows import ComparedFigure, Role
from factcli.evalrows import is_lower_better
from factcli.judge.metrics import groups_of
from factcli.stages.compare.measured import Measured, Pairs, pair
from factcli.stages.compare.ranked import claim_figures, selective_figures
from factcli.stages.compare.settings import CompareConfig
from factcli.stats.multiple import holm
from factcli.stats.paired import IntervalKind, Tested, estimate_difference, flip_test, paired_sums, standard_error
from factcli.stats.power import smallest_difference

ALL = "all"


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
        interval=interval,
        n_items=estimate.n_items,
        n_subjects=estimate.n_clusters,
        n_unpaired=pairs.n_unpaired,
        smallest=smallest_difference(error, estimate.n_clusters) if error is not None else None,
        design_effect=(error / naive) ** 2 if error is not None and naive else None,
        is_lower_better=is_lower_better(pairs.metric),
        is_share=sums.is_share,
    )


def how_tested(tested: Tested) -> str:
    """Which of the two tests was made, all swaps or drawn ones, is part of what p says."""
    if tested.p_value is None:
        return ""
    return f"all {tested.n_flips} swaps" if tested.is_exact else f"{tested.n_flips} drawn swaps"


def adjusted(rows: Iterable[ComparedFigure]) -> list[ComparedFigure]:
    """With Holm's p-values over the family: all models and figures of role gain and group all that were tested."""
    given = list(rows)
    family = {row.id: row.p_value for row in given if is_in_family(row) and row.p_value is not None}
    found = holm(family)
    return [replace(row, p_holm=found[row.id]) if row.id in found and is_in_family(row) else row for row in given]


def is_in_family(row: ComparedFigure) -> bool:
    return row.role == "gain" and row.group == ALL and row.p_value is not None
