"""What confidence is worth: shares at equal numbers of claims, AUROC, accuracy at fixed coverage.

Every statistic is written for weighted items (see bootstrap.py), so that a redraw of subjects is a change of
weights. Letters: D redraws, M items, L distinct confidence levels.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from factcli.errors import InputError
from factcli.stats.bootstrap import DRAWS, Bootstrap, Counts, Estimate, Floats, Item, Statistic, bootstrap_items, quotient, redraw, share
from factcli.stats.bounds import UNIT, Bounds


class RankedClaim(NamedTuple):
    """A claim or answer that was judged right or wrong, and how sure the model was. Unscored ones do not belong here."""

    subject: str
    answer_id: str
    confidence: float
    is_correct: bool


class HasConfidence(Protocol):
    """What can be ranked."""

    @property
    def subject(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def is_correct(self) -> bool: ...


Ranked = TypeVar("Ranked", bound=HasConfidence)


class EqualClaims(NamedTuple):
    """The share correct of each method, all cut to the same number of claims; subtract two with `minus`."""

    n_claims: int
    by_method: dict[str, Bootstrap]

    def difference(self, method: str, baseline: str) -> Estimate:
        """Paired difference of two methods on the same redrawn subjects."""
        return self.by_method[method].minus(self.by_method[baseline]).estimate()


def surest_first(claims: Iterable[Ranked]) -> list[Ranked]:
    """By falling confidence; ties by subject and, within one, wrong claims first: within one a tie never flatters. For few levels: ties.py."""
    return sorted(claims, key=lambda claim: (-claim.confidence, claim.subject, claim.is_correct))


def _correct_of(claims: Sequence[HasConfidence]) -> Floats:
    return np.array([claim.is_correct for claim in claims], dtype=float)


def _share_of_surest(weights_DM: Floats, correct_M: Floats, n_kept_D: Floats) -> Floats:
    """Share correct among the first `n_kept_D` claims by weight; the last one counts in part."""
    room_DM = n_kept_D[:, None] - (np.cumsum(weights_DM, axis=1) - weights_DM)
    return quotient(np.clip(room_DM, 0, weights_DM) @ correct_M, n_kept_D)


def share_at_equal_claims(claims_by_method: Mapping[str, Iterable[RankedClaim]], subjects: Iterable[str], draws: int = DRAWS, seed: int = 0) -> EqualClaims:
    """Share correct among each method's N most confident claims, N the smallest total among the methods.

    `subjects` are all that were asked, with or without claims: they are what is redrawn. Within a redraw N
    is the smallest weighted total. Ranking is over all answers together, so a method may drop whole answers.
    """
    clusters = tuple(sorted(set(subjects)))
    place = {subject: index for index, subject in enumerate(clusters)}
    ranked = {method: surest_first(claims) for method, claims in claims_by_method.items()}
    strangers = {claim.subject for claims in ranked.values() for claim in claims} - set(clusters)
    if strangers:
        raise InputError(f"{len(strangers)} subjects have claims but were not asked, e.g. {min(strangers)}")
    subject_of = {m: np.array([place[c.subject] for c in claims], dtype=np.intp) for m, claims in ranked.items()}
    totals = {m: np.bincount(subject_of[m], minlength=len(clusters)).astype(float) for m in ranked}
    n_claims = min((len(claims) for claims in ranked.values()), default=0)
    by_method = {m: _cut(ranked[m], subject_of[m], list(totals.values()), clusters, n_claims, draws, seed) for m in ranked}
    return EqualClaims(n_claims, by_method)


def _cut(
    claims: Sequence[RankedClaim],
    subject_of_M: NDArray[np.intp],
    totals: Sequence[Floats],
    clusters: tuple[str, ...],
    n_claims: int,
    draws: int,
    seed: int,
) -> Bootstrap:
    correct_M, totals_CK = _correct_of(claims), np.stack(totals, axis=1)

    def statistic(weights_DC: Floats) -> Floats:
        n_kept_D = (weights_DC @ totals_CK).min(axis=1)
        return _share_of_surest(weights_DC[:, subject_of_M], correct_M, n_kept_D)

    counts = Counts(n_claims, len({claim.subject for claim in claims[:n_claims]}))
    return redraw(clusters, statistic, counts, draws, seed, UNIT)


def share_by_claims_kept(claims: Iterable[RankedClaim], n_most: int, draws: int = DRAWS, seed: int = 0) -> dict[int, Estimate]:
    """k -> share correct when only the k most confident claims of each answer are kept, k = 1..n_most."""
    rank_in_answer: dict[str, int] = {}
    items: list[tuple[int, Item]] = []
    for claim in surest_first(claims):
        rank = rank_in_answer[claim.answer_id] = rank_in_answer.get(claim.answer_id, 0) + 1
        items.append((rank, Item(claim.subject, claim.is_correct)))
    return {k: share([item for rank, item in items if rank <= k], draws, seed) for k in range(1, n_most + 1)}


def auroc(claims: Iterable[RankedClaim], draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Probability that a right item is surer than a wrong one, ties counting half. None without both kinds."""
    ranked = surest_first(claims)[::-1]
    correct_M = _correct_of(ranked)
    starts_L = _level_starts(ranked)

    def statistic(weights_DM: Floats) -> Floats:
        right_DL = np.add.reduceat(weights_DM * correct_M, starts_L, axis=1)
        wrong_DL = np.add.reduceat(weights_DM * (1 - correct_M), starts_L, axis=1)
        below_DL = np.cumsum(wrong_DL, axis=1) - wrong_DL
        return quotient((right_DL * (below_DL + wrong_DL / 2)).sum(axis=1), right_DL.sum(axis=1) * wrong_DL.sum(axis=1))

    return _estimate(ranked, statistic, draws, seed)


def _level_starts(ranked: Sequence[RankedClaim]) -> NDArray[np.intp]:
    """Where each distinct confidence begins in claims sorted by confidence."""
    confidences = np.array([claim.confidence for claim in ranked])
    return np.flatnonzero(np.r_[True, confidences[1:] != confidences[:-1]]).astype(np.intp)


def share_at_coverage(claims: Iterable[RankedClaim], coverage: float, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Share correct among the most confident `coverage` (0..1] of items."""
    ranked = surest_first(claims)
    return _estimate(ranked, coverage_statistic(ranked, coverage), draws, seed, Bounds(0.0, 1.0, part=coverage))


def share_of_surest(ranked: Sequence[HasConfidence]) -> Callable[[Floats, Floats], Floats]:
    """(weights, how many are kept) -> share correct of those."""
    correct_M = _correct_of(ranked)
    return lambda weights_DM, n_kept_D: _share_of_surest(weights_DM, correct_M, n_kept_D)


def coverage_statistic(ranked: Sequence[HasConfidence], coverage: float) -> Statistic:
    """Share correct among the most confident `coverage` of ranked items, by their weights."""
    correct_M = _correct_of(ranked)

    def statistic(weights_DM: Floats) -> Floats:
        return _share_of_surest(weights_DM, correct_M, coverage * weights_DM.sum(axis=1))

    return statistic


def risk_coverage_area(claims: Iterable[RankedClaim], draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Area under the risk-coverage curve (Geifman & El-Yaniv 2017): mean share wrong over all coverages; lower is better.

    The mean over n = 1..N of the share wrong among the n surest items; an item of weight 2 counts as two coverages.
    """
    ranked = surest_first(claims)
    return _estimate(ranked, area_statistic(ranked), draws, seed)


def area_statistic(ranked: Sequence[HasConfidence]) -> Statistic:
    """Mean share wrong over all coverages of ranked items, by their weights."""
    wrong_M = 1 - _correct_of(ranked)

    def statistic(weights_DM: Floats) -> Floats:
        kept_DM = np.cumsum(weights_DM, axis=1)
        risk_DM = quotient(np.cumsum(weights_DM * wrong_M, axis=1), kept_DM)
        return quotient((np.nan_to_num(risk_DM) * weights_DM).sum(axis=1), kept_DM[:, -1])

    return statistic


def mean_risk(claims: Iterable[RankedClaim]) -> float | None:
    """The value of `risk_coverage_area` alone: its interval takes seconds for ten thousands of items. None without any."""
    wrong_M = 1 - _correct_of(surest_first(claims))
    return float((np.cumsum(wrong_M) / np.arange(1, len(wrong_M) + 1)).mean()) if len(wrong_M) else None


def _estimate(ranked: Sequence[RankedClaim], statistic: Statistic, draws: int, seed: int, bounds: Bounds = UNIT) -> Estimate:
    if not ranked:
        return Estimate(None, None, None, 0, 0)
    return bootstrap_items([claim.subject for claim in ranked], statistic, draws, seed, bounds).estimate()
