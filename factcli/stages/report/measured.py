"""What other stages wrote, read back: the one module of the report that knows their tables and comparisons."""

from factcli.artifact import Artifact
from factcli.judge.compare import Results, difference_metrics, retention_metrics
from factcli.judge.metrics import Metric, ranked_claims
from factcli.judge.names import LABELS
from factcli.rows import Answer, BaseMeasure, Claim, MemorisationRow, SwapRow

__all__ = [
    "LABELS",
    "BaseMeasure",
    "MemorisationRow",
    "Metric",
    "Results",
    "SwapRow",
    "difference_metrics",
    "ranked_claims",
    "read_results",
    "retention_metrics",
]


def read_results(evaluation: Artifact) -> Results:
    """Answers and claims of an evaluation; a benchmark of questions alone has no table of claims."""
    answers = list(evaluation.rows("answers", Answer))
    claims = list(evaluation.rows("claims", Claim)) if "claims" in evaluation.manifest.tables else []
    return Results([a for a in answers if a.task == "qa"], [a for a in answers if a.task == "bio"], claims)
