"""Which answers become a pair: margins are strict, nothing unscored is in one, caps spread, Self-Learning's rules are the paper's."""

from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.known import Ruling
from factcli.judge.pairing import (
    KNOWN,
    NO_GOLD,
    NO_RAW,
    NO_SAMPLE,
    NO_TYPE,
    UNTOLD,
    Candidate,
    Counted,
    Thresholds,
    all_above,
    best_worst,
    capped,
    multi,
    self_learning,
    why_no_pair,
)

VALUES = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=0, max_size=8)


def candidates(*values: float | None) -> list[Candidate]:
    return [Candidate(place, f"q.s{place}", f"answer number {place}", value) for place, value in enumerate(values)]


def places(counted: Counted) -> list[tuple[int, int]]:
    return [(choice.chosen.place, choice.rejected.place) for choice in counted.choices]


def test_every_ordered_pair_above_the_margin_is_made_once() -> None:
    """Scores .9 .5 .5 .45: gaps .4 .4 .45 0 .05 .05; above .1 are the first three, one tie, two below."""
    counted = all_above(candidates(0.9, 0.5, 0.5, 0.45), 0.1)
    assert places(counted) == [(0, 1), (0, 2), (0, 3)]
    assert (counted.n_tied, counted.n_below, counted.n_unscored) == (1, 2, 0)


def test_a_margin_is_strict_even_where_floats_are_not() -> None:
    """0.3 - 0.2 is 0.09999999999999998 and 0.8 - 0.7 is 0.10000000000000009; neither is above 0.1."""
    assert places(all_above(candidates(0.3, 0.2), 0.1)) == []
    assert places(all_above(candidates(0.8, 0.7), 0.1)) == []
    assert places(all_above(candidates(0.8, 0.69), 0.1)) == [(0, 1)]


def test_an_answer_without_a_score_is_in_no_pair_and_counted() -> None:
    counted = all_above(candidates(None, 0.2, None, 0.8), 0)
    assert (places(counted), counted.n_unscored) == ([(3, 1)], 2)
    assert all_above(candidates(None, 0.5), 0).reason == "fewer than two scored answers"


def test_answers_of_the_same_words_are_no_pair() -> None:
    """A judge may give one text two scores."""
    one, other = Candidate(0, "a", "Born in Rome.", 0.9), Candidate(1, "b", "born in ROME", 0.1)
    counted = all_above([one, other], 0)
    assert (counted.choices, counted.n_equal) == ((), 1)


def test_best_worst_is_the_widest_pair_and_the_first_of_several() -> None:
    assert places(best_worst(candidates(0.9, 0.1, 0.9, 0.1), 0)) == [(0, 1)]
    assert best_worst(candidates(0.5, 0.5), 0).choices == ()


def test_a_cap_keeps_pairs_from_small_to_large_margins() -> None:
    """Scores 0, .1, ..., .9 make 45 pairs with margins .1 (9 pairs) to .9 (one). Five of 45 are one of each ninth by rank."""
    everything = all_above(candidates(*(n / 10 for n in range(10))), 0)
    kept = capped(everything, 5, 0, "q")
    ranks = sorted(everything.choices, key=lambda choice: (choice.margin, choice.chosen.place, choice.rejected.place))
    assert sorted(ranks.index(choice) // 9 for choice in kept.choices) == [0, 1, 2, 3, 4]
    assert kept.n_capped == 40
    assert capped(everything, 5, 0, "q") == kept
    assert places(capped(everything, 5, 0, "another")) != places(kept)
    assert capped(everything, 45, 0, "q") == everything


@given(VALUES, st.floats(0, 1), st.integers(1, 9))
def test_pairs_always_prefer_the_higher_score_and_every_two_answers_are_counted_once(values: list[float | None], margin: float, most: int) -> None:
    counted = capped(all_above(candidates(*values), margin), most, 0, "q")
    n_scored = sum(value is not None for value in values)
    assert all(choice.margin > margin for choice in counted.choices)
    assert len(counted.choices) <= most
    assert len(counted.choices) + counted.n_tied + counted.n_below + counted.n_equal + counted.n_capped == n_scored * (n_scored - 1) // 2


def test_only_unknown_questions_make_pairs_and_others_say_why() -> None:
    assert why_no_pair(Ruling("unknown")) == ""
    assert why_no_pair(Ruling("known")) == KNOWN
    assert why_no_pair(Ruling("filtered", "S_L above tau_l")) == "S_L above tau_l"
    assert why_no_pair(Ruling("unscored")) == UNTOLD
    assert why_no_pair(None) == NO_TYPE


def drawn_for(reference: float | None, *values: float | None) -> list[Candidate]:
    return [Candidate(0, "q.ref", "the reference", reference, is_reference=True), *(c._replace(place=c.place + 1) for c in candidates(*values))]


def test_the_reference_is_preferred_to_the_sample_that_contradicts_most() -> None:
    """An empty sample keeps its place and costs the question nothing (spec §7.49)."""
    counted = self_learning(drawn_for(None, 0.4, None, 0.1, 0.3), takes_reference=True)
    assert places(counted) == [(0, 3)]
    assert (counted.choices[0].margin, counted.n_unscored) == (None, 1)
    assert places(self_learning(drawn_for(None, 0.4, None, 0.1), takes_reference=False)) == [(1, 3)]
    assert self_learning(drawn_for(None), takes_reference=True).reason == NO_SAMPLE
    # A reference that all samples contradict has S = 1 and they have c = 1: both scores are 0, and yet it is no tie.
    assert [choice.margin for choice in self_learning(drawn_for(0.0, 0.0, 0.0), takes_reference=True).choices] == [None]
    assert [choice.margin for choice in self_learning(drawn_for(0.5, 0.5, 0.25), takes_reference=True).choices] == [0.25]
    assert self_learning(candidates(0.3, 0.1), takes_reference=True).reason == "no chosen answer"
    assert self_learning(drawn_for(None, 0.4, 0.4), takes_reference=False).choices == ()


def with_documents(*values: float) -> list[Candidate]:
    return [Candidate(50 + n, f"q.d{n}", f"read {n}", value, with_document=True) for n, value in enumerate(values)]


def test_several_pairs_meet_both_sides_from_mild_to_bad() -> None:
    """c = 1 - value. Gold below tau_L .5: values .9 .7 (not .5: strict). Raw above tau_K .8: values .1 .15 .05. n = min(2, 3, 4) = 2.

    Two of the three raw samples are drawn; the reference goes over the milder of them, the mildest gold over the other.
    """
    everyone = [*drawn_for(None, 0.1, 0.15, 0.05, 0.6), *with_documents(0.7, 0.5, 0.9)]
    counted = multi(everyone, Thresholds(0.8, 0.5), 0, "q")
    (first, mild), (second, bad) = [(choice.chosen, choice.rejected) for choice in counted.choices]
    assert (first.id, second.id) == ("q.ref", "q.d2")
    assert mild.value is not None
    assert bad.value is not None
    assert mild.value > bad.value
    assert {mild.value, bad.value} < {0.1, 0.15, 0.05}
    assert counted.n_capped == 1


def test_an_empty_side_makes_no_pairs() -> None:
    """The original sliced with n - 1 = -1 there, which takes almost everything, or drew from nothing (spec §7.55b)."""
    rule = Thresholds(0.8, 0.5)
    assert multi([*drawn_for(None, 0.1, 0.15), *with_documents(0.4)], rule, 0, "q") == Counted(reason=NO_GOLD)
    assert multi([*drawn_for(None, 0.5, 0.6), *with_documents(0.9)], rule, 0, "q") == Counted(reason=NO_RAW)
    assert multi(drawn_for(None), rule, 0, "q") == Counted(reason=NO_GOLD)


@given(st.lists(st.floats(0, 1), max_size=8), st.lists(st.floats(0, 1), max_size=8))
def test_several_pairs_are_never_more_than_the_smaller_side_or_four(gold: list[float], raw: list[float]) -> None:
    counted = multi([*drawn_for(None, *raw), *with_documents(*gold)], Thresholds(0.8, 0.5), 0, "q")
    n_gold, n_raw = sum(1 - value < 0.5 - 1e-12 for value in gold), sum(1 - value > 0.8 + 1e-12 for value in raw)
    assert len(counted.choices) == min(n_gold, n_raw, 4)
    assert len({choice.rejected.id for choice in counted.choices}) == len(counted.choices)
