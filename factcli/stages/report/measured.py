"""What other stages wrote, read back: the one module of the report that knows their comparisons."""

from factcli.judge.compare import Results, difference_metrics, read_results, retention_metrics
from factcli.judge.metrics import Metric, ranked_answers, ranked_claims
from factcli.rows import BaseMeasure, MemorisationRow, SwapRow
from factcli.stats import RankedClaim

__all__ = [
    "BaseMeasure",
    "MemorisationRow",
    "Metric",
    "RankedClaim",
    "Results",
    "SwapRow",
    "difference_metrics",
    "on_common_questions",
    "ranked_answers",
    "ranked_claims",
    "read_results",
    "retention_metrics",
]


def on_common_questions(*results: Results) -> list[Results]:
    """Each cut to the questions that all of them answered: one whose answer failed for a model is compared for none."""
    common = set.intersection(*({answer.question_id for answer in one.questions} for one in results))
    return [Results([answer for answer in one.questions if answer.question_id in common], one.biographies, one.claims) for one in results]
