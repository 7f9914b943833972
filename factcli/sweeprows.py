"""The rows of `fact sweep`: one for each cell of the grid."""

from collections.abc import Iterable
from dataclasses import dataclass

from factcli.evalrows import is_lower_better


@dataclass(frozen=True, slots=True)
class SweepCell:
    """One combination of the grid's values, and what dev people say of it. Differences are this cell minus the best one, on the same items."""

    id: str  # its settings with blanks between
    settings: tuple[str, ...]  # NAME=VALUE, in the order of the grid
    seeds: tuple[int, ...]  # empty: none was given
    models: tuple[str, ...]  # what was evaluated, by seed
    evaluations: tuple[str, ...]
    metric: str
    value: float | None  # mean over seeds; None of a cell that failed
    low: float | None  # ends of the 95% interval
    high: float | None
    by_seed: tuple[float, ...]
    n_items: int  # answers that count, of all seeds
    n_subjects: int
    difference: float | None  # None of the best cell
    difference_low: float | None
    difference_high: float | None
    difference_error: float | None  # standard error
    p_value: float | None  # two-sided; of these runs, whatever their number
    p_holm: float | None  # adjusted over all cells that are held against the best
    is_best: bool
    is_behind: bool  # worse than the best, and told apart from it: by p_holm and by the interval
    is_chosen: bool
    seconds: float | None  # that its artifacts took when they were made; those that cells share count in each
    failed: str  # why it has no value; "" where it has


def ranked(rows: Iterable[SweepCell]) -> list[SweepCell]:
    """The best first, of equals in the order of the grid; failed ones last."""

    def place(row: SweepCell) -> tuple[bool, float]:
        value = row.value or 0.0
        return row.value is None, value if is_lower_better(row.metric) else -value

    return sorted(rows, key=place)
