"""The rows of `fact compare` and `fact audit`: differences with their intervals, curves, what changed and where that stands in training data."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["gain", "drift"]  # drift: measured to see what the gain cost elsewhere
Change = Literal["gained", "lost", "invented"]
Was = Literal["right", "silent", "wrong", ""]  # what the baseline said of the same: "" where that cannot be told
Known = Literal["highly_known", "maybe_known", "weakly_known", "unknown", "not_asked"]


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of one model beside the baseline's, on the items that both were asked. Shares and differences of shares are 0..1."""

    id: str  # MODEL.METRIC.GROUP
    role: Role
    model: str  # reference of its evaluation; of several worlds the first
    baseline: str
    metric: str
    group: str  # "all", or a group of items: those have p-values of their own, outside the family
    value: float | None
    baseline_value: float | None
    difference: float | None  # model minus baseline
    low: float | None  # ends of the 95% interval
    high: float | None
    p_value: float | None  # two-sided
    p_holm: float | None  # adjusted over the family: of every model the figures that decide; None of those that stand beside
    test: str  # how p came about; "" without one
    interval: str  # bca+t (each end the outer one of BCa's and of t's), bca, t or percentile
    n_items: int
    n_subjects: int  # clusters; of several worlds the worlds
    n_unpaired: int  # items that only one of the two was asked, or answered: left out
    smallest: float | None  # difference that this many subjects show in 4 of 5 runs, at the variance that was met
    design_effect: float | None  # variance of the difference over what single items would give: what a naive interval leaves out
    is_lower_better: bool
    is_share: bool  # a share of each item: a margin in points holds for it
    n_worlds: int = 1
    n_same_sign: int | None = None  # worlds whose own difference has the sign of the mean
    planned: float | None = None  # as `smallest`, at the variance of the dev evaluations that a plan was made from


@dataclass(frozen=True, slots=True)
class ComparedCurvePoint:
    """risk: share wrong (y) of the surest share (x) of what was asked. claims: share true (y) of the surest x claims per answer."""

    id: str  # CURVE.METRIC.MODEL.n
    curve: Literal["risk", "claims"]
    metric: str
    model: str
    x: float
    y: float
    n: int  # answers or claims that the point stands on


@dataclass(frozen=True, slots=True)
class ShipVerdict:
    """Whether a model may take the baseline's place: it gains, and what that costs elsewhere stays within the margin."""

    model: str
    is_shippable: bool
    gain: str  # the figure that decides
    reasons: tuple[str, ...]  # why not; of a shippable one what was held against what
    is_asked: bool = True  # False: no drift was measured, so that nothing but the gain can be said


@dataclass(frozen=True, slots=True)
class NearRow:
    """A training row near what changed. `why`: same subject, same relation and value, same value, or words in common."""

    id: str
    source: str  # reference of the artifact, and its table
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class ChangedClaim:
    """One thing that a model says and the baseline does not, or no longer says, and the training rows nearest to it.

    gained    true, and the baseline did not say it      lost  the baseline had it right, the model does not say it
    invented  false, and the baseline did not say it: `was` tells whether it stands for something right, for silence, or for another falsehood
    """

    id: str  # of the answer or claim: the model's, of a lost one the baseline's
    change: Change
    model: str
    baseline: str
    question_id: str
    question: str
    subject: str
    group: str
    relation: str  # "" where it is not known
    claim: str  # what is true or false
    before: str  # what the baseline says in its place; "" for nothing
    after: str  # what the model says in its place
    confidence: float | None
    near_ids: tuple[str, ...]
    near_sources: tuple[str, ...]
    near_texts: tuple[str, ...]
    near_whys: tuple[str, ...]
    was: Was = ""  # "" in tables of earlier versions


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """What a run of this size would show, computed before it."""

    id: str  # METRIC.n_subjects.n_items
    metric: str
    n_subjects: int
    n_items: int  # of each subject
    smallest: float
    variance: float  # of one item's paired difference, on the dev evaluations
    icc: float | None
    n_dev_subjects: int
    is_paired: bool  # False: from one evaluation alone, as if a second one had nothing to do with it


@dataclass(frozen=True, slots=True)
class AuditedRow:
    """One training row, and how far a model knows it before any training."""

    id: str  # of the row in the data
    task: str
    subject: str
    group: str
    question: str
    answer: str
    known: Known
    share_greedy: float | None  # of greedy answers, one per set of examples, that are right (long answers: of claims)
    share_sampled: float | None  # of drawn answers
    greedy: str  # the first greedy answer
    is_fictitious: bool
    is_left_out: bool  # not known as far as is to be kept, or never asked
    reason: str  # why it was not asked, or is left out; "" otherwise
    n_asked: int  # answers that it stands on
