"""Rows of evaluations: what each item of a benchmark adds to each figure."""

import math
from dataclasses import dataclass

SURPRISE = ("bits_per_byte", "byte_perplexity", "nats_per_token", "nats_per_word", "perplexity", "word_perplexity")
LOWER_IS_BETTER = (  # the last part of a figure's name
    *("abstention", "brier_score", "myth_other_wrong", "myth_repeated", "risk_coverage_area", "wrong"),
    *SURPRISE,
)
COUNTS = ("claims_per_answer", "number_correct")  # of each answer: as many as there are
RANGES = {"three_grades": (-1.0, 1.0), **dict.fromkeys((*SURPRISE, *COUNTS), (0.0, math.inf))}


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one item adds to one figure: over items, the sum of numerators over the sum of denominators.

    Every evaluation writes these as the table `items`, so that models are compared, items browsed and exported in one way.
    """

    id: str  # of the benchmark's item: the same for every model that was asked it
    metric: str  # e.g. qa.accuracy, truthfulqa.mc1
    subject: str  # whom or what the item is about: the cluster of intervals
    group: str  # of the subject or item: a popularity group, a question type, a category
    numerator: float
    denominator: float  # 0: asked and not counted, e.g. unscored
    confidence: float | None = None  # of the answer, 0..1, where the model gave one
    is_abstention: bool = False


@dataclass(frozen=True, slots=True)
class GradeChange:
    """One answer that has another grade than it had, by another definition, other accepted answers or another grader.

    Of a biography that is judged anew: one claim that has another verdict.
    """

    id: str  # Answer.id, or Claim.id
    question: str
    text: str
    before: str  # right, wrong or abstained; of a claim its verdict, "" where it was not read
    after: str
    was_strict_match: bool
    is_strict_match: bool
    answers_before: tuple[str, ...]
    answers_after: tuple[str, ...]


def is_lower_better(metric: str) -> bool:
    """Whether a smaller value of the figure is the better one."""
    return metric.rpartition(".")[2] in LOWER_IS_BETTER


def range_of(metric: str) -> tuple[float, float] | None:
    """The least and the most that an item of the figure can be; None: its name does not say, it is a share where every item looks like one."""
    return RANGES.get(metric.rpartition(".")[2])
