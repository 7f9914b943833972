"""The rows of a judge's calibration card: what a judge, or a source of claims, says where humans have said what is true."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardResponse:
    """One labelled response. Shares are 0..1; None where nothing is counted, with the reason."""

    id: str  # ScoredAnswer.id
    cluster: str  # its topic, else its prompt: responses to one are right or wrong together
    human: float | None  # share of the human claims that humans call supported
    judged: float | None  # share of the scored claims that the judge calls supported
    reason: str  # why one of the two is None; "" otherwise
    n_human: int  # human claims that count
    n_judged: int  # claims with a verdict
    n_unscored: int  # claims without one
    true_positive: int  # claims that both have judged: supported by both
    false_positive: int  # by the judge alone
    true_negative: int
    false_negative: int  # by the human alone


@dataclass(frozen=True, slots=True)
class CardMeasure:
    """A figure of the card with its 95% interval, clusters redrawn."""

    id: str
    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_clusters: int


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How an estimator did on halves of the labelled responses that the other half had corrected."""

    id: str  # the estimator
    coverage: float | None  # share of resamples whose interval holds the human score of the held-out half; no interval is no coverage
    mean_width: float | None
    mean_error: float | None  # estimate less human score
    n_resamples: int
    n_without_interval: int
    n_responses: int


@dataclass(frozen=True, slots=True)
class ClaimMatch:
    """A claim of the source and the human claim of the same response that is nearest to it in words."""

    id: str  # AnswerClaim.id
    human_claim_id: str  # "" where none is near enough
    overlap: float  # ROUGE-L F1 with the nearest one, 0..1
    label: str  # that the human claim has; "" where none is near enough
