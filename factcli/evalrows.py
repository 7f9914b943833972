"""Rows of evaluations: what each item of a benchmark adds to each figure."""

from dataclasses import dataclass

SURPRISE = ("bits_per_byte", "nats_per_word", "nats_per_token", "perplexity", "word_perplexity", "byte_perplexity")
LOWER_IS_BETTER = ("abstention", "risk_coverage_area", "wrong", *SURPRISE)  # the last part of a figure's name


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


def is_lower_better(metric: str) -> bool:
    """Whether a smaller value of the figure is the better one."""
    return metric.rpartition(".")[2] in LOWER_IS_BETTER
