"""FActScore's aggregation, exactly: precision of a response, length penalty, and the means over responses.

Min et al. 2023 (arXiv 2305.14251) and its released code. Letters: S supported, NS not supported, IR irrelevant claims of one
response; N all of them. Differences, both only where the original knows nothing of the kind: a claim that could not be scored is in
no denominator (it is in N, and in the bounds), and where every response abstains the scores are None with a reason, not NaN.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from factcli.rows import Verdict

GAMMA = 10.0  # the paper's: responses of fewer claims are penalised


class Counts(NamedTuple):
    """Claims of one response by verdict."""

    supported: int
    unsupported: int
    irrelevant: int = 0
    unscored: int = 0

    @property
    def n(self) -> int:
        """N: all claims, whatever was said of them."""
        return sum(self)

    def if_unscored(self, are_supported: bool) -> "Counts":
        """The same response, were all its unscored claims supported, or none."""
        return Counts(self.supported + self.unscored * are_supported, self.unsupported + self.unscored * (not are_supported), self.irrelevant)


def count(verdicts: Iterable[Verdict]) -> Counts:
    """Claims by verdict."""
    found = list(verdicts)
    return Counts(found.count("supported"), found.count("unsupported"), found.count("irrelevant"), found.count("unscored"))


def length_penalty(n_claims: int, gamma: float = GAMMA) -> float:
    """1 for more than gamma claims, else exp(1 - gamma / N): 1 claim 0.0001, 5 0.3679, 8 0.7788, 10 1. gamma 0: no penalty."""
    if n_claims == 0:
        return 0.0 if gamma else 1.0  # the limit of exp(1 - gamma / N)
    return 1.0 if n_claims > gamma else math.exp(1 - gamma / n_claims)


def precision(counts: Counts) -> float | None:
    """S / (S + NS + IR), the published definition; None where no claim was scored."""
    return _share(counts.supported, counts.supported + counts.unsupported + counts.irrelevant)


def precision_of_relevant(counts: Counts) -> float | None:
    """S / (S + NS); None where no relevant claim was scored."""
    return _share(counts.supported, counts.supported + counts.unsupported)


def penalised(counts: Counts, gamma: float = GAMMA) -> float | None:
    """Precision times the length penalty of N claims: FActScore's score of one response."""
    value = precision(counts)
    return None if value is None else value * length_penalty(counts.n, gamma)


def f1_at_k(counts: Counts, k: int) -> float | None:
    """F1 of S / (S + NS) and recall min(S / K, 1); 0 where nothing is supported, None where no relevant claim was scored.

    Eq. 1 of LongFact/SAFE, https://arxiv.org/abs/2403.18802. K: how many supported claims a full answer has.
    """
    value = precision_of_relevant(counts)
    return None if value is None else f1(value, min(counts.supported / k, 1.0))


def f1(precision: float, recall: float) -> float:
    """Their harmonic mean, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class FactScore(NamedTuple):
    """What FActScore prints, with its names. Scores are None where nothing could be scored, and `reason` says why."""

    score: float | None  # mean over responses that say something, of precision x length penalty
    init_score: float | None  # the same without the penalty
    respond_ratio: float  # share of responses that say something
    num_facts_per_response: float | None  # mean N of these
    n_responses: int
    n_scored: int  # responses in the means
    reason: str = ""


def aggregate(responses: Sequence[Counts | None], gamma: float = GAMMA) -> FactScore:
    """Means over responses. None: the response abstains; so does one without a claim, as in FActScore. Raises ValueError for none at all."""
    if not responses:
        raise ValueError("no response to aggregate")
    saying = [counts for counts in responses if counts is not None and counts.n]
    scored = [counts for counts in saying if precision(counts) is not None]
    ratio = len(saying) / len(responses)
    length = sum(counts.n for counts in saying) / len(saying) if saying else None
    if not scored:
        reason = "no claim was scored" if saying else "every response abstains"
        return FactScore(None, None, ratio, length, len(responses), 0, reason)
    score, init_score = (sum(values) / len(scored) for values in ([penalised(c, gamma) or 0 for c in scored], [precision(c) or 0 for c in scored]))
    return FactScore(score, init_score, ratio, length, len(responses), len(scored))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
