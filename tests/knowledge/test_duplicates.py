"""ROUGE-L by hand and by its rules, and the list that is thinned by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.knowledge.duplicates import common_length, distinct, rouge_l

TEXTS = st.lists(st.sampled_from(["when", "was", "Mae", "born", "é", "died"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("the cat sat", "The cat, sat!", 1.0),  # case and punctuation are no difference
        ("a b c d", "a x c y", 0.5),  # a c: 2 of 4 and 2 of 4
        ("a b c d e f", "b d", 0.5),  # recall 2/6, precision 1: 2*2/(6+2)
        ("police killed the gunman", "the gunman police killed", 0.5),  # order counts: two of four
        ("a b", "b a", 0.5),
        ("caf\u00e9", "cafe\u0301", 1.0),
        ("a", "b", 0.0),
        ("", "", 1.0),
        ("", "a", 0.0),
    ],
)
def test_rouge_l_is_what_one_gets_by_hand(one: str, other: str, expected: float) -> None:
    assert rouge_l(one, other) == pytest.approx(expected)


@given(TEXTS, TEXTS)
def test_rouge_l_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert rouge_l(one, other) == rouge_l(other, one)
    assert 0 <= rouge_l(one, other) <= 1
    assert rouge_l(one, one) == 1


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("xyz"), min_size=1, max_size=6))
def test_texts_without_a_common_word_have_0(one: list[str], other: list[str]) -> None:
    assert rouge_l(" ".join(one), " ".join(other)) == 0


@given(st.lists(st.integers(0, 3), max_size=7), st.lists(st.integers(0, 3), max_size=7))
def test_the_common_length_is_that_of_all_subsequences(left: list[int], right: list[int]) -> None:
    def every(items: list[int]) -> set[tuple[int, ...]]:
        found: set[tuple[int, ...]] = {()}
        for item in items:
            found |= {(*before, item) for before in found}
        return found

    longest = max(map(len, every(left) & every(right)))
    assert common_length([str(n) for n in left], [str(n) for n in right]) == longest


def test_the_first_of_similar_texts_is_kept_and_a_half_is_not_too_much() -> None:
    texts = ["When was Mae born?", "When was Mae Brown born?", "a b c d", "a x c y", "Where did she study?"]
    assert distinct(texts, 0.5) == [0, 2, 3, 4]  # 8/9 with the first; exactly 0.5 is kept
    assert distinct(texts, 0.49) == [0, 2, 4]
