"""Two models on the same items: the difference of their ratios, with intervals, a test, and what a sample of this size can show.

The unit is the cluster (subject): items of one are right or wrong together. A figure is a ratio of sums, so models may differ in the
denominator too (claims that they make). Everything is computed from four sums for each cluster.

Letters: C clusters; 4 the columns model's numerator, model's denominator, other's numerator, other's denominator; F flips.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from factcli.stats.bootstrap import DRAWS, SAME, Bootstrap, Counts, Estimate, Floats, jackknife_error, jackknife_reach, quotient, redraw
from factcli.stats.bounds import UNIT, Bounds, met_bounds

IntervalKind = Literal["bca", "t", "percentile"]
FLIPS = 9999  # drawn where not all can be counted: the smallest p is then 0.0001
MOST_EXACT = 13  # clusters that differ, up to which all 2 ** 13 = 8192 flips are counted
_BLOCK = 4_000_000  # flips held at once, 32 MB as float64
_SAME = 1e-9  # relative: statistics that differ by rounding alone are equal
_ROUNDING = 1e-13  # of the terms of a sum that should be nothing, what float64 leaves of it at most


class PairedItem(NamedTuple):
    """One item as two models have it: `numerator` of `denominator` each."""

    cluster: str
    numerator: float
    denominator: float
    other_numerator: float
    other_denominator: float


class Tested(NamedTuple):
    """A two-sided p-value. `is_exact`: every flip was counted; else `n_flips` were drawn. None: nothing to compare."""

    p_value: float | None
    n_flips: int
    is_exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class PairedSums:
    """The four sums of each cluster."""

    clusters: tuple[str, ...]  # sorted
    sums_C4: Floats
    n_items: int  # with a denominator above 0 for either
    is_share: bool  # no numerator is below 0 or above its denominator
    item_bounds: Bounds | None = None  # of what one item of either can be, where it is no share

    @property
    def bounds(self) -> Bounds | None:
        """Of the difference."""
        of_item = UNIT if self.is_share else self.item_bounds
        return of_item.minus(of_item) if of_item else None

    @property
    def values(self) -> tuple[float | None, float | None]:
        """The model's ratio and the other's."""
        total_4 = self.sums_C4.sum(axis=0)
        return tuple(float(top / bottom) if bottom > 0 else None for top, bottom in (total_4[:2], total_4[2:]))  # type: ignore[return-value]  # two

    @property
    def counted(self) -> int:
        """Clusters with anything to count."""
        return int((self.sums_C4[:, [1, 3]] > 0).any(axis=1).sum())

    @property
    def is_differing(self) -> NDArray[np.bool_]:
        """(C,): whether the models differ on a cluster: the others say nothing on which is better."""
        return np.asarray((self.sums_C4[:, :2] != self.sums_C4[:, 2:]).any(axis=1))


def paired_sums(items: Iterable[PairedItem], bounds: Bounds | None = None) -> PairedSums:
    """Items of one cluster added up, in any order. `bounds`: of one item, where they are known; else shares have theirs, and others what was met."""
    sums: dict[str, Floats] = {}
    met: list[float] = []
    n_items, is_share = 0, bounds in (None, UNIT)
    for cluster, *values in sorted(items):  # sorted: float sums do not depend on the order
        sums[cluster] = sums.get(cluster, np.zeros(4)) + values
        n_items += values[1] > 0 or values[3] > 0
        is_share &= 0 <= values[0] <= values[1] and 0 <= values[2] <= values[3]
        met += [top / bottom for top, bottom in (values[:2], values[2:]) if bottom > 0]
    of_item = bounds if bounds and np.isfinite(bounds[:2]).all() else met_bounds(met)
    return PairedSums(tuple(sums), np.array(list(sums.values()), dtype=float).reshape(-1, 4), n_items, is_share, of_item)


def difference_of(sums: PairedSums, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Model minus other, with its redraws of clusters: to be carried to several worlds, or estimated."""

    def statistic(weights_DC: Floats) -> Floats:
        found_D4 = weights_DC @ sums.sums_C4
        return quotient(found_D4[:, 0], found_D4[:, 1]) - quotient(found_D4[:, 2], found_D4[:, 3])

    return replace(redraw(sums.clusters, statistic, Counts(sums.n_items, sums.counted), draws, seed, sums.bounds), is_difference=True)


def estimate_difference(sums: PairedSums, kind: IntervalKind = "bca", draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Model minus other with its 95% interval.

    bca         expanded BCa over redrawn clusters, each end at least as far out as plain t's (`Bootstrap.estimate` says why)
    t           the jackknife's standard error over clusters, Student's t with C - 1 degrees of freedom and a term for skew
    percentile  of the redraws, as they are: too narrow for few clusters; for comparison with what others print

    Where all clusters differ alike (or none does) nothing varies, and the ends are exact, never a width of zero (bounds.py). Of a
    share no end lies beyond +-1.
    """
    bounds, error = sums.bounds, standard_error(sums)
    if bounds and error is not None and error <= SAME:
        mine, others = sums.values
        assert mine is not None
        assert others is not None, "there is an error, so there is a difference"
        return Estimate(mine - others, *bounds.around(mine - others, sums.counted), sums.n_items, sums.counted)
    found = _by_t(sums) if kind == "t" else _by_redraws(sums, kind, draws, seed)
    low, high = bounds.clipped(found.low, found.high) if bounds else (found.low, found.high)
    return replace(found, low=low, high=high)


def _by_redraws(sums: PairedSums, kind: IntervalKind, draws: int, seed: int) -> Estimate:
    result = difference_of(sums, draws, seed)
    if kind == "bca" or result.value is None or result.n_clusters < 2:
        return result.estimate()
    low, high = np.nanquantile(result.redraws_D, (0.025, 0.975))
    return Estimate(result.value, float(low), float(high), result.n_items, result.n_clusters)


def _by_t(sums: PairedSums) -> Estimate:
    mine, others = sums.values
    if mine is None or others is None:
        return Estimate(None, None, None, sums.n_items, sums.counted)
    without_one_C = _without_one(sums)
    if without_one_C is None:
        return Estimate(mine - others, None, None, sums.n_items, sums.counted)
    reach = jackknife_reach(without_one_C)
    return Estimate(mine - others, mine - others - reach, mine - others + reach, sums.n_items, sums.counted)


def standard_error(sums: PairedSums) -> float | None:
    """Of the difference, by the jackknife over clusters; None where leaving one out leaves nothing to count."""
    without_one_C = _without_one(sums)
    return None if without_one_C is None else jackknife_error(without_one_C)


def _without_one(sums: PairedSums) -> Floats | None:
    """The difference without each of the clusters that count."""
    counted_C4 = sums.sums_C4[(sums.sums_C4[:, [1, 3]] > 0).any(axis=1)]
    without_C4 = counted_C4.sum(axis=0) - counted_C4
    if len(counted_C4) < 2 or (without_C4[:, [1, 3]] <= 0).any():
        return None
    return np.asarray(without_C4[:, 0] / without_C4[:, 1] - without_C4[:, 2] / without_C4[:, 3])


def flip_test(sums: PairedSums, n_flips: int = FLIPS, seed: int = 0) -> Tested:
    """How often a difference as large comes of swapping the two models' names on whole clusters, which changes nothing if they are alike.

    The statistic is the difference over its standard error (linearised), which keeps the rate of false alarms also where the two
    ratios are alike and their denominators are not (Janssen 1997; Chung & Romano 2013). All flips are counted where at most
    MOST_EXACT clusters differ; else n_flips are drawn and p is (1 + as large ones) / (1 + n_flips), which is never 0.
    """
    if None in sums.values or sums.counted < 2:
        return Tested(None, 0, False)
    products_CP, swapped_CP = _products(sums.sums_C4), _products(sums.sums_C4[:, [2, 3, 0, 1]])
    total_P = products_CP.sum(axis=0)
    change_CP = (swapped_CP - products_CP)[sums.is_differing]
    seen = float(_studentised(total_P[None])[0])
    n_differing = len(change_CP)
    is_exact = n_differing <= MOST_EXACT
    n_larger = n_counted = 0
    for flips_FC in all_flips(n_differing) if is_exact else drawn_flips(n_differing, n_flips, seed):
        found_F = _studentised(total_P + flips_FC @ change_CP)
        n_larger += int((np.abs(found_F) >= abs(seen) * (1 - _SAME) - _SAME).sum())
        n_counted += len(flips_FC)
    p_value = n_larger / n_counted if is_exact else (1 + n_larger) / (1 + n_counted)
    return Tested(p_value, n_counted, is_exact)


def _products(sums_C4: Floats) -> Floats:
    """(C, 14): the four sums and their ten products: all that the statistic of a flip is made of, and each is added up over clusters."""
    first, second = np.triu_indices(4)
    return np.hstack([sums_C4, sums_C4[:, first] * sums_C4[:, second]])


def _studentised(totals_FP: Floats) -> Floats:
    """The difference of ratios over the root of the sum of its squared linear parts; one without any spread is as large as can be."""
    top, bottom, other_top, other_bottom = totals_FP[:, :4].T
    ratio, other = quotient(top, bottom), quotient(other_top, other_bottom)
    parts_F4 = np.stack(
        [quotient(np.ones_like(top), bottom), -quotient(ratio, bottom), -quotient(np.ones_like(top), other_bottom), quotient(other, other_bottom)], 1
    )
    first, second = np.triu_indices(4)
    weights_FP = parts_F4[:, first] * parts_F4[:, second] * np.where(first == second, 1, 2)
    terms_FP = weights_FP * totals_FP[:, 4:]
    variance_F = terms_FP.sum(axis=1)
    variance_F = np.where(variance_F > _ROUNDING * np.abs(terms_FP).sum(axis=1), variance_F, 0)  # what cancels leaves rounding, in which ties would break
    difference_F = np.nan_to_num(ratio - other)
    scale_F = np.sqrt(np.maximum(np.nan_to_num(variance_F), _SAME * _SAME))
    return np.asarray(difference_F / scale_F)


def all_flips(n_clusters: int, step: int = _BLOCK) -> Iterator[Floats]:
    """Every way to swap some of the clusters, (F, C) at a time."""
    for start in range(0, 2**n_clusters, step):
        numbers_F = np.arange(start, min(start + step, 2**n_clusters))
        yield (numbers_F[:, None] >> np.arange(n_clusters) & 1).astype(float)


def drawn_flips(n_clusters: int, n_flips: int, seed: int, step: int | None = None) -> Iterator[Floats]:
    """Swaps drawn by the seed, (F, C) at a time."""
    rng = np.random.default_rng([seed, n_clusters, 1])
    step = step or max(1, _BLOCK // n_clusters)
    for start in range(0, n_flips, step):
        yield rng.integers(0, 2, size=(min(step, n_flips - start), n_clusters), dtype=np.uint8).astype(float)
