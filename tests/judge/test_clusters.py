"""Short answers that say the same: each fault of the original's rules, and what must still be the same."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.clusters import clusters_of, form_of, has_other_numbers, is_same, merged, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "Paris"),  # the empty answer is a suffix of all
        ("", ""),  # who says nothing twice does not agree with himself
        ("...", "Paris"),
        ("York", "New York"),
        ("1", "11"),
        ("47", "1947"),
        ("male", "female"),
        ("3.5", "5.3"),
        ("-5 degrees", "5 degrees"),
        ("5%", "5"),
        ("1990", "1990s"),
        ("vitamin A", "vitamin"),
        ("vitamin a", "vitamin"),
        ("vitamin A deficiency", "vitamin deficiency"),
        ("not guilty", "guilty"),
        ("3 to 5", "5 to 3"),
        ("C", "C++"),
        ("No Country for Old Men", "no"),
        ("Yes Minister", "Yes, it is."),
        ("country music", "music"),
        ("u", "us"),
        ("का", "कि"),  # differ in a vowel sign alone, which is no letter
        ("1939-1945", "19391945"),
        ("yes", "no"),
    ],
)
def test_what_is_not_the_same_is_not_taken_for_it(one: str, other: str) -> None:
    assert not is_same(one, other)
    assert not is_same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the actor", "actor"),
        ("The actor.", " *actor* "),
        ("actors", "actor"),
        ("film actor", "film actors"),
        ("Curie, Marie", "Marie Curie"),
        ("novelist and", "novelist"),
        ("Yes, she was.", "yes"),
        ("Yes it is", "Yes!"),
        ("No. It was not.", "no"),
        ("in Paris", "Paris"),
        ("was born in the year 1947", "1947"),
        ("1,000", "1000"),
        ("well-known", "well known"),
        ("J.K. Rowling", "J. K. Rowling"),
        ("O'Brien", "OBrien"),
        ("PARIS", "paris"),
        ("University of the Arts", "University of Arts"),
        ("ﬁlm", "film"),  # a ligature
        ("Köln", "Ko\u0308ln"),
        ("😀", "😀"),
        ("1947\n", "1947"),
    ],
)
def test_what_is_the_same_is_found_to_be(one: str, other: str) -> None:
    assert is_same(one, other)
    assert is_same(other, one)


def test_an_answer_of_one_article_or_leading_word_is_still_an_answer() -> None:
    """None of the words that are left out may leave nothing."""
    assert [form_of(text) for text in ("A", "the", "in", "of the year")] == ["a", "the", "in", "of year"]


def test_masses_of_answers_by_hand() -> None:
    """Paris three times in three spellings, Lyon once, two silent ones apart."""
    found = clusters_of(["Paris", "in Paris", "", "Lyon", "paris.", " "])
    assert [(cluster.first, cluster.members) for cluster in found] == [("Paris", (0, 1, 4)), ("", (2,)), ("Lyon", (3,)), (" ", (5,))]


def test_other_numbers_are_seen_through_the_words_around_them() -> None:
    assert has_other_numbers("in May 1947", "May 1948")
    assert not has_other_numbers("in May 1947", "the month of May in 1947")


ANSWERS = st.lists(
    st.one_of(st.sampled_from(["Paris", "in Paris", "paris", "Lyon", "", "dogs", "dog", "11", "1", "yes", "Yes, so", "no"]), st.text(max_size=8)), max_size=20
)


@given(ANSWERS)
def test_every_sample_is_in_one_cluster(answers: list[str]) -> None:
    found = clusters_of(answers)
    assert sorted(place for cluster in found for place in cluster.members) == list(range(len(answers)))
    assert all(cluster.first == answers[cluster.members[0]] for cluster in found)


@given(ANSWERS)
def test_clustering_again_changes_nothing(answers: list[str]) -> None:
    """The first members are clusters of their own, whoever compares them by the same rules."""
    firsts = [cluster.first for cluster in clusters_of(answers)]
    assert [cluster.first for cluster in clusters_of(firsts)] == firsts
    assert merged(clusters_of(answers), is_same) == clusters_of(answers)


@given(ANSWERS, st.randoms())
def test_by_the_rules_the_order_has_no_effect(answers: list[str], random: object) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    sizes = [Counter(len(cluster.members) for cluster in clusters_of(some)) for some in (answers, shuffled)]
    assert sizes[0] == sizes[1]


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_rules_are_symmetric_and_nothing_crashes(one: str, other: str) -> None:
    assert is_same(one, other) == is_same(other, one)
    assert is_same(one, one) == bool(words_of(one))


def test_by_a_looser_sameness_the_order_does_have_an_effect() -> None:
    """Near: one apart. 1, 2, 3 begin at 1: 2 joins it, 3 does not. 2, 1, 3 begin at 2: both join. That is the original's way."""

    def near(one: str, other: str) -> bool:
        return abs(int(one) - int(other)) <= 1

    assert [len(cluster.members) for cluster in clusters_of(["1", "2", "3"], near)] == [2, 1]
    assert [len(cluster.members) for cluster in clusters_of(["2", "1", "3"], near)] == [3]


def test_a_looser_sameness_joins_whole_clusters_and_never_silence() -> None:
    found = merged(clusters_of(["UK", "", "Britain", "the UK", "France", ""]), lambda one, other: {one, other} != {"UK", "France"})
    assert [cluster.members for cluster in found] == [(0, 2, 3), (1,), (4,), (5,)]
