"""The same comparison in several worlds or seeds: the world is the unit, what it says is a mean over worlds.

A world drawn anew has other people, another base model and another data order, so what is said holds for worlds, not for the people of
one. Intervals: seeds are redrawn, then subjects (bca), or Student's t over the worlds' own differences (t). The test flips whole worlds.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from factcli.comparisonrows import ComparedFigure
from factcli.judge.measured import Measured, Pairs, bounds_of
from factcli.stages.compare.figures import how_tested
from factcli.stages.compare.settings import CompareConfig
from factcli.stats import equal_signs, seed_subject_bootstrap
from factcli.stats.bootstrap import Bootstrap, Estimate
from factcli.stats.bounds import UNIT, Bounds
from factcli.stats.paired import PairedItem, PairedSums, difference_of, estimate_difference, flip_test, paired_sums, standard_error
from factcli.stats.power import smallest_difference

NO_SHARE = Bounds(-math.inf, math.inf)
World = tuple[Measured, Measured]  # the model's evaluation and the baseline's


def over_worlds(by_world: Sequence[Sequence[ComparedFigure]], pairs: Sequence[dict[str, Pairs]], config: CompareConfig) -> list[ComparedFigure]:
    """One row per figure and group that every world has, from the worlds' own rows. `pairs`: by metric, of each world."""
    first, *others = by_world
    found = [{(row.metric, row.group): row for row in rows} for rows in others]
    rows = []
    for row in first:
        same = [row, *(world[row.metric, row.group] for world in found if (row.metric, row.group) in world)]
        if len(same) == len(by_world) and all(one.difference is not None for one in same):
            rows.append(_mean(same, [world.get(row.metric) for world in pairs], config))
    return rows


def _mean(rows: Sequence[ComparedFigure], pairs: Sequence[Pairs | None], config: CompareConfig) -> ComparedFigure:
    first = rows[0]
    values = [(row.value or 0.0, row.baseline_value or 0.0) for row in rows]
    sums = _sums(rows)
    estimate, tested, error = _estimate(rows, pairs, config), flip_test(sums, seed=config.seed), standard_error(sums)
    return replace(
        first,
        value=sums.values[0],
        baseline_value=sums.values[1],
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p_value=tested.p_value,
        test=how_tested(tested),
        interval=config.interval if all(pairs) else "t",
        n_items=sum(row.n_items for row in rows),
        n_subjects=len(rows),
        n_unpaired=sum(row.n_unpaired for row in rows),
        smallest=smallest_difference(error, len(rows)) if error is not None else None,
        design_effect=None,
        is_share=all(row.is_share for row in rows),
        n_worlds=len(rows),
        n_same_sign=equal_signs([mine - other for mine, other in values])[0],
    )


def _estimate(rows: Sequence[ComparedFigure], pairs: Sequence[Pairs | None], config: CompareConfig) -> Estimate:
    """t where it is asked for, or where there are no items to redraw (figures of confidence)."""
    drawn = [_redrawn(one, row.group, config.seed) for one, row in zip(pairs, rows, strict=True) if one is not None]
    if config.interval != "t" and len(drawn) == len(rows):
        return seed_subject_bootstrap(dict(enumerate(drawn)), seed=config.seed)
    return estimate_difference(_sums(rows), "t")


def _sums(rows: Sequence[ComparedFigure]) -> PairedSums:
    """Each world one item: what an item of the figure can be, a world's mean of them can."""
    worlds = (PairedItem(f"{n:04d}", row.value or 0.0, 1, row.baseline_value or 0.0, 1) for n, row in enumerate(rows))
    return paired_sums(worlds, UNIT if all(row.is_share for row in rows) else bounds_of(rows[0].metric) or NO_SHARE)


def _redrawn(pairs: Pairs, group: str, seed: int) -> Bootstrap:
    chosen = pairs if group == "all" else pairs.of_groups(_members(pairs, group))
    return difference_of(chosen.sums, seed=seed)


def _members(pairs: Pairs, group: str) -> set[str]:
    present = {item.group for _, item in pairs.items}
    return present - {"unseen"} if group == "seen" else {group}
