"""Preference pairs from scores: which two answers to one prompt a score sets apart far enough, and which of them are taken.

Sources: all ordered pairs above a margin, FactTune (arXiv 2311.08401; spec §2.7); unknown questions, known ones left out, and several
pairs a question, Self-Learning (spec §4.4). Differences: a score of None makes no pair and is counted; a tie is no pair; answers with
the same words are no pair; the multi-pair rule makes nothing where one side is empty (the original sliced with -1 there).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from factcli.backends.asking import seed_of
from factcli.judge.known import Ruling
from factcli.judge.pairlint.found import words_of

EPSILON = 1e-12  # 0.3 - 0.2 is not above a margin of 0.1
MOST_OF_MULTI = 4  # pairs of one question, as in Self-Learning

FEWER = "fewer than two scored answers"
NO_GAP = "no two answers are far enough apart"
KNOWN, UNTOLD = "known question", "question that cannot be told"
NO_SAMPLE, NO_CHOSEN = "no scored sample", "no chosen answer"
NO_TYPE = "question that consistency has not measured"
NO_GOLD, NO_RAW = "no consistent answer with the document", "no sample contradicts the reference enough"


class Candidate(NamedTuple):
    """An answer that may be in a pair. `place` is its place among the answers to its prompt; value None: not scored."""

    place: int
    id: str
    text: str
    value: float | None
    is_reference: bool = False
    with_document: bool = False


class Choice(NamedTuple):
    """The pair (chosen, rejected); `margin` None where the chosen one has no score."""

    chosen: Candidate
    rejected: Candidate
    margin: float | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the pairs of one prompt. `reason`: why there is none."""

    choices: tuple[Choice, ...] = ()
    reason: str = ""
    n_unscored: int = 0
    n_tied: int = 0  # pairs with equal scores
    n_below: int = 0  # apart, and not above the margin
    n_equal: int = 0  # apart, of the same words
    n_capped: int = 0


def all_above(candidates: Sequence[Candidate], margin: float) -> Counted:
    """Every ordered pair whose scores differ by more than `margin` (strictly)."""
    scored = [one for one in candidates if one.value is not None]
    choices: list[Choice] = []
    n_tied = n_below = n_equal = 0
    for one, other in combinations(scored, 2):
        better, worse = (one, other) if value(one) >= value(other) else (other, one)
        gap = value(better) - value(worse)
        if gap <= EPSILON:
            n_tied += 1
        elif gap <= margin + EPSILON:
            n_below += 1
        elif same_words(better.text, worse.text):
            n_equal += 1
        else:
            choices.append(Choice(better, worse, gap))
    reason = "" if choices else (FEWER if len(scored) < 2 else NO_GAP)
    return Counted(tuple(choices), reason, len(candidates) - len(scored), n_tied, n_below, n_equal)


def best_worst(candidates: Sequence[Candidate], margin: float) -> Counted:
    """The pair that is furthest apart; of several, the one whose answers came first."""
    counted = all_above(candidates, margin)
    if not counted.choices:
        return counted
    widest = max(counted.choices, key=lambda choice: (choice.margin or 0.0, -choice.chosen.place, -choice.rejected.place))
    return Counted((widest,), "", counted.n_unscored, counted.n_tied, counted.n_below, counted.n_equal, len(counted.choices) - 1)


def capped(counted: Counted, most: int | None, seed: int, prompt_id: str) -> Counted:
    """At most `most` pairs, spread over the margins: one of each of `most` equal parts of them by rank, drawn by (seed, prompt, pair)."""
    n = len(counted.choices)
    if most is None or n <= most:
        return counted
    by_margin = sorted(counted.choices, key=lambda choice: (choice.margin or 0.0, choice.chosen.place, choice.rejected.place))
    parts = [by_margin[part * n // most : (part + 1) * n // most] for part in range(most)]
    taken = {min(part, key=lambda choice: seed_of(seed, prompt_id, f"{choice.chosen.place}>{choice.rejected.place}")) for part in parts}
    kept = tuple(choice for choice in counted.choices if choice in taken)
    return Counted(kept, "", counted.n_unscored, counted.n_tied, counted.n_below, counted.n_equal, n - most)


class Thresholds(NamedTuple):
    """Self-Learning's, on c, an answer's probability of contradiction (spec §4.4). None: every answer is below tau_l, or above tau_k."""

    tau_k: float | None
    tau_l: float | None


def why_no_pair(ruling: Ruling | None) -> str:
    """Why a question makes no pair; "" for an unknown one. None: consistency has not measured it."""
    if ruling is None:
        return NO_TYPE
    return {"unknown": "", "known": KNOWN}.get(ruling.type, ruling.reason or UNTOLD)


def self_learning(candidates: Sequence[Candidate], takes_reference: bool) -> Counted:
    """One pair: the reference (or the best sample) over the sample that contradicts most."""
    drawn = [one for one in candidates if not one.is_reference and not one.with_document]
    scored = [one for one in drawn if one.value is not None]
    n_unscored = len(drawn) - len(scored)
    if not scored:
        return Counted(reason=NO_SAMPLE, n_unscored=n_unscored)
    rejected = min(scored, key=lambda one: (value(one), one.place))
    chosen = _reference(candidates) if takes_reference else max(scored, key=lambda one: (value(one), -one.place))
    if chosen is None:
        return Counted(reason=NO_CHOSEN, n_unscored=n_unscored)
    return _one(chosen, rejected, n_unscored, is_tie_no_pair=not takes_reference)


def _one(chosen: Candidate, rejected: Candidate, n_unscored: int, is_tie_no_pair: bool) -> Counted:
    margin = _margin(chosen, rejected)
    if is_tie_no_pair and (margin is None or margin <= EPSILON):
        return Counted(reason=NO_GAP, n_unscored=n_unscored, n_tied=1)
    if same_words(chosen.text, rejected.text):
        return Counted(reason=NO_GAP, n_unscored=n_unscored, n_equal=1)
    return Counted((Choice(chosen, rejected, margin if is_tie_no_pair else _if_better(margin)),), "", n_unscored)


def multi(candidates: Sequence[Candidate], thresholds: Thresholds, seed: int, prompt_id: str) -> Counted:
    """Self-Learning's several pairs: the reference over the mildest of n drawn samples, then answers with document over the rest.

    n = min(answers with document below tau_L, samples above tau_K, 4). Both sides by rising contradiction. Nothing where n is 0.
    """
    scored = [one for one in candidates if one.value is not None and not one.is_reference]
    n_unscored = sum(one.value is None and not one.is_reference for one in candidates)
    tau_k, tau_l = thresholds
    gold = _mildest_first(one for one in scored if one.with_document and (tau_l is None or 1 - value(one) < tau_l - EPSILON))
    raw = [one for one in scored if not one.with_document and (tau_k is None or 1 - value(one) > tau_k + EPSILON)]
    reference = _reference(candidates)
    n = min(len(gold), len(raw), MOST_OF_MULTI)
    if n == 0 or reference is None:
        return Counted(reason=NO_CHOSEN if reference is None else (NO_RAW if gold else NO_GOLD), n_unscored=n_unscored)
    drawn = _mildest_first(sorted(raw, key=lambda one: seed_of(seed, prompt_id, one.id))[:n])
    made = [Choice(good, bad, _if_better(_margin(good, bad))) for good, bad in zip([reference, *gold[: n - 1]], drawn, strict=True)]
    kept = tuple(choice for choice in made if not same_words(choice.chosen.text, choice.rejected.text))
    return Counted(kept, "" if kept else NO_GAP, n_unscored, n_equal=len(made) - len(kept), n_capped=len(raw) - n)


def _mildest_first(candidates: Sequence[Candidate] | Iterator[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-value(one), one.place))


def _reference(candidates: Sequence[Candidate]) -> Candidate | None:
    return next((one for one in candidates if one.is_reference), None)


def _if_better(margin: float | None) -> float | None:
    """None where the rule prefers an answer that the score does not: such a pair is no tie, and its margin weighs nothing."""
    return margin if margin is not None and margin > EPSILON else None


def _margin(chosen: Candidate, rejected: Candidate) -> float | None:
    return None if chosen.value is None or rejected.value is None else chosen.value - rejected.value


def value(candidate: Candidate) -> float:
    """Its score, where it is known that there is one."""
    assert candidate.value is not None
    return candidate.value


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in case, punctuation and white space alone."""
    return words_of(one) == words_of(other)
