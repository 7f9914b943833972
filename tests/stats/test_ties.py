"""Risk and coverage with equal confidences, counted by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factcli.stats import RankedClaim
from factcli.stats.ranking import mean_risk, risk_coverage_area
from factcli.stats.ties import tied_risk_at_coverage, tied_risk_coverage_area


def claims(*rows: tuple[float, bool]) -> list[RankedClaim]:
    return [RankedClaim(f"s{place}", f"a{place}", confidence, right) for place, (confidence, right) in enumerate(rows)]


SOME = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.booleans()), min_size=1, max_size=6).map(lambda rows: claims(*rows))


def test_a_level_counts_as_its_mean_at_every_coverage():
    # Two right and one wrong at level 1: risks 1/3 at coverages 1, 2, 3; then a wrong one: (1 + 1) / 4. Mean (1/3 + 1/3 + 1/3 + 1/2) / 4 = 3/8.
    found = tied_risk_coverage_area(claims((1, True), (1, False), (1, True), (0, False)), draws=10)
    assert found.value == pytest.approx(3 / 8)


@settings(max_examples=40)
@given(SOME)
def test_the_area_is_the_mean_over_the_orders_within_levels(some: list[RankedClaim]) -> None:
    levels = sorted({claim.confidence for claim in some}, reverse=True)
    orders = [order for order in permutations(some) if [c.confidence for c in order] == [c for c in levels for one in some if one.confidence == c]]
    distinct = [[RankedClaim(c.subject, c.answer_id, -float(place), c.is_correct) for place, c in enumerate(order)] for order in orders]
    assert tied_risk_coverage_area(some, draws=2).value == pytest.approx(float(np.mean([mean_risk(order) for order in distinct])))


def test_without_ties_it_is_the_usual_area_redraw_by_redraw():
    some = claims((0.9, True), (0.8, False), (0.5, True), (0.1, False), (0.05, False))
    usual = risk_coverage_area(some, draws=200)
    found = tied_risk_coverage_area(some, draws=200).estimate()
    assert (found.value, found.low, found.high) == (pytest.approx(usual.value), pytest.approx(usual.low), pytest.approx(usual.high))


def test_risk_at_a_coverage_takes_part_of_a_level():
    some = claims((2, True), (1, False), (1, True), (1, True), (0, False))
    # 40% of five are two items: the right one, and one third wrong of the next level: (0 + 1/3) / 2
    assert tied_risk_at_coverage(some, 0.4, draws=2).value == pytest.approx(1 / 6)
    assert tied_risk_at_coverage(some, 1.0, draws=2).value == pytest.approx(2 / 5)


def test_a_score_that_knows_nothing_has_the_mean_risk_at_every_coverage():
    some = claims(*[(1.0, place % 4 == 0) for place in range(20)])
    assert {round(tied_risk_at_coverage(some, share, draws=2).value or 0, 9) for share in (0.1, 0.5, 1.0)} == {0.75}
