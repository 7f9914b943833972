"""How text is cut: nothing is lost, nothing is too long, sentences stay whole where they fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.knowledge.pack.passages import passages
from factcli.knowledge.pack.words import n_tokens, token_ends, words

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.text("ab.!? \n\x00é的", max_size=400)


@given(TEXTS, st.integers(1, 30))
def test_passages_lose_nothing_but_white_space(text: str, most: int) -> None:
    assert "".join("".join(passages(text, most)).split()) == "".join(text.split())


@given(TEXTS, st.integers(1, 30))
def test_no_passage_is_above_the_limit(text: str, most: int) -> None:
    assert all(n_tokens(passage) <= most for passage in passages(text, most))


def test_sentences_are_put_together_while_they_fit() -> None:
    """Five tokens each, so ten hold two of them."""
    text = "Al was born here. Bo was not there. Cy came much later."
    assert list(passages(text, 10)) == ["Al was born here. Bo was not there.", "Cy came much later."]
    assert list(passages(text, 15)) == [text]


def test_a_sentence_longer_than_a_passage_goes_on_in_the_next() -> None:
    """Seven tokens in passages of three; the last part has room for what follows."""
    assert list(passages("a b c d e f. G.", 3)) == ["a b c", "d e f", ". G."]


def test_a_word_of_100_000_letters_fills_many_passages() -> None:
    found = list(passages("x" * 100_000, 256))
    assert len(found) == -(-100_000 // (12 * 256))
    assert "".join(found) == "x" * 100_000


@pytest.mark.parametrize(
    ("text", "n"), [("", 0), ("Al's 3.5 km!", 8), ("incomprehensibilities", 2), ("東京は首都", 5), ("สวัสดี", 6), ("\x00", 1), ("naïve café", 2)]
)
def test_tokens_are_counted_by_rule(text: str, n: int) -> None:
    assert n_tokens(text) == n == len(token_ends(text))


def test_words_have_no_case_and_no_accents_and_function_words_are_left_out() -> None:
    assert words("The Poet José of São-Paulo, ﬁnal; 東京 it") == ["poet", "jose", "sao", "paulo", "final", "東", "京"]
    assert words("x_y " + "z" * 70) == ["x", "y", "z" * 64, "z" * 6]


@given(st.text(max_size=100))
def test_words_of_ascii_and_of_all_text_are_found_alike(text: str) -> None:
    plain = "".join(c for c in text if c.isascii())
    assert words(plain) == [word for word in words(plain + " é") if word != "e"] or "e" in words(plain)
