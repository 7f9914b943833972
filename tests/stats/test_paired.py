"""Paired differences of clustered items: intervals, the test and their parts, by hand where that can be, else on simulated data."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import t

from factcli.stats.bounds import Bounds
from factcli.stats.multiple import holm
from factcli.stats.paired import IntervalKind, PairedItem, PairedSums, estimate_difference, flip_test, paired_sums, standard_error
from tests.stats.simulated import World, alike, claims, draw

# gains and losses; mostly gains; many of both. Few of either, or gains alone, is what small samples are worst at.
WORLDS = {"gains and losses": World(0.6, 0.2, 0.1), "mostly gains": World(0.8, 0.3, 0.02), "many changes": World(0.6, 0.5, 0.2)}
ITEMS = st.lists(st.builds(lambda c, a, b: PairedItem(c, a, 1, b, 1), st.sampled_from("abcdef"), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30)


def of_differences(*differences: float) -> PairedSums:
    """One subject each, one item each; the other has nothing right."""
    return paired_sums(PairedItem(f"p{n}", d, 1, 0, 1) for n, d in enumerate(differences))


def test_items_of_one_subject_are_added_up_and_the_ratios_are_of_the_sums():
    # model: 1 + 0 + 2 of 1 + 1 + 4 = 3 of 6; other: 0 + 1 + 1 of 1 + 1 + 2 = 2 of 4
    sums = paired_sums([PairedItem("a", 1, 1, 0, 1), PairedItem("b", 2, 4, 1, 2), PairedItem("a", 0, 1, 1, 1)])
    assert sums.values == (0.5, 0.5)
    assert (sums.clusters, sums.n_items, sums.counted, sums.is_share) == (("a", "b"), 3, 2, True)
    assert sums.is_differing.tolist() == [False, True]  # a: 1 of 2 for both


@pytest.mark.parametrize("kind", ["bca", "t", "percentile"])
def test_the_interval_of_a_difference_holds_its_value(kind: IntervalKind):
    result = estimate_difference(draw(np.random.default_rng(1), 40, World()).sums(40), kind)
    assert result.low is not None
    assert result.high is not None
    assert result.value is not None
    assert result.low < result.value < result.high


def test_the_t_interval_of_single_items_is_students_where_there_is_no_skew():
    """Differences 1, 0, 0, -1: mean 0, variance 2/3, standard error sqrt(2/3 / 4); t with 3 degrees of freedom; symmetric, so no skew."""
    sums = of_differences(1, 0, 0, -1)
    error = math.sqrt(2 / 3 / 4)
    assert standard_error(sums) == pytest.approx(error)
    result = estimate_difference(sums, "t")
    assert (result.low, result.high) == (pytest.approx(-t.ppf(0.975, 3) * error), pytest.approx(t.ppf(0.975, 3) * error))


def test_where_no_subject_differs_the_interval_has_the_exact_bound_and_no_width_of_zero():
    # 20 subjects of whom none changed: 0.025 ** (1 / 20) = 0.8316, so up to 16.84% may change
    result = estimate_difference(paired_sums(PairedItem(f"p{n}", 1, 1, 1, 1) for n in range(20)))
    assert (result.value, result.low, result.high) == (0, pytest.approx(-0.1684, abs=1e-4), pytest.approx(0.1684, abs=1e-4))


@pytest.mark.parametrize(("n", "low", "p"), [(3, -0.4152, 2 / 8), (5, -0.0436, 2 / 32), (6, 0.0814, 2 / 64)])
@pytest.mark.parametrize("kind", ["bca", "t", "percentile"])
def test_where_all_subjects_gain_alike_the_near_end_is_exact_and_says_what_the_test_says(kind: IntervalKind, n: int, low: float, p: float):
    """Up to 1 - 0.025 ** (1 / n) of the subjects may lose instead, 2 less each: 3 subjects 1 - 2 x 0.7076, 5: 1 - 2 x 0.5218, 6: 1 - 2 x 0.4593."""
    sums = of_differences(*[1.0] * n)
    result = estimate_difference(sums, kind)
    assert (result.value, result.low, result.high) == (1, pytest.approx(low, abs=1e-4), 1)
    assert (flip_test(sums).p_value or 1) == pytest.approx(p)


def test_a_figure_with_a_range_of_its_own_has_the_exact_end_by_that_range():
    # three grades, -1..1: two subjects that turn from wrong to right differ by 2; 0.8419 of them may differ by -2: 2 - 0.8419 x 4
    result = estimate_difference(paired_sums([PairedItem("a", 1, 1, -1, 1), PairedItem("b", 1, 1, -1, 1)], Bounds(-1, 1)), "t")
    assert (result.value, result.low, result.high) == (2, pytest.approx(2 - 4 * (1 - 0.025**0.5)), 2)


def test_without_a_known_range_that_of_what_was_met_is_taken_and_without_any_there_is_no_end():
    """Numbers of 2 to 5 claims, one more each: items met lie 3 apart at most, so a difference lies in -4..4 (2..6); reach 1 - 0.025 ** (1 / 4)."""
    counts = Bounds(0, math.inf)
    sums = paired_sums((PairedItem(f"p{n}", n + 1, 1, n, 1) for n in (2, 3, 4, 5)), counts)
    reach = 1 - 0.025 ** (1 / 4)
    result = estimate_difference(sums)
    assert (result.value, result.low, result.high) == (1, pytest.approx(1 - reach * 5), pytest.approx(1 + reach * 3))
    same = estimate_difference(paired_sums((PairedItem(f"p{n}", 0, 1, 0, 1) for n in range(9)), counts))
    assert (same.value, same.low, same.high) == (0, None, None)


@pytest.mark.parametrize("kind", ["bca", "t"])
def test_no_end_of_a_difference_of_shares_lies_beyond_one(kind: IntervalKind):
    # two questions, one gained: a standard error of 0.5 and t of 1 degree of freedom, 12.7, would be 6.4 either way
    result = estimate_difference(of_differences(1, 0), kind)
    assert (result.value, result.low, result.high) == (0.5, -1, 1)


def test_a_difference_has_the_outer_ends_of_bca_and_of_plain_t():
    sums = draw(np.random.default_rng(2), 30, World()).sums(30)
    result = estimate_difference(sums, "bca")
    reach = t.ppf(0.975, 29) * (standard_error(sums) or 0)
    assert (result.low or 0) <= (result.value or 0) - reach
    assert (result.high or 0) >= (result.value or 0) + reach


def test_nothing_to_count_has_no_difference_and_no_test():
    sums = paired_sums([PairedItem("a", 0, 0, 1, 1), PairedItem("b", 0, 0, 1, 1)])
    assert estimate_difference(sums, "t").value is None
    assert estimate_difference(sums, "bca").value is None
    assert flip_test(sums).p_value is None


@pytest.mark.parametrize(("differences", "p"), [((1, 1, 1), 2 / 8), ((1, 1, 1, 1, 1), 2 / 32), ((1, 1, 1, -1), 10 / 16), ((1, 0, 0, 0), 1)])
def test_few_subjects_are_tested_by_counting_every_flip(differences: tuple[float, ...], p: float):
    """As large as seen: all the same sign, 2 of 2 ** n; of 3 against 1 the sums +-2 and +-4: 2 (4 + 1) of 16; of one change both signs."""
    tested = flip_test(of_differences(*differences))
    assert tested.is_exact
    assert tested.p_value == pytest.approx(p)


def test_drawn_flips_agree_with_counted_ones_and_never_give_zero():
    drawn = draw(np.random.default_rng(3), 13, World(0.5, 0.4, 0.2)).sums(13)
    exact = flip_test(drawn)
    assert exact.is_exact
    doubled = PairedSums((*drawn.clusters, "same1", "same2"), np.vstack([drawn.sums_C4, np.array([[1, 2, 1, 2]] * 2)]), drawn.n_items + 4, True)
    assert flip_test(doubled).n_flips == exact.n_flips  # subjects that both models have alike are not flipped
    certain = flip_test(of_differences(*[1.0] * 30))
    assert not certain.is_exact
    assert certain.p_value == 1 / (1 + certain.n_flips)


@example([PairedItem("a", v, 1, w, 1) for v, w in ((0, 0), (1, 0), (1, 0), (1, 1))] + [PairedItem("b", v, 1, 0, 1) for v in (0, 1)])  # no spread at all
@given(ITEMS)
def test_the_order_of_items_and_of_models_does_not_matter(items: list[PairedItem]):
    there, back = paired_sums(items), paired_sums(PairedItem(c, *other, *mine) for c, *rest in reversed(items) for mine, other in [(rest[:2], rest[2:])])
    assert flip_test(there, 199).p_value == flip_test(back, 199).p_value
    one, two = estimate_difference(there, "t"), estimate_difference(back, "t")
    assert one.value == pytest.approx(-(two.value or 0))
    if one.low is not None:
        assert one.low == pytest.approx(-(two.high or 0))


def covered(kind: IntervalKind, world: World, n_subjects: int, n_trials: int, seed: int = 0) -> float:
    rng = np.random.default_rng([seed, n_subjects])
    found = [estimate_difference(draw(rng, n_subjects, world).sums(n_subjects), kind, draws=1000) for _ in range(n_trials)]
    return sum(e.low <= world.difference <= e.high for e in found if e.low is not None and e.high is not None) / n_trials


@pytest.mark.parametrize("kind", ["bca", "t"])
def test_intervals_of_a_few_clusters_cover_the_truth(kind: IntervalKind):
    # standard error of 0.95 in 500 trials 1%: the full size is below
    assert 0.93 <= covered(kind, WORLDS["many changes"], 30, 500) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("kind", ["bca", "t"])
def test_intervals_of_30_clusters_cover_93_to_97_in_100(kind: IntervalKind, name: str):
    # standard error of 0.95 in 2,000 trials: 0.49%
    assert 0.93 <= covered(kind, WORLDS[name], 30, 2000) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("kind", ["bca", "t"])
def test_intervals_of_300_clusters_cover_93_to_97_in_100(kind: IntervalKind, name: str):
    # standard error of 0.95 in 800 trials: 0.77%
    assert 0.93 <= covered(kind, WORLDS[name], 300, 800) <= 0.97


@pytest.mark.parametrize("n_subjects", [30, 300])
def test_the_naive_interval_over_single_items_is_far_too_narrow(n_subjects: int):
    """Every item taken for a subject of its own, as a per-claim interval does. Here a subject's gains and losses are alike by 1/5.

    The items' own design effect is 1 + (size - 1) icc with the size weighted by items, about 9.5 of a mean of 6: the naive interval
    is some 0.7 as wide, which covers about 0.83. Subjects that change as a whole (icc 1/5 -> 4/5 below) are far worse.
    """
    rng = np.random.default_rng(n_subjects)
    world, n_trials, hits, right_hits = World(0.6, 0.4, 0.2), 600, 0, 0
    for _ in range(n_trials):
        drawn = draw(rng, n_subjects, world)
        for as_items in (True, False):
            own = drawn._replace(subject_M=np.arange(len(drawn.subject_M))) if as_items else drawn
            result = estimate_difference(own.sums(len(own.subject_M) if as_items else n_subjects), "t")
            hit = (result.low or 0) <= world.difference <= (result.high or 0)
            hits, right_hits = (hits + hit, right_hits) if as_items else (hits, right_hits + hit)
    assert hits / n_trials < 0.88
    assert right_hits / n_trials >= 0.93


def false_alarms(n_subjects: int, n_trials: int, n_flips: int = 499) -> float:
    rng = np.random.default_rng([7, n_subjects])
    found = (alike(rng, draw(rng, n_subjects, World(0.6, 0.3, 0.1)), n_subjects).sums(n_subjects) for _ in range(n_trials))
    return sum((flip_test(sums, n_flips, seed=trial).p_value or 1) <= 0.05 for trial, sums in enumerate(found)) / n_trials


@pytest.mark.slow
@pytest.mark.parametrize(("n_subjects", "n_trials"), [(12, 4000), (30, 4000), (300, 1000)])
def test_false_alarms_at_the_null_stay_at_5_in_100(n_subjects: int, n_trials: int):
    # a true rate of exactly 5% would fail a flat bound every other time, so two Monte-Carlo standard errors (0.34% or 0.69%) are added
    assert false_alarms(n_subjects, n_trials) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / n_trials)


@pytest.mark.slow
def test_false_alarms_stay_at_5_in_100_where_one_model_makes_more_claims():
    """Alike in their share and not in their number: swapping names changes more than chance does, and the studentised statistic holds."""
    rng = np.random.default_rng(8)
    for n_subjects, n_trials in ((30, 2000), (200, 1000)):
        rate = sum((flip_test(claims(rng, n_subjects), 499, seed=trial).p_value or 1) <= 0.05 for trial in range(n_trials)) / n_trials
        assert rate <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / n_trials)


def test_holms_adjustment_is_that_of_the_hand():
    # 0.01 x 4 = 0.04; 0.02 x 3 = 0.06; 0.02 x 2 = 0.04 -> not below 0.06; 0.9 x 1
    assert holm({"a": 0.02, "b": 0.9, "c": 0.01, "d": 0.02}) == {"a": 0.06, "b": 0.9, "c": 0.04, "d": 0.06}
    assert holm({}) == {}
    assert holm({"a": 0.4, "b": 0.6}) == {"a": 0.8, "b": 0.8}


@given(st.dictionaries(st.integers(), st.floats(0, 1), min_size=1, max_size=12))
def test_an_adjusted_p_is_never_below_its_own_and_keeps_their_order(p_values: dict[int, float]):
    adjusted = holm(p_values)
    assert all(p_values[key] <= adjusted[key] <= 1 for key in p_values)
    ordered = sorted(p_values, key=lambda key: p_values[key])
    assert [adjusted[key] for key in ordered] == sorted(adjusted.values())


@pytest.mark.slow
def test_one_false_alarm_among_a_family_of_tests_stays_at_5_in_100():
    """Two models against one baseline on three figures, all alike: without Holm some of the six say otherwise in far more than 5%."""
    rng, n_subjects, n_trials = np.random.default_rng(9), 40, 1000
    alone = together = 0
    for trial in range(n_trials):
        sums = [alike(rng, draw(rng, n_subjects, World(0.6, 0.3, 0.1)), n_subjects).sums(n_subjects) for _ in range(6)]
        p_values = {n: flip_test(one, 499, seed=trial * 6 + n).p_value or 1.0 for n, one in enumerate(sums)}
        alone += min(p_values.values()) <= 0.05
        together += min(holm(p_values).values()) <= 0.05
    assert together / n_trials <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / n_trials)
    assert alone / n_trials > 0.15  # 1 - 0.95 ** 6 = 0.26, less what few subjects leave of 5%
