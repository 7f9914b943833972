"""Confidence from agreement, with numbers worked out by hand."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.clusters import clusters_of
from factcli.judge.confidence import MEASURES, Measures, UnitValue, measures_of, pairs_counts, scores_of
from factcli.scorerows import Score, ScoredAnswer


def test_the_four_measures_by_hand() -> None:
    """8 answers: Paris x 4, Lyon x 2, Nice, and one silent. p = 1/2, 1/4, 1/8, 1/8.

    max 1/2; sum p^2 = 16/64 + 4/64 + 1/64 + 1/64 = 22/64; sum p ln p = -(1/2) ln 2 - (1/4) 2 ln 2 - 2 (1/8) 3 ln 2 = -1.75 ln 2;
    the text says Lyon: 2 of 8.
    """
    answers = ["Paris", "in Paris", "Lyon", "paris", "Nice", "", "Lyon.", "Paris"]
    found = measures_of(clusters_of(answers), own="in Lyon")
    assert found is not None
    assert found == pytest.approx(Measures(0.5, 22 / 64, -1.75 * log(2), 0.25))


def test_agreement_is_certain_and_scatter_is_not() -> None:
    assert measures_of(clusters_of(["11"] * 5), own="11") == Measures(1.0, 1.0, 0.0, 1.0)
    scattered = measures_of(clusters_of(["1", "11", "111", "1111"]), own="2")
    assert scattered == pytest.approx(Measures(0.25, 0.25, -log(4), 0.0))


def test_twenty_silences_are_no_agreement() -> None:
    """The original took the empty answer for equal to all: the least sure model had confidence 1."""
    assert measures_of(clusters_of([""] * 20)) == pytest.approx(Measures(0.05, 0.05, -log(20), None))


def test_without_samples_there_is_no_measure() -> None:
    assert measures_of([]) is None


def test_what_the_text_says_is_not_known_where_nothing_is_said_of_it() -> None:
    found = measures_of(clusters_of(["Paris"]))
    assert found is not None
    assert found.samp_conf is None


@given(st.lists(st.sampled_from(["Paris", "Lyon", "Nice", "", "in Paris"]), min_size=1, max_size=30))
def test_measures_stay_in_their_ranges(answers: list[str]) -> None:
    """Jensen: exp_conf <= max_conf, and neg_ent >= -ln(number of answers)."""
    found = measures_of(clusters_of(answers), own="Paris")
    assert found is not None
    assert found.samp_conf is not None
    assert 0 < found.exp_conf <= found.max_conf + 1e-12 <= 1 + 1e-12
    assert -log(len(answers)) - 1e-12 <= found.neg_ent <= 0
    assert 0 <= found.samp_conf <= found.max_conf + 1e-12


ANSWER = ScoredAnswer("q1.s0", "q1", "Who?", "", "She was.")


def test_a_text_has_the_mean_of_its_units_that_have_one() -> None:
    """max_conf: (1 + 0.5) / 2; samp_conf: only the first has one; the third unit failed."""
    units = [UnitValue("c0", Measures(1.0, 1.0, 0.0, 0.4)), UnitValue("c1", Measures(0.5, 0.5, -log(2), None)), UnitValue("c2", None)]
    by_name = {score.name: score for score in scores_of(ANSWER, units)}
    assert list(by_name) == list(MEASURES)
    assert (by_name["max_conf"].value, by_name["max_conf"].n_units, by_name["max_conf"].n_unscored) == (0.75, 2, 1)
    assert (by_name["samp_conf"].value, by_name["samp_conf"].n_units, by_name["samp_conf"].n_unscored) == (0.4, 1, 2)
    assert by_name["neg_ent"].value == pytest.approx(-log(2) / 2)


def test_a_text_without_units_keeps_its_place_with_a_reason() -> None:
    scores = scores_of(ANSWER, [], "no claim")
    assert [(score.of, score.value, score.reason) for score in scores] == [("q1.s0", None, "no claim")] * 4
    assert scores_of(ANSWER, [UnitValue("c0", None)])[0].reason == "none of 1 units has one"


def test_pairs_are_counted_for_each_score_and_ties_and_missing_ones_are_none() -> None:
    """q1: 1, 2, 2, none: 2 ordered pairs (1<2 twice). q2: 5 alone. The other score: 3 values, 3 pairs."""
    values = {"max_conf": [1.0, 2.0, 2.0, None], "neg_ent": [-1.0, -2.0, -3.0]}
    scores = [Score(f"{name}{n}", f"a{n}", "q1", name, value, "", 1) for name, some in values.items() for n, value in enumerate(some)]
    scores.append(Score("x", "b", "q2", "max_conf", 5.0, "", 1))
    assert pairs_counts(scores) == {"max_conf": 2, "exp_conf": 0, "neg_ent": 3, "samp_conf": 0}
