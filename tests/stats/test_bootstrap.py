"""Intervals hold what they promise on clustered data, and small cases agree with a hand count."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factcli.errors import InputError
from factcli.stats import (
    Item,
    bootstrap_ratio,
    equal_signs,
    paired_difference,
    ratio,
    seed_subject_bootstrap,
    share,
    subject_weights,
)

ITEMS = st.lists(st.builds(Item, st.sampled_from("abcdef"), st.integers(0, 1), st.just(1)), min_size=1, max_size=30)


def clustered(rng: np.random.Generator, n_subjects: int, mean: float = 0.6) -> list[Item]:
    """Three to eight facts of each subject; a subject's own rate is Beta with intra-class correlation 1/3."""
    items = []
    for subject in range(n_subjects):
        rate = rng.beta(2 * mean, 2 * (1 - mean))
        items += [Item(f"p{subject:03d}", float(right)) for right in rng.random(rng.integers(3, 9)) < rate]
    return items


def coverage(intervals: list[tuple[float | None, float | None]], truth: float) -> float:
    return sum(low <= truth <= high for low, high in intervals if low is not None and high is not None) / len(intervals)


def test_a_share_is_the_sum_of_numerators_over_the_sum_of_denominators():
    # a: 1 of 2, b: 3 of 6 and 0 of 0 -> 4 of 8; the empty item is not counted, its subject is
    result = share([Item("a", 1, 2), Item("b", 3, 6), Item("b", 0, 0)])
    assert (result.value, result.n_items, result.n_clusters) == (0.5, 2, 2)


def test_with_two_subjects_the_redraws_are_the_three_possible_ones():
    # subjects a (0 of 1) and b (1 of 1): drawn aa, ab/ba, bb -> 0, 1/2, 1 with 1/4, 1/2, 1/4
    redraws = bootstrap_ratio([Item("a", 0), Item("b", 1)], draws=4000).redraws_D
    assert sorted(set(redraws)) == [0, 0.5, 1]
    assert abs(np.mean(redraws == 0.5) - 0.5) < 4 * math.sqrt(0.25 / 4000)


def test_every_redraw_draws_as_many_subjects_as_there_are():
    assert set(subject_weights(7, draws=50).sum(axis=1)) == {7}


def test_nothing_to_count_is_none_and_never_nan():
    for items in ([], [Item("a", 0, 0), Item("b", 0, 0)]):
        result = share(items)
        assert (result.value, result.low, result.high, result.n_items) == (None, None, None, 0)
    assert paired_difference([Item("a", 0, 0)], [Item("a", 1, 1)]).value is None
    assert seed_subject_bootstrap({}).value is None


def test_one_subject_gives_a_value_without_an_interval():
    result = share([Item("a", 1), Item("a", 0)])
    assert (result.value, result.low, result.high) == (0.5, None, None)


def test_a_share_of_one_has_the_exact_bound_of_its_subjects():
    # 20 subjects all right: the lower bound solves (1 - reach) ** 20 = 0.025 -> 0.025 ** 0.05 = 0.8316
    result = share([Item(f"p{n}", 1) for n in range(20)])
    assert (result.value, result.high) == (1, 1)
    assert result.low == pytest.approx(0.8316, abs=1e-4)
    none_right = share([Item(f"p{n}", 0) for n in range(20)])
    assert (none_right.low, none_right.high) == (0, pytest.approx(1 - 0.8316, abs=1e-4))


def test_a_constant_number_per_answer_has_a_point_interval():
    result = ratio([Item(f"p{n}", 6) for n in range(20)])
    assert (result.value, result.low, result.high) == (6, 6, 6)


@pytest.mark.parametrize(("n_subjects", "mean"), [(12, 0.6), *(pytest.param(*large, marks=pytest.mark.slow) for large in ((40, 0.6), (40, 0.9), (160, 0.9)))])
def test_intervals_of_shares_cover_the_truth_95_times_in_100(n_subjects: int, mean: float):
    rng = np.random.default_rng(n_subjects)
    results = [share(clustered(rng, n_subjects, mean), draws=1000) for _ in range(700)]
    # standard error of a coverage of 0.95 in 700 trials: 0.8%
    assert 0.93 <= coverage([(r.low, r.high) for r in results], mean) <= 0.97


def test_an_interval_over_single_claims_is_too_narrow_on_clustered_data():
    rng = np.random.default_rng(1)
    samples = [clustered(rng, 40) for _ in range(400)]
    naive = [share([Item(f"{n}", item.numerator) for n, item in enumerate(items)], draws=500) for items in samples]
    # design effect 1 + (5.9 - 1) / 3 = 2.6: the naive one is 1 / sqrt(2.6) = 0.62 as wide, +-1.2 se -> 77%
    assert coverage([(r.low, r.high) for r in naive], 0.6) < 0.85


def test_intervals_of_paired_differences_cover_the_truth():
    rng = np.random.default_rng(3)
    intervals = []
    for _ in range(600):
        base = clustered(rng, 60)
        better = [item._replace(numerator=max(item.numerator, float(rng.random() < 0.25))) for item in base]
        result = paired_difference(better, base, draws=1000)
        intervals.append((result.low, result.high))
    assert 0.93 <= coverage(intervals, 0.4 * 0.25) <= 0.97  # a quarter of the 40% wrong ones turn right


def test_pairing_is_narrower_than_the_two_intervals_apart():
    rng = np.random.default_rng(4)
    base = clustered(rng, 60)
    better = [item._replace(numerator=max(item.numerator, float(rng.random() < 0.1))) for item in base]
    paired, alone = paired_difference(better, base), share(base)
    assert None not in (paired.low, paired.high, alone.low, alone.high)
    assert (paired.high or 0) - (paired.low or 0) < 0.5 * ((alone.high or 0) - (alone.low or 0))


def test_a_paired_difference_needs_the_same_subjects():
    with pytest.raises(InputError, match="2 of 3 are in only one"):
        paired_difference([Item("a", 1), Item("b", 1)], [Item("a", 1), Item("c", 1)])


def test_over_seeds_the_value_is_the_mean_of_the_seeds_and_the_seed_is_the_unit():
    # seed 0: 2 of 2 against 0 of 2 -> 1; seed 1: no difference -> 0; mean 1/2, two units
    right, wrong = [Item("a", 1), Item("b", 1)], [Item("a", 0), Item("b", 0)]
    by_seed = {0: bootstrap_ratio(right).minus(bootstrap_ratio(wrong)), 1: bootstrap_ratio(right).minus(bootstrap_ratio(right))}
    result = seed_subject_bootstrap(by_seed)
    assert (result.value, result.n_clusters, result.n_items) == (0.5, 2, 4)
    assert (result.low, result.high) == (0, 1)


@pytest.mark.slow
def test_intervals_over_seeds_cover_the_mean_over_worlds():
    rng = np.random.default_rng(6)
    intervals = []
    for _ in range(300):
        by_seed = {}
        for seed in range(10):
            gain = rng.normal(0.10, 0.04)  # the effect differs between worlds
            base = clustered(rng, 40)
            better = [Item(i.cluster, i.numerator + (rng.random() < gain)) for i in base]
            by_seed[seed] = bootstrap_ratio(better, draws=400).minus(bootstrap_ratio(base, draws=400))
        result = seed_subject_bootstrap(by_seed, draws=1000)
        intervals.append((result.low, result.high))
    assert 0.93 <= coverage(intervals, 0.10) <= 0.99  # conservative by design: subjects are redrawn beneath seeds


def test_equal_signs_counts_those_that_agree_with_the_mean():
    assert equal_signs([0.1, 0.2, -0.05, 0.0]) == (2, 4)
    assert equal_signs([]) == (0, 0)
    assert equal_signs([-1.0, 1.0]) == (0, 2)


@settings(max_examples=50, deadline=None)
@given(items=ITEMS, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_items_changes_nothing(items: list[Item], shuffled):
    again = items.copy()
    shuffled.shuffle(again)
    assert share(items, draws=50) == share(again, draws=50)


@settings(max_examples=50, deadline=None)
@given(items=ITEMS)
def test_a_method_differs_from_itself_by_exactly_nothing(items: list[Item]):
    result = paired_difference(items, items, draws=50)
    assert result.value == 0
    assert result.low in (0, None)
    assert result.high in (0, None)


@settings(max_examples=50, deadline=None)
@given(items=ITEMS)
def test_the_interval_of_a_share_stays_within_0_and_1_and_holds_the_value(items: list[Item]):
    result = share(items, draws=200)
    if result.low is not None and result.high is not None and result.value is not None:
        assert 0 <= result.low <= result.value <= result.high <= 1
