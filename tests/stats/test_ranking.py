"""Rankings by confidence: hand-counted cases, and what redrawing must leave alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from factcli.errors import InputError
from factcli.stats import RankedClaim, auroc, risk_coverage_area, share_at_coverage, share_at_equal_claims, share_by_claims_kept
from factcli.stats.ranking import mean_risk

CONFIDENCES = st.sampled_from([0.1, 0.3, 0.5, 0.9])
CLAIMS = st.lists(st.builds(RankedClaim, st.sampled_from("abcd"), st.just("x"), CONFIDENCES, st.booleans()), min_size=1, max_size=25)


def claims(*rows: tuple[str, float, bool]) -> list[RankedClaim]:
    return [RankedClaim(subject, f"{subject}.bio.a0", confidence, right) for subject, confidence, right in rows]


LONG = claims(("a", 0.9, True), ("a", 0.8, True), ("a", 0.2, False), ("b", 0.7, True), ("b", 0.6, False), ("b", 0.1, False))
SHORT = claims(("a", 0.9, True), ("a", 0.5, False), ("b", 0.4, True), ("b", 0.3, False))


def test_at_equal_claims_each_method_keeps_its_surest_n():
    # SHORT has 4 claims, 2 right. LONG keeps 0.9 T, 0.8 T, 0.7 T, 0.6 F: 3 of 4 (all six: 3 of 6)
    result = share_at_equal_claims({"long": LONG, "short": SHORT}, "ab")
    assert result.n_claims == 4
    assert (result.by_method["long"].value, result.by_method["short"].value) == (0.75, 0.5)
    assert result.difference("long", "short").value == 0.25


def test_at_equal_claims_n_is_redrawn_with_the_subjects():
    # LONG has 3 claims of each subject, `uneven` 3 of a (all right) and 1 of b (wrong).
    # drawn aa: N = min(6, 6); LONG keeps all of 2 x (T, T, F) = 2/3, uneven 1
    # drawn ab: N = min(6, 4) = 4; LONG keeps T T T F = 3/4, uneven 3/4
    # drawn bb: N = min(6, 2) = 2; LONG keeps the two copies of b's 0.7 T = 1, uneven 0
    uneven = claims(("a", 0.9, True), ("a", 0.8, True), ("a", 0.7, True), ("b", 0.4, False))
    result = share_at_equal_claims({"long": LONG, "uneven": uneven}, "ab", draws=200)
    assert sorted(set(result.by_method["long"].redraws_D)) == [4 / 6, 3 / 4, 1]
    assert sorted(set(result.by_method["uneven"].redraws_D)) == [0, 3 / 4, 1]


def test_a_subject_without_claims_is_still_redrawn():
    result = share_at_equal_claims({"long": LONG, "short": SHORT}, "abc")
    assert result.by_method["long"].clusters == ("a", "b", "c")


def test_claims_of_a_subject_that_was_not_asked_are_refused():
    with pytest.raises(InputError, match="1 subjects have claims but were not asked"):
        share_at_equal_claims({"long": LONG}, "a")


def test_a_method_without_claims_leaves_nothing_to_compare():
    result = share_at_equal_claims({"long": LONG, "silent": []}, "ab")
    assert (result.n_claims, result.difference("long", "silent").value) == (0, None)


def test_a_tie_never_flatters():
    tied = claims(("a", 0.5, True), ("a", 0.5, False))
    assert share_at_coverage(tied, 0.5).value == 0


def test_keeping_more_claims_of_each_answer():
    # k=1: a T, b T -> 1; k=2: T T, T F -> 3/4; k=3: all -> 3/6
    curve = share_by_claims_kept(LONG, 3)
    assert [curve[k].value for k in (1, 2, 3)] == [1, 0.75, 0.5]
    assert [curve[k].n_items for k in (1, 2, 3)] == [2, 4, 6]


def test_auroc_counts_the_pairs_in_which_the_right_one_is_surer():
    # right 0.9, 0.5; wrong 0.5, 0.1 -> pairs 1, 1, 1/2, 1 of 4
    four = claims(("a", 0.9, True), ("a", 0.5, True), ("b", 0.5, False), ("b", 0.1, False))
    assert auroc(four).value == 3.5 / 4


@settings(max_examples=60, deadline=None)
@given(items=CLAIMS)
def test_auroc_is_the_mann_whitney_statistic(items: list[RankedClaim]):
    right = [c.confidence for c in items if c.is_correct]
    wrong = [c.confidence for c in items if not c.is_correct]
    if right and wrong:
        assert auroc(items, draws=5).value == pytest.approx(mannwhitneyu(right, wrong).statistic / len(right) / len(wrong))
    else:
        assert auroc(items, draws=5).value is None


def test_share_at_coverage_keeps_the_surest():
    assert share_at_coverage(LONG, 0.5).value == 1  # 0.9 T, 0.8 T, 0.7 T
    assert share_at_coverage(LONG, 1.0).value == 0.5
    assert share_at_coverage([], 0.5).value is None


def test_the_mean_risk_is_the_risk_coverage_area_without_its_interval():
    """Wrong, right, right by falling confidence: risks 1, 1/2, 1/3; the mean is 11/18."""
    some = claims(("a", 0.9, False), ("b", 0.5, True), ("c", 0.1, True))
    assert mean_risk(some) == pytest.approx(11 / 18)
    assert mean_risk(some) == pytest.approx(risk_coverage_area(some).value)
    assert mean_risk([]) is None


def test_the_risk_coverage_area_is_the_mean_risk_over_coverages():
    # sorted T F: risks 0/1, 1/2 -> mean 1/4; the other order F T: 1/1, 1/2 -> 3/4
    assert risk_coverage_area(claims(("a", 0.9, True), ("b", 0.1, False))).value == 0.25
    assert risk_coverage_area(claims(("a", 0.9, False), ("b", 0.1, True))).value == 0.75


@settings(max_examples=60, deadline=None)
@given(items=CLAIMS, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_claims_changes_nothing(items: list[RankedClaim], shuffled):
    again = items.copy()
    shuffled.shuffle(again)
    for statistic in (auroc, risk_coverage_area):
        assert statistic(items, draws=20) == statistic(again, draws=20)
    assert share_at_coverage(items, 0.4, draws=20) == share_at_coverage(again, 0.4, draws=20)


@settings(max_examples=60, deadline=None)
@given(items=CLAIMS)
def test_equal_claims_of_identical_methods_differ_by_exactly_nothing(items: list[RankedClaim]):
    result = share_at_equal_claims({"one": items, "other": items[::-1]}, "abcd", draws=20)
    difference = result.by_method["one"].minus(result.by_method["other"])
    assert difference.value == 0
    assert set(difference.redraws_D[~np.isnan(difference.redraws_D)]) <= {0.0}


def test_intervals_at_equal_claims_cover_the_truth():
    # surer claims are right more often: 0.85 against 0.5; `sure` speaks only then, so at equal claims both are at 0.85
    rng, inside = np.random.default_rng(5), 0
    for _ in range(400):
        full, sure = [], []
        for n in range(50):
            level = rng.normal(0, 0.05)  # the subject's own shift
            for surety, rate in ((1.0, 0.85), (1.0, 0.85), (0.5, 0.5)):
                claim = RankedClaim(f"p{n:02d}", f"p{n:02d}.a0", surety - 0.01 * rng.random(), bool(rng.random() < rate + level))
                full.append(claim)
                if surety == 1.0:
                    sure.append(claim._replace(is_correct=bool(rng.random() < rate + level)))
        low, high = _ends(full, sure)
        inside += low <= 0 <= high
    assert 0.93 <= inside / 400 <= 0.98


def _ends(full: list[RankedClaim], sure: list[RankedClaim]) -> tuple[float, float]:
    result = share_at_equal_claims({"full": full, "sure": sure}, {c.subject for c in full}, draws=400).difference("full", "sure")
    assert result.low is not None
    assert result.high is not None
    return result.low, result.high
