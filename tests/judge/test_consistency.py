"""Agreement of samples: every number derived by hand, and what must not change a score."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.consistency import (
    NO_REFERENCE,
    NO_SAMPLES,
    ONE_SAMPLE,
    Agreement,
    against_reference,
    cluster,
    clusters_of,
    confidence,
    contradiction,
    each_other,
    entailment,
)
from factcli.judge.entailment import Entailment


def two(contradicts: float) -> Entailment:
    """Of a model with two classes."""
    return Entailment(1 - contradicts, 0.0, contradicts)


CONTRADICTS = contradiction()
SAME, OTHER, NEUTRAL = Entailment(0.9, 0.1, 0.0), Entailment(0.1, 0.2, 0.7), Entailment(0.2, 0.7, 0.1)


def test_selfcheck_is_the_mean_over_sentences_then_over_samples() -> None:
    """Two sentences, three samples: c = (0.1 + 0.3) / 2 = 0.2; (0.9 + 0.7) / 2 = 0.8; (0.5 + 0.0) / 2 = 0.25; S = 1.25 / 3."""
    judged = [[two(0.1), two(0.3)], [two(0.9), two(0.7)], [two(0.5), two(0.0)]]
    found = against_reference(judged, CONTRADICTS)
    assert found.by_sample_K == pytest.approx((0.2, 0.8, 0.25))
    assert found.value == pytest.approx(1.25 / 3)
    assert (found.n, found.reason) == (3, "")


def test_neutral_is_left_out_as_in_selfcheck_or_counted() -> None:
    """e = 0.2, n = 0.7, c = 0.1: left out 0.1 / 0.3 = 1/3 and 2/3; counted 0.1 and 0.2."""
    assert contradiction("left_out")(NEUTRAL) == pytest.approx(1 / 3)
    assert entailment("left_out")(NEUTRAL) == pytest.approx(2 / 3)
    assert contradiction("counted")(NEUTRAL) == 0.1
    assert entailment("counted")(NEUTRAL) == 0.2
    assert contradiction("left_out")(Entailment(0.0, 1.0, 0.0)) == 0.5


def test_an_empty_sample_keeps_its_place_and_costs_no_other() -> None:
    """§7.49: Self-Learning dropped the sample, and with it the question. S is the mean of the other two: (0.2 + 0.6) / 2."""
    found = against_reference([[two(0.2)], None, [two(0.6)]], CONTRADICTS)
    assert found.by_sample_K == (0.2, None, 0.6)
    assert found.value == pytest.approx(0.4)
    assert found.n == 2


@pytest.mark.parametrize(("judged", "reason"), [([], NO_SAMPLES), ([None, None], NO_SAMPLES), ([[], []], NO_REFERENCE), ([None, []], NO_REFERENCE)])
def test_nothing_to_compare_has_no_score_and_a_reason(judged: list, reason: str) -> None:
    found = against_reference(judged, CONTRADICTS)
    assert (found.value, found.by_sample_K, found.reason) == (None, (None,) * len(judged), reason)


def test_all_against_all_takes_each_pair_once_for_both_of_its_samples() -> None:
    """01: 0.2, 02: 0.4 (mean of 0.3 and 0.5), 12: 0.9. c_0 = 0.3, c_1 = 0.55, c_2 = 0.65; S = 1.5 / 3."""
    judged = {(0, 1): [two(0.2)], (0, 2): [two(0.3), two(0.5)], (1, 2): [two(0.9)]}
    found = each_other(3, judged, CONTRADICTS)
    assert found.by_sample_K == pytest.approx((0.3, 0.55, 0.65))
    assert found.value == pytest.approx(0.5)


def test_all_against_all_keeps_the_place_of_an_empty_sample() -> None:
    """Sample 1 is empty: the only pair is 02."""
    found = each_other(3, {(0, 2): [two(0.8)]}, CONTRADICTS)
    assert found.by_sample_K == (0.8, None, 0.8)
    assert found.value == pytest.approx(0.8)
    assert each_other(2, {}, CONTRADICTS) == Agreement(None, (None, None), ONE_SAMPLE)


SHARES = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=8)


@given(SHARES, st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_no_score(shares: list, random) -> None:
    judged = [None if share is None else [two(share)] for share in shares]
    order = list(range(len(judged)))
    random.shuffle(order)
    before, after = against_reference(judged, CONTRADICTS), against_reference([judged[place] for place in order], CONTRADICTS)
    assert after.value == before.value  # to the last bit: sums are exact
    assert after.by_sample_K == tuple(before.by_sample_K[place] for place in order)


@given(SHARES, st.floats(0, 1))
def test_a_sample_more_moves_the_score_towards_its_own(shares: list, added: float) -> None:
    judged = [None if share is None else [two(share)] for share in shares]
    before, after = against_reference(judged, CONTRADICTS).value, against_reference([*judged, [two(added)]], CONTRADICTS).value
    if before is not None:
        assert min(before, added) - 1e-12 <= after <= max(before, added) + 1e-12


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_second_copy_of_every_sample_changes_nothing_against_the_reference(shares: list) -> None:
    judged = [[two(share)] for share in shares]
    assert against_reference(judged * 2, CONTRADICTS).value == pytest.approx(against_reference(judged, CONTRADICTS).value)


def test_bsdetector_weighs_agreement_and_reflection() -> None:
    """0.7 * 0.6 + 0.3 * 0.5 = 0.57."""
    assert confidence(0.6, 0.5, 0.7) == pytest.approx(0.57)
    assert confidence(0.6, None, 1.0) == 0.6  # beta 1 asks for no opinion
    assert confidence(None, 0.5, 0.0) == 0.5
    assert confidence(0.6, None, 0.7) is None
    assert confidence(None, 0.5, 0.7) is None


def both(pairs: dict[tuple[int, int], Entailment]) -> dict[tuple[int, int], tuple[Entailment, Entailment]]:
    return {pair: (said, said) for pair, said in pairs.items()}


def test_answers_that_entail_each_other_both_ways_are_one_cluster() -> None:
    pairs = both({(0, 1): SAME, (0, 2): OTHER, (1, 2): OTHER, (0, 3): OTHER, (1, 3): OTHER, (2, 3): SAME})
    assert cluster([True] * 4, pairs, "entails") == (0, 0, 1, 1)
    assert cluster([True, False, True, True], pairs, "entails") == (0, None, 1, 1)
    assert cluster([False, True, False, False], {}, "entails") == (None, 0, None, None)  # one sample alone


def test_one_direction_is_not_enough() -> None:
    """ "A politician" follows from "a politician from Lima", and not the other way round."""
    assert cluster([True, True], {(0, 1): (SAME, NEUTRAL)}, "entails") == (0, 1)
    assert cluster([True, True], {(0, 1): (SAME, NEUTRAL)}, "not_contradicted") == (0, 0)  # Self-Learning's rule
    assert cluster([True, True], {(0, 1): (SAME, OTHER)}, "not_contradicted") == (0, 1)


def test_of_several_clusters_that_fit_the_likeliest_is_joined() -> None:
    """Sample 2 fits 0 with 0.6 and 1 with 0.9."""
    pairs = both({(0, 1): OTHER, (0, 2): Entailment(0.6, 0.2, 0.2), (1, 2): SAME})
    assert cluster([True] * 3, pairs, "entails") == (0, 1, 1)


def test_discrete_entropy_is_that_of_the_cluster_sizes() -> None:
    """Sizes 2 and 1 of 3: -(2/3 ln 2/3 + 1/3 ln 1/3) = ln 3 - 2/3 ln 2; the empty sample counts for nothing."""
    found = clusters_of([0, 0, None, 1], [None] * 4, "normalised")
    assert found.share_C == pytest.approx((2 / 3, 1 / 3))
    assert found.entropy == pytest.approx(math.log(3) - 2 / 3 * math.log(2))
    assert not found.by_logprobs
    assert found.share_of(3) == pytest.approx(1 / 3)
    assert found.share_of(2) is None


def test_log_probabilities_weigh_the_clusters() -> None:
    """Mean log-probabilities ln 0.1, ln 0.3 | ln 0.4: p = 0.4 and 0.4, normalised 1/2 each: H = ln 2; the mean form is -ln 0.4."""
    logprobs = [math.log(0.1), math.log(0.3), math.log(0.4)]
    assert clusters_of([0, 0, 1], logprobs, "normalised").share_C == pytest.approx((0.5, 0.5))
    assert clusters_of([0, 0, 1], logprobs, "normalised").entropy == pytest.approx(math.log(2))
    assert clusters_of([0, 0, 1], logprobs, "mean").entropy == pytest.approx(-math.log(0.4))


def test_one_missing_log_probability_makes_it_discrete() -> None:
    found = clusters_of([0, 0, 1, 1], [-0.1, -0.2, -0.3, None], "normalised")
    assert (found.by_logprobs, found.entropy) == (False, pytest.approx(math.log(2)))


def test_without_a_sample_there_is_no_entropy() -> None:
    assert clusters_of([None, None], [None, None], "normalised").entropy is None


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.floats(-5, -0.01))
def test_equal_log_probabilities_give_the_discrete_entropy(numbers: list[int], logprob: float) -> None:
    firsts = {number: place for place, number in enumerate(dict.fromkeys(numbers))}
    placed = [firsts[number] for number in numbers]
    with_them, without = clusters_of(placed, [logprob] * len(placed), "normalised"), clusters_of(placed, [None] * len(placed), "normalised")
    assert with_them.entropy == pytest.approx(without.entropy, abs=1e-9)
    assert sum(with_them.share_C) == pytest.approx(1)
    assert -1e-12 <= with_them.entropy <= math.log(len(firsts)) + 1e-9
