"""Risk and coverage of two models on the same items: by hand on four answers, and on made-up confidences."""

import numpy as np
import pytest

from factcli.stats import RankedClaim, risk_coverage_area, share_at_coverage
from factcli.stats.selective import ABSTAINED, RISK_AREA, compare_selective, curve_of, drawn_until_enough, equal_claims, share_at, swap_test


def ranked(*answers: tuple[float, bool]) -> list[RankedClaim]:
    return [RankedClaim(f"p{n}", f"q{n}", confidence, is_right) for n, (confidence, is_right) in enumerate(answers)]


def test_the_curve_is_the_share_wrong_of_the_surest():
    # surest first: right, wrong, right, wrong (abstained) -> 0/1, 1/2, 1/3, 2/4
    points = curve_of(ranked((0.9, True), (0.8, False), (0.7, True), (ABSTAINED, False)))
    assert [(p.coverage, p.risk, p.n) for p in points] == [(0.25, 0, 1), (0.5, 0.5, 2), (0.75, pytest.approx(1 / 3), 3), (1, 0.5, 4)]
    assert curve_of([]) == []


def test_a_curve_of_many_items_is_thinned_and_ends_at_all_of_them():
    points = curve_of(ranked(*[(n / 5000, n % 2 == 0) for n in range(5000)]))
    assert len(points) == 100
    assert (points[0].n, points[-1].coverage) == (1, 1)


def test_values_are_those_of_the_figures_of_one_model():
    rng = np.random.default_rng(0)
    mine, others = (ranked(*[(float(rng.random()), bool(rng.random() < share)) for _ in range(60)]) for share in (0.8, 0.6))
    area, half = compare_selective(mine, others, RISK_AREA), compare_selective(mine, others, share_at(0.5))
    assert (area.value, area.other) == (risk_coverage_area(mine).value, risk_coverage_area(others).value)
    assert (half.value, half.other) == (share_at_coverage(mine, 0.5).value, share_at_coverage(others, 0.5).value)
    assert area.difference.value == pytest.approx((area.value or 0) - (area.other or 0))


def test_a_model_whose_confidence_tells_right_from_wrong_has_less_area_and_the_test_finds_it():
    rng = np.random.default_rng(1)
    rights = rng.random(200) < 0.6
    knows = ranked(*[(0.5 + 0.4 * r + 0.1 * float(rng.random()), bool(r)) for r in rights])
    guesses = ranked(*[(float(rng.random()), bool(r)) for r in rights])
    found = compare_selective(knows, guesses, RISK_AREA)
    assert (found.difference.high or 0) < 0
    assert (found.tested.p_value or 1) <= 0.01
    same = compare_selective(knows, knows, RISK_AREA)
    assert (same.difference.value, same.tested.p_value) == (0, 1)


def test_rankings_that_do_not_differ_have_exact_ends_by_the_subjects_that_they_stand_on():
    """Of 20 answers, all wrong for both, 1 - 0.025 ** (1 / 20) may be otherwise; of the surest 10 of them 1 - 0.025 ** (1 / 10)."""
    wrong = ranked(*[(n / 20, False) for n in range(20)])
    for figure, n in ((RISK_AREA, 20), (share_at(0.5), 10)):
        found = compare_selective(wrong, wrong, figure)
        reach = 1 - 0.025 ** (1 / n)
        assert (found.difference.low, found.difference.high) == (pytest.approx(-reach), pytest.approx(reach))


def test_equal_claims_are_tested_by_swapping_models_on_subjects():
    """Four subjects of one claim each: the model has all right, the other none; as large only with all or none swapped, 2 of 16 ways."""
    mine, others = ranked(*[(0.5, True)] * 4), ranked(*[(0.5, False)] * 4)
    assert swap_test(mine, others, equal_claims) == (2 / 16, 16, True)
    assert swap_test(mine, mine, equal_claims) == (1, 1, True)  # no subject differs


def test_a_difference_beyond_chance_is_held_against_ten_thousand_swaps():
    """20 subjects, all for the model: as large 2 of 2 ** 20 ways, so of 9,999 drawn ones none: 1 / 10,000, small enough for a family of hundreds."""
    mine, others = ranked(*[(0.5, True)] * 20), ranked(*[(0.5, False)] * 20)
    assert swap_test(mine, others, equal_claims) == (1e-4, 9999, False)


def test_drawing_ends_with_the_fiftieth_swap_that_does_as_well():
    # every fourth of the swaps is as large: the 50th of them is the 200th, in the second block of 150; p is 50 / 200
    blocks = [np.arange(start, start + 150) % 4 == 3 for start in (0, 150)]
    assert drawn_until_enough(blocks) == (0.25, 200, False)
    assert drawn_until_enough([blocks[0]]) == ((1 + 37) / (1 + 150), 150, False)  # of 150 the 4th, 8th, ..., 148th


def test_equal_confidences_count_as_their_mean_whatever_the_names_of_subjects():
    """Ten answers of confidence 1, the first five right in one order of names and the last five in the other: half right at any coverage."""
    for rights in ([True] * 5 + [False] * 5, [False] * 5 + [True] * 5):
        some = ranked(*[(1.0, right) for right in rights])
        assert compare_selective(some, some, share_at(0.5)).value == 0.5
        assert compare_selective(some, some, RISK_AREA).value == pytest.approx(0.5)
        assert [point.risk for point in curve_of(some)] == pytest.approx([0.5] * 10)


@pytest.mark.slow
def test_false_alarms_of_the_ranking_test_stay_at_5_in_100():
    """Both models guess: 800 trials, a standard error of 0.77% at 5%."""
    rng, alarms = np.random.default_rng(12), 0
    for trial in range(800):
        one, two = (ranked(*[(float(rng.random()), bool(rng.random() < 0.6)) for _ in range(30)]) for _ in range(2))
        alarms += (compare_selective(one, two, RISK_AREA, seed=trial).tested.p_value or 1) <= 0.05
    assert alarms / 800 <= 0.05 + 2 * 0.0077
