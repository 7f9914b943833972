"""What one item can be at all, which ends every interval, and is all there is to go by where nothing varies.

Where all clusters say the same, redraws and standard errors are 0, which is no certainty: a share of clusters up to 1 - 0.025 ** (1 / C)
may be otherwise without one of C being met (the exact binomial bound at 0). Were they as far off as an item can be, the figure would
move by that share of the way to the end of its range.
"""

from collections.abc import Iterable
from typing import NamedTuple

Ends = tuple[float | None, float | None]


class Bounds(NamedTuple):
    """The least and the most that an item, and so any mean of items, can be."""

    low: float
    high: float
    is_known: bool = True  # False: what was met, where nothing else is known; exact ends go by it, others may lie outside
    part: float = 1.0  # of the clusters that the figure stands on, e.g. a coverage of 0.5

    def minus(self, other: "Bounds") -> "Bounds":
        """Those of the difference of two figures."""
        return Bounds(self.low - other.high, self.high - other.low, self.is_known and other.is_known, min(self.part, other.part))

    def around(self, value: float, n_clusters: int) -> Ends:
        """The exact 95% interval of a figure that every cluster has alike; none where the range has no width either."""
        if self.low == self.high:
            return None, None
        reach = 1 - 0.025 ** (1 / max(1.0, self.part * n_clusters))
        return value - reach * (value - self.low), value + reach * (self.high - value)

    def clipped(self, low: float | None, high: float | None) -> Ends:
        """Ends of an interval, none beyond what can be."""
        if not self.is_known or low is None or high is None:
            return low, high
        return max(low, self.low), min(high, self.high)


UNIT = Bounds(0.0, 1.0)  # of shares


def met_bounds(values: Iterable[float]) -> Bounds:
    """The range of what was met, of figures whose items have none."""
    met = list(values) or [0.0]
    return Bounds(min(met), max(met), is_known=False)
