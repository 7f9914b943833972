"""The smallest difference that a sample shows: by hand, and found about 4 times in 5 when it is there."""

import math

import numpy as np
import pytest
from scipy.stats import t

from factcli.stats.paired import PairedItem, estimate_difference, paired_sums
from factcli.stats.power import planned, smallest_difference, spread_of
from tests.stats.simulated import World, draw


def test_the_spread_of_items_is_split_into_subjects_and_items():
    """Differences a: 1, 1; b: 0, 0. Between: 2 x (1/2)^2 x 2 / 1 = 1; within 0; so subjects 1 / 2 = 0.5, icc 1."""
    spread = spread_of([PairedItem(c, d, 1, 0, 1) for c, d in (("a", 1), ("a", 1), ("b", 0), ("b", 0))])
    assert spread is not None
    assert (spread.variance, spread.icc, spread.n_items, spread.n_clusters) == (pytest.approx(0.5), 1, 4, 2)


def test_subjects_that_are_no_more_alike_than_items_have_no_correlation():
    # a: 1, 0; b: 1, 0: between 0, within 2 x 0.5 / 2 = 0.5; a negative part of the subjects is taken for 0
    spread = spread_of([PairedItem(c, d, 1, 0, 1) for c, d in (("a", 1), ("a", 0), ("b", 1), ("b", 0))])
    assert spread is not None
    assert (spread.variance, spread.icc) == (pytest.approx(0.5), 0)


def test_the_smallest_difference_is_the_quantiles_of_t_times_the_standard_error():
    # variance 0.5, icc 1: 50 subjects of 4 items are worth 50 items: sqrt(0.5 / 50) = 0.1
    spread = spread_of([PairedItem(c, d, 1, 0, 1) for c, d in (("a", 1), ("a", 1), ("b", 0), ("b", 0))])
    assert spread is not None
    assert planned(spread, 50, 4).smallest == pytest.approx((t.ppf(0.975, 49) + t.ppf(0.8, 49)) * 0.1)
    assert smallest_difference(0.1, 1) is None


def test_of_subjects_with_one_item_each_further_items_are_taken_to_add_nothing():
    spread = spread_of([PairedItem("abcd"[n], n % 2, 1, 0, 1) for n in range(4)])
    assert spread is not None
    assert spread.icc is None
    assert planned(spread, 20, 10).smallest == planned(spread, 20, 1).smallest


def test_too_little_tells_no_spread():
    assert spread_of([]) is None
    assert spread_of([PairedItem("a", 1, 1, 0, 1)] * 5) is None
    assert spread_of([PairedItem("a", 1, 1, 0, 0), PairedItem("b", 1, 1, 0, 0)]) is None


@pytest.mark.slow
@pytest.mark.parametrize(("n_subjects", "n_items"), [(40, 5), (200, 3)])
def test_the_planned_smallest_difference_is_found_in_about_80_of_100(n_subjects: int, n_items: int):
    """Planned from one dev set, then met as the truth in 1,500 runs (standard error of 0.8: 1%).

    Gains and losses whose difference is the planned one: share 0.5, so (gains - losses) / 2. The variance of such runs is that of
    the dev set, whose own difference is nothing: the sum of gains and losses is kept.
    """
    rng = np.random.default_rng([n_subjects, n_items])
    dev = spread_of(draw(rng, 2000, World(0.5, 0.25, 0.25), np.full(2000, n_items)).items())
    assert dev is not None
    smallest = planned(dev, n_subjects, n_items).smallest
    world = World(0.5, 0.25 + smallest, 0.25 - smallest)
    assert world.difference == pytest.approx(smallest)
    n_trials = 1500
    sums = (draw(rng, n_subjects, world, np.full(n_subjects, n_items)).sums(n_subjects) for _ in range(n_trials))
    found = sum((estimate_difference(one, "t").low or 0) > 0 for one in sums) / n_trials
    assert 0.80 - 0.04 <= found <= 0.80 + 0.04


def test_a_spread_of_ratios_gives_the_standard_error_of_the_comparison():
    """One item each: sqrt(variance / n) of the linear parts is close to the jackknife's (they differ by terms of 1 / n)."""
    rng = np.random.default_rng(5)
    items = [PairedItem(f"p{n}", float(rng.binomial(6, 0.7)), 6, float(rng.binomial(3, 0.5)), 3) for n in range(400)]
    spread = spread_of(items)
    result = estimate_difference(paired_sums(items), "t")
    assert spread is not None
    assert math.sqrt(spread.variance / 400) == pytest.approx(((result.high or 0) - (result.low or 0)) / 2 / t.ppf(0.975, 399), rel=0.02)
