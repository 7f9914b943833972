"""What a comparison of a given size can show: the smallest true difference that it finds 4 times in 5.

The variance of a mean over n subjects with m items each is s2 (1 + (m - 1) icc) / (n m): s2 the variance of one item's paired
difference, icc how alike items of one subject are (intra-class correlation). More items of a subject help less and less.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from factcli.stats.paired import PairedItem
from factcli.stats.quantiles import t_quantile

LEVEL, POWER = 0.05, 0.8  # two-sided; what is customary


class Planned(NamedTuple):
    """n subjects with m items each, and the smallest difference that they show."""

    n_subjects: int
    n_items: int  # of each subject
    smallest: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How paired differences of single items vary, measured on a set that is not the one to be decided on.

    `icc` is None where no subject has two items: nothing is known of how alike they would be.
    """

    variance: float  # of one item's contribution to the difference
    icc: float | None
    n_items: int
    n_clusters: int

    @property
    def items_each(self) -> float:
        return self.n_items / self.n_clusters


def spread_of(items: Iterable[PairedItem]) -> Spread | None:
    """One-way analysis of variance of the items' contributions. None for fewer than two clusters, or where a model has nothing to count.

    A contribution is the item's linear part in the difference of ratios; of items that each count as one it is its difference.
    An intra-class correlation below 0 is taken for 0, which errs on the side of more subjects.
    """
    rows = [item for item in items if item.denominator > 0 or item.other_denominator > 0]
    parts = _contributions(rows)
    if not parts:
        return None
    by_cluster: dict[str, list[float]] = defaultdict(list)
    for item, part in zip(rows, parts, strict=True):
        by_cluster[item.cluster].append(part)
    n_items, n_clusters = len(rows), len(by_cluster)
    if n_clusters < 2:
        return None
    sizes = np.array([len(values) for values in by_cluster.values()])
    means = np.array([np.mean(values) for values in by_cluster.values()])
    between = float((sizes * (means - np.mean(parts)) ** 2).sum()) / (n_clusters - 1)
    if n_items == n_clusters:
        return Spread(between, None, n_items, n_clusters)
    inner = sum(float(((np.array(values) - np.mean(values)) ** 2).sum()) for values in by_cluster.values())
    within = inner / (n_items - n_clusters)
    typical = (n_items - float((sizes**2).sum()) / n_items) / (n_clusters - 1)  # the size that equal clusters would have
    of_clusters = max(0.0, (between - within) / typical)
    variance = of_clusters + within
    return Spread(variance, of_clusters / variance if variance else 0.0, n_items, n_clusters)


def _contributions(items: list[PairedItem]) -> list[float]:
    columns_M4 = np.array([item[1:] for item in items], dtype=float).reshape(-1, 4)
    top, bottom, other_top, other_bottom = columns_M4.sum(axis=0)
    if not bottom or not other_bottom:
        return []
    mine = (columns_M4[:, 0] - top / bottom * columns_M4[:, 1]) / bottom
    others = (columns_M4[:, 2] - other_top / other_bottom * columns_M4[:, 3]) / other_bottom
    return [float(part) for part in (mine - others) * len(items)]


def smallest_difference(error: float, n_clusters: int, power: float = POWER, level: float = LEVEL) -> float | None:
    """The true difference that a standard error shows with this probability. Bloom 1995: (t at the level + t at the power) standard errors."""
    if n_clusters < 2:
        return None
    free = n_clusters - 1
    return float((t_quantile(1 - level / 2, free) + t_quantile(power, free)) * error)


def planned(spread: Spread, n_subjects: int, n_items: int, power: float = POWER, level: float = LEVEL) -> Planned:
    """For a run that is not made yet. Where the icc is not known, further items of a subject are taken to add nothing."""
    smallest = smallest_difference(expected_error(spread.variance, spread.icc, n_subjects, n_items), n_subjects, power, level)
    assert smallest is not None, "a plan has two subjects or more"
    return Planned(n_subjects, n_items, smallest)


def expected_error(variance: float, icc: float | None, n_subjects: int, items_each: float) -> float:
    """The standard error of a difference over that many subjects; `items_each` need not be whole: a run's mean."""
    alike = 1.0 if icc is None else icc
    return float(np.sqrt(variance * (1 + (items_each - 1) * alike) / (n_subjects * items_each)))
