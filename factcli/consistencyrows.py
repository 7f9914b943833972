"""The rows of `fact score consistency` beside answers and scores: what was compared, what a model thinks of its answers, what is known."""

from dataclasses import dataclass
from typing import Literal

from factcli.rows import Split

# known: the samples agree with the reference; unknown: they do not; filtered: not to be used, see the reason; unscored: cannot be told
KnownType = Literal["known", "unknown", "filtered", "unscored"]
Choice = Literal["A", "B", "C", ""]
Scale = Literal["width", "mass"]


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """What was measured on one question. S is a mean probability of contradiction, 0..1, lower is better; scores are 1 - S."""

    id: str  # the prompt's
    split: Split
    s_with_document: float | None  # S_L
    s_without_document: float | None  # S_K
    confidence: float | None = None  # BSDetector's
    n_clusters: int | None = None  # by meaning, of the samples without the document
    entropy: float | None = None  # of those clusters
    by_logprobs: bool = False  # whether clusters are weighed by the samples' log-probabilities, else by their number
    has_document_samples: bool = False  # then a question without S_L cannot be kept
    reason: str = ""  # why something could not be measured


@dataclass(frozen=True, slots=True)
class QuestionType:
    """What a model knows of one question; S as in QuestionAgreement."""

    id: str  # the prompt's
    type: KnownType
    reason: str  # the rule that was not met, or why nothing can be told; "" for known and unknown
    split: Split
    s_with_document: float | None  # S_L: samples with the document against the reference; None without such samples
    s_without_document: float | None  # S_K: what it says without the document
    score: float | None  # of the method that decided, higher is better
    is_right: bool | None  # where truth is known: whether it answers right without the document


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """What became of a question between two models, by `fact score consistency --before`."""

    id: str  # the prompt's
    split: Split
    cluster: str  # what is redrawn as one for intervals: the topic or subject
    before: KnownType
    after: KnownType
    was_right: bool | None  # where truth is known; without it, known counts as right
    is_right: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the entailment model said of one pair. `sentence` is -1 where the whole text was compared, after the question."""

    id: str  # `{of}.{against}.{sentence}`, with `.back` for the other direction
    prompt_id: str
    of: str  # the answer that is looked at, or whose sentence it is
    against: str  # the answer that it is compared with
    sentence: int
    entails: float
    neutral: float
    contradicts: float


@dataclass(frozen=True, slots=True)
class Reflection:
    """What a model chose when asked whether an answer is (A) correct, (B) incorrect or (C) it is unsure."""

    id: str  # `{answer}.reflection`
    answer_id: str
    prompt_id: str
    choice: Choice  # "" where the answer is none of the three
    value: float | None  # 1, 0, 0.5; None where it is none of the three
    text: str
    request: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold on S, and how it was found. Below or at it a question is known (tau_k), or kept (tau_l)."""

    id: Literal["tau_l", "tau_k"]
    value: float | None  # None: no threshold meets the criterion
    chosen: bool  # on the split `split`; False: given as a setting
    criterion: str
    split: Split
    n: int  # questions that it was chosen on
    n_positive: int  # of those, answered right
    balanced_accuracy: float | None  # on that split
    precision: float | None  # of what it takes as known or keeps, on that split


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one score is worth where truth is known. Truth is 1 for a right answer, 0 for a wrong one, or a share of true claims."""

    id: str  # `{score}.{level}.{split}`
    score: str
    level: Literal["answer", "prompt"]
    split: str  # "all", or the questions' split
    n: int
    n_right: int  # with a truth of at least one half
    n_left_out: int  # without a score or without a truth: abstentions, unlabelled
    n_bins: int
    auroc: float | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    risk_coverage_area: float | None = None
    correlation: float | None = None  # Spearman's, with the truth as a share
    ece_width: float | None = None  # bins of equal width; None where the score is no probability
    ece_mass: float | None = None  # bins of equal numbers
    reason: str = ""  # why something could not be measured


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of a reliability diagram: scores in [low, high), the last bin with its end."""

    id: str  # `{score}.{level}.{split}.{scale}.b{number}`
    score: str
    level: Literal["answer", "prompt"]
    split: str
    scale: Scale
    number: int
    low: float
    high: float
    n: int
    mean_score: float | None  # None for an empty bin
    share_right: float | None
