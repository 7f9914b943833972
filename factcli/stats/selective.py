"""Two models that may keep silent where they are unsure: risk and coverage on the same items, paired, with curves.

Coverage is of what was asked, the same for both models: an abstention is the least sure answer there is, and not right.

Letters: D redraws, M items of one model, 2M of both together, C clusters, F flips.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from factcli.stats.bootstrap import SAME, Bootstrap, Estimate, Floats, Statistic, bootstrap_items
from factcli.stats.bounds import UNIT, Bounds
from factcli.stats.paired import MOST_EXACT, Tested, all_flips, drawn_flips
from factcli.stats.ranking import HasConfidence, RankedClaim, share_of_surest, surest_first
from factcli.stats.ties import tied_area, tied_share_of_surest, tied_wrong

ABSTAINED = -1.0  # the confidence of an abstention: below any other
DRAWS, FLIPS = 500, 9999  # rankings cost draws x items
ENOUGH = 50  # swaps that do as well, after which no more are drawn: p is then above 0.005, with a standard error of 1/7 of it
_BLOCK = 500_000  # weights held at once: few enough for the processor's cache
DifferenceOf = Callable[[Floats, Floats], Floats]  # weights of the model's items, and of the other's -> (F,)


class StatisticOf(NamedTuple):
    """A figure of a ranking, and what it can be."""

    of: Callable[[Sequence[HasConfidence]], Statistic]
    bounds: Bounds


class _Owned(NamedTuple):
    """A ranked claim, and whether it is the model's (1) or the other's (0)."""

    subject: str
    answer_id: str
    confidence: float
    is_correct: bool
    owner: float


class Selective(NamedTuple):
    """A figure of a ranking for the model and the other, and its paired difference."""

    value: float | None
    other: float | None
    difference: Estimate
    tested: Tested


class CurvePoint(NamedTuple):
    """Of the n surest items a share of `risk` is wrong; they are `coverage` of all."""

    coverage: float
    risk: float
    n: int


RISK_AREA = StatisticOf(tied_area, UNIT)  # under the risk-coverage curve


def share_at(coverage: float) -> StatisticOf:
    """Share right of the surest `coverage`."""

    def statistic_of(ranked: Sequence[HasConfidence]) -> Statistic:
        share_of = tied_share_of_surest(ranked)
        return lambda weights_DM: share_of(weights_DM, coverage * weights_DM.sum(axis=1))

    return StatisticOf(statistic_of, Bounds(0.0, 1.0, part=coverage))


def equal_claims(ranked: Sequence[HasConfidence]) -> DifferenceOf:
    """Share right of the surest N of each model, N the smaller of their weights. For `swap_test`."""
    share_of = share_of_surest(ranked)

    def difference(weights_FM: Floats, others_FM: Floats) -> Floats:
        n_kept_F = np.minimum(weights_FM.sum(axis=1), others_FM.sum(axis=1))
        return share_of(weights_FM, n_kept_F) - share_of(others_FM, n_kept_F)

    return difference


def compare_selective(mine: Sequence[RankedClaim], others: Sequence[RankedClaim], statistic_of: StatisticOf, seed: int = 0) -> Selective:
    """Model minus other; both have the same items (`answer_id`). The test swaps the models' names on whole subjects, as `flip_test` does."""
    assert {claim.answer_id for claim in mine} == {claim.answer_id for claim in others}, "paired on the same items"

    def difference_of(ranked: Sequence[HasConfidence]) -> DifferenceOf:
        statistic = statistic_of.of(ranked)
        return lambda weights_FM, others_FM: statistic(weights_FM) - statistic(others_FM)

    first, second = (redrawn(one, statistic_of, seed) for one in (mine, others))
    return Selective(first.value, second.value, first.minus(second).estimate(), swap_test(mine, others, difference_of, seed))


def redrawn(claims: Iterable[RankedClaim], statistic_of: StatisticOf, seed: int = 0) -> Bootstrap:
    """The figure of one model with its redraws of subjects."""
    ranked = surest_first(claims)
    return bootstrap_items([claim.subject for claim in ranked], statistic_of.of(ranked), DRAWS, seed, statistic_of.bounds)


def swap_test(
    mine: Sequence[RankedClaim], others: Sequence[RankedClaim], difference_of: Callable[[Sequence[HasConfidence]], DifferenceOf], seed: int = 0
) -> Tested:
    """p of swaps of the models' names on whole subjects: of all where few subjects differ, else of drawn ones.

    Both models' items stand in one ranking; a weight of 1 says whose they are, so a swap changes weights alone.
    """
    ranked = surest_first([*(_Owned(*claim, owner=1.0) for claim in mine), *(_Owned(*claim, owner=0.0) for claim in others)])
    if len({claim.subject for claim in ranked}) < 2:
        return Tested(None, 0, False)
    place = {subject: n for n, subject in enumerate(_differing(mine, others))}
    owner_M = np.array([claim.owner for claim in ranked])
    place_of_M = np.array([place.get(claim.subject, len(place)) for claim in ranked], dtype=np.intp)  # the last: never swapped
    difference = difference_of(ranked)
    least = abs(float(difference(owner_M[None], 1 - owner_M[None])[0])) - SAME

    def are_larger(flips_FC: Floats) -> NDArray[np.bool_]:
        padded_FC = np.pad(flips_FC, ((0, 0), (0, 1)))
        weights_FM = np.abs(owner_M - padded_FC[:, place_of_M])
        return np.asarray(np.abs(np.nan_to_num(difference(weights_FM, 1 - weights_FM))) >= least)

    step = max(1, _BLOCK // len(ranked))
    if len(place) <= MOST_EXACT:
        return counted(map(are_larger, all_flips(len(place), step)))
    return drawn_until_enough(map(are_larger, drawn_flips(len(place), FLIPS, seed, step)))


def _differing(mine: Iterable[RankedClaim], others: Iterable[RankedClaim]) -> list[str]:
    """Subjects of which the two models' items are not the same to a ranking: swapping the others changes nothing."""
    said: list[dict[str, list[tuple[float, bool]]]] = [{}, {}]
    for of_model, claims in zip(said, (mine, others), strict=True):
        for claim in claims:
            of_model.setdefault(claim.subject, []).append((claim.confidence, claim.is_correct))
    first, second = said
    return [subject for subject in sorted(first.keys() | second.keys()) if sorted(first.get(subject, [])) != sorted(second.get(subject, []))]


def counted(are_larger: Iterable[NDArray[np.bool_]]) -> Tested:
    """Of every swap."""
    found = np.concatenate(list(are_larger))
    return Tested(float(found.mean()), len(found), True)


def drawn_until_enough(are_larger: Iterable[NDArray[np.bool_]]) -> Tested:
    """Besag & Clifford 1991: drawing stops at the swap that is the ENOUGH-th to do as well, and p is ENOUGH over the swaps so far.

    It is as valid as that of a fixed number, and spares what is plainly chance nine tenths of the work. Where drawing ends without, p is
    (1 + as large ones) / (1 + drawn), never 0.
    """
    n_larger = n_drawn = 0
    for found in are_larger:
        places = np.flatnonzero(found)
        if n_larger + len(places) >= ENOUGH:
            n_drawn += int(places[ENOUGH - n_larger - 1]) + 1
            return Tested(ENOUGH / n_drawn, n_drawn, False)
        n_larger, n_drawn = n_larger + len(places), n_drawn + len(found)
    return Tested((1 + n_larger) / (1 + n_drawn), n_drawn, False)


def curve_of(claims: Iterable[RankedClaim], n_most: int = 100) -> list[CurvePoint]:
    """Risk by coverage at up to `n_most` coverages, evenly spread; the last one is 1."""
    ranked = surest_first(claims)
    if not ranked:
        return []
    wrong_M = tied_wrong(ranked)
    ends: list[int] = np.unique(np.linspace(1, len(ranked), min(n_most, len(ranked))).round().astype(int)).tolist()
    return [CurvePoint(n / len(ranked), float(wrong_M[n - 1]) / n, n) for n in ends]
