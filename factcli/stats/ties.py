"""Risk and coverage where confidence has few levels: within one, items are given in any order, so each counts as the level's mean.

With all confidences different, or items of one level all right or all wrong, this is the risk-coverage curve of ranking.py, and is
computed as there. Letters: D redraws, M items, L levels.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from factcli.stats.bootstrap import DRAWS, Bootstrap, Floats, Statistic, bootstrap_items, quotient
from factcli.stats.bounds import UNIT, Bounds
from factcli.stats.ranking import HasConfidence, RankedClaim, area_statistic, share_of_surest, surest_first


class _Levels(NamedTuple):
    """Of items by falling confidence: which are wrong, where levels begin, and the level that each belongs to."""

    wrong_M: Floats
    starts_L: NDArray[np.intp]
    level_of_M: NDArray[np.intp]

    @property
    def is_order_known(self) -> bool:
        """Whether no level has both right and wrong items: then no order within levels changes anything."""
        wrong_L, sizes_L = np.add.reduceat(self.wrong_M, self.starts_L), np.bincount(self.level_of_M)
        return bool(((wrong_L == 0) | (wrong_L == sizes_L)).all())


def tied_risk_coverage_area(claims: Iterable[RankedClaim], draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Mean share wrong over all coverages, in the mean over the orders within levels; lower is better. Needs one item at least."""
    ranked = surest_first(claims)
    return bootstrap_items([claim.subject for claim in ranked], tied_area(ranked), draws, seed, UNIT)


def tied_risk_at_coverage(claims: Iterable[RankedClaim], coverage: float, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Share wrong among the surest `coverage` (0..1] of items, in the mean over the orders within levels."""
    ranked = surest_first(claims)
    share_of = tied_share_of_surest(ranked)
    bounds = Bounds(0.0, 1.0, part=coverage)
    return bootstrap_items([claim.subject for claim in ranked], lambda w_DM: 1 - share_of(w_DM, coverage * w_DM.sum(axis=1)), draws, seed, bounds)


def tied_area(ranked: Sequence[HasConfidence]) -> Statistic:
    """Mean share wrong over all coverages of ranked items (one at least), by their weights."""
    levels = _levels(ranked)
    if levels.is_order_known:
        return area_statistic(ranked)

    def statistic(weights_DM: Floats) -> Floats:
        weights_DL, wrong_DL = _sums(levels, weights_DM)
        before_DL, wrong_before_DL = _before(weights_DL), _before(wrong_DL)
        kept_DM = np.cumsum(weights_DM, axis=1)
        within_DM = kept_DM - before_DL[:, levels.level_of_M]
        share_DL = np.nan_to_num(quotient(wrong_DL, weights_DL))
        wrong_DM = wrong_before_DL[:, levels.level_of_M] + within_DM * share_DL[:, levels.level_of_M]
        risk_DM = np.nan_to_num(quotient(wrong_DM, kept_DM))
        return quotient((risk_DM * weights_DM).sum(axis=1), kept_DM[:, -1])

    return statistic


def tied_share_of_surest(ranked: Sequence[HasConfidence]) -> Callable[[Floats, Floats], Floats]:
    """(weights, how many are kept) -> share right of those; of the last level that is kept in part its mean."""
    levels = _levels(ranked)
    if levels.is_order_known:
        return share_of_surest(ranked)

    def share_of(weights_DM: Floats, n_kept_D: Floats) -> Floats:
        weights_DL, wrong_DL = _sums(levels, weights_DM)
        taken_DL = np.clip(n_kept_D[:, None] - _before(weights_DL), 0, weights_DL)
        right_DL = 1 - np.nan_to_num(quotient(wrong_DL, weights_DL))
        return quotient((taken_DL * right_DL).sum(axis=1), n_kept_D)

    return share_of


def tied_wrong(ranked: Sequence[HasConfidence]) -> Floats:
    """(M,): how many of the first 1, 2, ..., M ranked items are wrong, in the mean over the orders within levels."""
    levels = _levels(ranked)
    size_L, wrong_L = np.bincount(levels.level_of_M), np.add.reduceat(levels.wrong_M, levels.starts_L)
    summed: Floats = np.cumsum((wrong_L / size_L)[levels.level_of_M])
    return summed


def _levels(ranked: Sequence[HasConfidence]) -> _Levels:
    confidences_M = np.array([claim.confidence for claim in ranked])
    starts_L = np.flatnonzero(np.r_[True, confidences_M[1:] != confidences_M[:-1]]).astype(np.intp)
    sizes_L = np.diff(np.r_[starts_L, len(ranked)])
    wrong_M = np.array([not claim.is_correct for claim in ranked], dtype=float)
    return _Levels(wrong_M, starts_L, np.repeat(np.arange(len(starts_L)), sizes_L))


def _sums(levels: _Levels, weights_DM: Floats) -> tuple[Floats, Floats]:
    """Of each level: items, and wrong ones."""
    return np.add.reduceat(weights_DM, levels.starts_L, axis=1), np.add.reduceat(weights_DM * levels.wrong_M, levels.starts_L, axis=1)


def _before(of_DL: Floats) -> Floats:
    summed: Floats = np.cumsum(of_DL, axis=1) - of_DL
    return summed
