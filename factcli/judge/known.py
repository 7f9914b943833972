"""What a model knows: questions split by how far its samples agree, with thresholds that are given or chosen on a split with truth.

Self-Learning's rule (spec §4.4): keep a question if S_L <= tau_L (samples with the document against the reference); of those, it is
unknown if and only if S_K > tau_K (samples without). Its first versions wrote S >= 0.5 for unknown; at equality its last one counts.
BSDetector: unknown below a confidence of 0.5. Semantic clusters: unknown with more than one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from factcli.consistencyrows import KnownType, QuestionAgreement, Threshold
from factcli.rows import Split

CONFIDENT = 0.5  # BSDetector's threshold on its confidence, as Self-Learning sets it

Rule = Literal["selfcheck", "bsdetector", "clusters"]
Criterion = Literal["balanced_accuracy", "precision"]


class Ruling(NamedTuple):
    type: KnownType
    reason: str = ""


def rule_of(measured: QuestionAgreement, rule: Rule, tau_l: float | None, tau_k: float | None) -> Ruling:
    """Known, unknown, filtered or unscored. `tau_l` None: no question is filtered. `tau_k` None: no threshold was found."""
    unkept = _unkept(measured, tau_l)
    if unkept is not None:
        return unkept
    if rule == "selfcheck":
        if tau_k is None:
            return Ruling("unscored", "no threshold tau_k meets the criterion")
        return _ruling(measured.s_without_document, lambda s: s > tau_k, measured.reason)
    if rule == "bsdetector":
        return _ruling(measured.confidence, lambda confidence: confidence < CONFIDENT, measured.reason)
    return _ruling(measured.n_clusters, lambda n: n > 1, measured.reason)


def _unkept(measured: QuestionAgreement, tau_l: float | None) -> Ruling | None:
    if tau_l is None or not measured.has_document_samples:
        return None
    if measured.s_with_document is None:
        return Ruling("unscored", f"with the document: {measured.reason or 'no score'}")
    return None if measured.s_with_document <= tau_l else Ruling("filtered", "S_L above tau_l: samples with the document contradict the reference")


def _ruling(value: float | None, is_unknown: Callable[[float], bool], reason: str) -> Ruling:
    if value is None:
        return Ruling("unscored", reason or "no score")
    return Ruling("unknown" if is_unknown(value) else "known")


def threshold(name: Literal["tau_l", "tau_k"], scored: Sequence[tuple[float, bool]], criterion: Criterion, target: float, split: Split) -> Threshold:
    """The threshold on S at or below which a question counts as right, chosen on (S, whether it is right) of one split.

    balanced_accuracy: the highest mean of (share of right ones at or below, share of wrong ones above), which is Youden's J / 2 + 1/2.
    precision: the highest threshold below which the share of right ones is at least `target`, so that as many as possible are kept.
    Candidates lie half-way between neighbouring values, and at the highest; of equals the lowest is taken: it keeps less.
    """
    said = criterion if criterion == "balanced_accuracy" else f"precision of at least {target:g}"
    n_right = sum(is_right for _, is_right in scored)
    rows = list(_candidates(scored))
    if criterion == "balanced_accuracy":
        rows = [row for row in rows if row.balanced_accuracy is not None]
        best = max(rows, key=lambda row: (row.balanced_accuracy, -row.tau), default=None)
    else:
        best = max((row for row in rows if row.precision >= target), key=lambda row: row.tau, default=None)
    if best is None:
        return Threshold(name, None, True, said, split, len(scored), n_right, None, None)
    return Threshold(name, best.tau, True, said, split, len(scored), n_right, best.balanced_accuracy, best.precision)


class _Candidate(NamedTuple):
    tau: float
    balanced_accuracy: float | None  # None without both kinds
    precision: float


def _candidates(scored: Sequence[tuple[float, bool]]) -> Iterator[_Candidate]:
    """Each threshold from below, with what lies at or below it."""
    ordered = sorted(scored)
    n_right = sum(is_right for _, is_right in ordered)
    n_wrong = len(ordered) - n_right
    right_below = 0
    for place, (s, is_right) in enumerate(ordered, 1):
        right_below += is_right
        following = ordered[place][0] if place < len(ordered) else s
        if following == s and place < len(ordered):
            continue  # its equals come first
        hits = right_below * n_wrong + (n_wrong - place + right_below) * n_right  # whole numbers: equal candidates are equal
        balanced = hits / (2 * n_right * n_wrong) if n_right and n_wrong else None
        yield _Candidate((s + following) / 2, balanced, right_below / place)


def kept_by_size(scores: Sequence[tuple[str, float]], share: float) -> frozenset[str]:
    """Self-Learning's filter_size: the ids of the `share` of questions with the highest S, at least one; of equals the first by id."""
    n = max(1, round(len(scores) * share)) if scores else 0
    return frozenset(id for id, _ in sorted(scores, key=lambda one: (-one[1], one[0]))[:n])
