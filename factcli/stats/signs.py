"""The sign test: are wins and losses as likely as each other?"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Signs(NamedTuple):
    """Subjects that are for one side, for the other, and for neither; and the two-sided p-value of equal chances, None without either."""

    plus: int
    minus: int
    even: int
    p_value: float | None


def sign_test(values: Iterable[tuple[str, float]]) -> Signs:
    """Exact, over subjects: each counts once, by the sign of the sum of its values; those of sum 0 say nothing.

    Items about one subject are right or wrong together, so that items alone would be counted too often.
    """
    from scipy.stats import binomtest

    sums: dict[str, float] = defaultdict(float)
    for subject, value in values:
        sums[subject] += value
    plus, minus = sum(value > 0 for value in sums.values()), sum(value < 0 for value in sums.values())
    p_value = float(binomtest(plus, plus + minus).pvalue) if plus + minus else None
    return Signs(plus, minus, len(sums) - plus - minus, p_value)
