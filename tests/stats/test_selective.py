"""Risk and coverage of two models on the same items: by hand on four answers, and on made-up confidences."""

import numpy as np
import pytest

from factcli.stats import Bootstrap, RankedClaim, risk_coverage_area, share_at_coverage, share_at_equal_claims
from factcli.stats.ranking import mean_risk, surest_first
from factcli.stats.selective import ABSTAINED, RISK_AREA, compare_selective, curve_of, drawn_until_enough, equal_claims, redrawn, share_at, swap_test
from tests.stats.simulated import Knower, answered


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


# the second model is better and surer of what is right, and its confidence is on another scale
PLAIN, BETTER = Knower(), Knower(skill=0.5, noise=0.5, power=3)
FIGURES = {"area": RISK_AREA, "half": share_at(0.5), "most": share_at(0.8)}


def differences(answers: list[list[RankedClaim]], name: str) -> Bootstrap:
    """Of the second model and the first, with redraws; at equal claims where every third answer of the second is left out."""
    first, second = answers
    if name != "equal claims":
        return redrawn(second, FIGURES[name]).minus(redrawn(first, FIGURES[name]))
    fewer = [claim for n, claim in enumerate(second) if n % 3]
    cut = share_at_equal_claims({"a": first, "b": fewer}, {claim.subject for claim in first}, draws=500)
    return cut.by_method["b"].minus(cut.by_method["a"])


def true_difference(name: str) -> float:
    """Of 20,000 subjects: a standard error of a thirtieth of what the trials have."""
    first, second = answered(np.random.default_rng(99), 20_000, [PLAIN, BETTER])
    if name == "equal claims":
        second = [claim for n, claim in enumerate(second) if n % 3]
    values = []
    for claims in (first, second):
        kept = surest_first(claims)[: min(len(first), len(second))]
        if name == "area":
            values.append(mean_risk(kept) or 0)
        else:
            n_kept = len(kept) * {"half": 0.5, "most": 0.8}.get(name, 1.0)
            values.append(sum(claim.is_correct for claim in kept[: round(n_kept)]) / n_kept)
    return values[1] - values[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FIGURES, "equal claims"])
def test_intervals_of_differences_of_rankings_cover_93_in_100_and_are_not_far_too_wide(name: str):
    """60 subjects of 3 answers; 500 trials, a standard error of 1% at 95%. The outer ends of BCa and t err on the side of too wide: 94 to 98%."""
    rng, truth, hits = np.random.default_rng(21), true_difference(name), 0
    for _ in range(500):
        found = differences(answered(rng, 60, [PLAIN, BETTER]), name).estimate()
        hits += (found.low or 0) <= truth <= (found.high or 0)
    assert 0.93 <= hits / 500 <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize("power", [1, 3])
@pytest.mark.parametrize("name", ["area", "half", "equal claims"])
def test_false_alarms_of_ranking_tests_stay_at_5_in_100(name: str, power: float):
    """Both know as much and rank as well, one perhaps on another scale of confidence: 600 trials, a standard error of 0.89% at 5%."""
    rng, alarms = np.random.default_rng(12), 0
    for trial in range(600):
        one, two = answered(rng, 40, [Knower(), Knower(power=power)])
        if name == "equal claims":
            mine, others = ([claim for claim in claims if rng.random() < 0.7] for claims in (one, two))  # each says some of it, as many but for chance
            tested = swap_test(mine, others, equal_claims, seed=trial)
        else:
            tested = compare_selective(one, two, FIGURES[name], seed=trial).tested
        alarms += (tested.p_value or 1) <= 0.05
    assert alarms / 600 <= 0.05 + 2 * 0.0089
