"""Risk and coverage where confidence has few levels: within one, items are given in any order, so each counts as the level's mean.

With all confidences different this is the risk-coverage curve of ranking.py. Letters: D redraws, M items, L levels.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from factcli.stats.bootstrap import DRAWS, Bootstrap, Floats, Statistic, bootstrap_items, quotient
from factcli.stats.bounds import UNIT, Bounds
from factcli.stats.ranking import RankedClaim


class _Levels(NamedTuple):
    """Items by falling confidence, and the level that each belongs to."""

    claims: list[RankedClaim]
    wrong_M: Floats
    starts_L: NDArray[np.intp]
    level_of_M: NDArray[np.intp]


def tied_risk_coverage_area(claims: Iterable[RankedClaim], draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Mean share wrong over all coverages, in the mean over the orders within levels; lower is better. Needs one item at least."""
    levels = _levels(claims)

    def statistic(weights_DM: Floats) -> Floats:
        weights_DL, wrong_DL = _sums(levels, weights_DM)
        before_DL, wrong_before_DL = _before(weights_DL), _before(wrong_DL)
        kept_DM = np.cumsum(weights_DM, axis=1)
        within_DM = kept_DM - before_DL[:, levels.level_of_M]
        share_DL = np.nan_to_num(quotient(wrong_DL, weights_DL))
        wrong_DM = wrong_before_DL[:, levels.level_of_M] + within_DM * share_DL[:, levels.level_of_M]
        risk_DM = np.nan_to_num(quotient(wrong_DM, kept_DM))
        return quotient((risk_DM * weights_DM).sum(axis=1), kept_DM[:, -1])

    return _redrawn(levels, statistic, draws, seed, UNIT)


def tied_risk_at_coverage(claims: Iterable[RankedClaim], coverage: float, draws: int = DRAWS, seed: int = 0) -> Bootstrap:
    """Share wrong among the surest `coverage` (0..1] of items, in the mean over the orders within levels."""
    levels = _levels(claims)

    def statistic(weights_DM: Floats) -> Floats:
        weights_DL, wrong_DL = _sums(levels, weights_DM)
        n_kept_D = coverage * weights_DL.sum(axis=1)
        taken_DL = np.clip(n_kept_D[:, None] - _before(weights_DL), 0, weights_DL)
        return quotient((taken_DL * np.nan_to_num(quotient(wrong_DL, weights_DL))).sum(axis=1), n_kept_D)

    return _redrawn(levels, statistic, draws, seed, Bounds(0.0, 1.0, part=coverage))


def _levels(claims: Iterable[RankedClaim]) -> _Levels:
    ordered = sorted(claims, key=lambda claim: -claim.confidence)
    confidences_M = np.array([claim.confidence for claim in ordered])
    starts_L = np.flatnonzero(np.r_[True, confidences_M[1:] != confidences_M[:-1]]).astype(np.intp)
    sizes_L = np.diff(np.r_[starts_L, len(ordered)])
    wrong_M = np.array([not claim.is_correct for claim in ordered], dtype=float)
    return _Levels(ordered, wrong_M, starts_L, np.repeat(np.arange(len(starts_L)), sizes_L))


def _sums(levels: _Levels, weights_DM: Floats) -> tuple[Floats, Floats]:
    """Of each level: items, and wrong ones."""
    return np.add.reduceat(weights_DM, levels.starts_L, axis=1), np.add.reduceat(weights_DM * levels.wrong_M, levels.starts_L, axis=1)


def _before(of_DL: Floats) -> Floats:
    summed: Floats = np.cumsum(of_DL, axis=1) - of_DL
    return summed


def _redrawn(levels: _Levels, statistic: Statistic, draws: int, seed: int, bounds: Bounds) -> Bootstrap:
    subjects: Sequence[str] = [claim.subject for claim in levels.claims]
    return bootstrap_items(subjects, statistic, draws, seed, bounds)
