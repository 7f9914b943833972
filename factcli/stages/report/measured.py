"""What other stages wrote, read back: the one module of the report that knows their tables and comparisons."""

from factcli.judge.compare import Results, difference_metrics, read_results, retention_metrics
from factcli.judge.metrics import Metric, ranked_claims
from factcli.rows import BaseMeasure, MemorisationRow, SwapRow

__all__ = [
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
