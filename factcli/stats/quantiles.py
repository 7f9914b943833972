"""Quantiles of the distributions that intervals need.

Of `scipy.special`, loaded by the first of them: `scipy.stats` gives the same numbers, but takes a second to load, which every command
that could count something would wait for.
"""

import numpy as np
from numpy.typing import NDArray


def normal_quantile(share: float) -> float:
    """The z below which this share of the standard normal distribution lies."""
    from scipy.special import ndtri

    return float(ndtri(share))


def normal_shares(z: NDArray[np.float64]) -> list[float]:
    """The share of the standard normal distribution below each z."""
    from scipy.special import ndtr

    return [float(share) for share in ndtr(z)]


def t_quantile(share: float, free: int) -> float:
    """The t below which this share of Student's distribution with `free` >= 1 degrees of freedom lies."""
    from scipy.special import stdtrit

    return float(stdtrit(free, share))
