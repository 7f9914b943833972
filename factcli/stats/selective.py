"""Two models that may keep silent where they are unsure: risk and coverage on the same items, paired, with curves.

Coverage is of what was asked, the same for both models: an abstention is the least sure answer there is, and not right.

Letters: D redraws, M items of one model, 2M of both together, C clusters, F flips.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from factcli.stats.bootstrap import Bootstrap, Estimate, Floats, Statistic, bootstrap_items
from factcli.stats.bounds import UNIT, Bounds
from factcli.stats.paired import Tested
from factcli.stats.ranking import HasConfidence, RankedClaim, area_statistic, coverage_statistic, share_of_surest, surest_first

ABSTAINED = -1.0  # the confidence of an abstention: below any other
DRAWS, FLIPS = 500, 999  # rankings cost draws x items
_BLOCK = 2_000_000  # weights held at once
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


RISK_AREA = StatisticOf(area_statistic, UNIT)  # under the risk-coverage curve


def share_at(coverage: float) -> StatisticOf:
    """Share right of the surest `coverage`."""
    return StatisticOf(lambda ranked: coverage_statistic(ranked, coverage), Bounds(0.0, 1.0, part=coverage))


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

    first, second = (_bootstrap(surest_first(one), statistic_of, seed) for one in (mine, others))
    return Selective(first.value, second.value, first.minus(second).estimate(), swap_test(mine, others, difference_of, seed))


def _bootstrap(ranked: Sequence[RankedClaim], statistic_of: StatisticOf, seed: int) -> Bootstrap:
    return bootstrap_items([claim.subject for claim in ranked], statistic_of.of(ranked), DRAWS, seed, statistic_of.bounds)


def swap_test(
    mine: Sequence[RankedClaim], others: Sequence[RankedClaim], difference_of: Callable[[Sequence[HasConfidence]], DifferenceOf], seed: int = 0
) -> Tested:
    """p of drawn swaps. Both models' items stand in one ranking; a weight of 1 says whose they are, so a swap changes weights alone."""
    ranked = surest_first([*(_Owned(*claim, owner=1.0) for claim in mine), *(_Owned(*claim, owner=0.0) for claim in others)])
    subjects = {subject: number for number, subject in enumerate(sorted({claim.subject for claim in ranked}))}
    if len(subjects) < 2:
        return Tested(None, 0, False)
    owner_M = np.array([claim.owner for claim in ranked])
    subject_of_M = np.array([subjects[claim.subject] for claim in ranked], dtype=np.intp)
    difference = difference_of(ranked)
    seen = float(difference(owner_M[None], 1 - owner_M[None])[0])
    rng = np.random.default_rng([seed, len(subjects), 2])
    n_larger, step = 0, max(1, _BLOCK // len(ranked))
    for start in range(0, FLIPS, step):
        flips_FC = rng.integers(0, 2, size=(min(step, FLIPS - start), len(subjects)), dtype=np.uint8)
        weights_FM = np.abs(owner_M - flips_FC[:, subject_of_M])
        found_F = np.nan_to_num(difference(weights_FM, 1 - weights_FM))
        n_larger += int((np.abs(found_F) >= abs(seen) - 1e-12).sum())
    return Tested((1 + n_larger) / (1 + FLIPS), FLIPS, False)


def curve_of(claims: Iterable[RankedClaim], n_most: int = 100) -> list[CurvePoint]:
    """Risk by coverage at up to `n_most` coverages, evenly spread; the last one is 1."""
    ranked = surest_first(claims)
    wrong_M = np.cumsum([not claim.is_correct for claim in ranked])
    ends: Iterable[int] = np.unique(np.linspace(1, len(ranked), min(n_most, len(ranked))).round().astype(int)).tolist() if ranked else []
    return [CurvePoint(n / len(ranked), float(wrong_M[n - 1]) / n, n) for n in ends]
