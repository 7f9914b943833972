"""What a text names: by the documented rules, and by a parser's noun chunks."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.errors import InputError
from factcli.judge.entities import parser_named, spans_by_rule, spans_of


def named(text: str) -> list[str]:
    return [text[start:end] for start, end in spans_by_rule(text)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ada Lovelace was born in London on 10 December 1815.", ["London", "10 December 1815"]),
        ("She worked with Charles Babbage from 1833, and in June 1842 with others.", ["Charles Babbage", "1833", "June 1842"]),
        ("He studied at the University of Oxford from 1990–1995.", ["University of Oxford", "1990–1995"]),
        ("It cost $3.5 million, about 12% of 1,250,000 and the 1990s' best.", ["$3.5 million", "12%", "1,250,000", "1990s"]),
        ("In Paris she met J. K. Rowling and a surgeon at St. Mary's.", ["Paris", "J. K. Rowling", "St. Mary's"]),
        ("The United States joined. Later May 12, 1947 came.", ["United States", "May 12, 1947"]),
        ("В 1990 году Иван жил в Москве.", ["1990", "Иван", "Москве"]),
        ("She sang O Canada with O'Brien-Smith.", ["O Canada", "O'Brien-Smith"]),
        ("- Born: 1947\n- Died: in Rome\n# Heading", ["1947", "Rome"]),
        ("no names here", []),
        ("", []),
    ],
)
def test_dates_numbers_and_capitalised_words_are_found(text: str, names: list[str]) -> None:
    assert named(text) == names


def test_the_name_that_begins_a_sentence_is_its_subject_and_left_out() -> None:
    """Under its opening word it is found: "In Paris" names Paris."""
    assert named("Warsaw is large. Marie left Warsaw. In Warsaw, he sang.") == ["Warsaw", "Warsaw"]


def test_a_name_that_is_repeated_is_found_at_each_place() -> None:
    text = "He saw Rome. He left Rome. He missed Rome."
    assert [start for start, _ in spans_by_rule(text)] == [7, 21, 37]


@given(st.text(max_size=300))
def test_spans_are_in_order_apart_and_of_something(text: str) -> None:
    spans = spans_by_rule(text)
    assert all(0 <= start < end <= len(text) and text[start:end].strip() for start, end in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))


@pytest.mark.parametrize("piece", ["A ", "A of the ", "1,", "1-", "A.", "May ", "(", "\n", "Ab", "$1.0"])
def test_a_hundred_thousand_characters_take_no_second(piece: str) -> None:
    text = "x " + piece * (100_000 // len(piece))
    started = time.process_time()
    spans_by_rule(text)
    assert time.process_time() - started < 2


def test_a_parsers_chunks_are_taken_but_for_subjects_roots_and_pronouns() -> None:
    """Parsed by hand: nsubj `Ada` and the pronoun object `it` are left out; object and prepositional object are taken."""
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Doc

    words = ["Ada", "wrote", "the", "notes", "in", "London", "and", "signed", "it"]
    heads = [1, 1, 3, 1, 1, 4, 1, 1, 7]
    deps = ["nsubj", "ROOT", "det", "dobj", "prep", "pobj", "cc", "conj", "dobj"]
    pos = ["PROPN", "VERB", "DET", "NOUN", "ADP", "PROPN", "CCONJ", "VERB", "PRON"]
    doc = Doc(spacy.blank("en").vocab, words=words, heads=heads, deps=deps, pos=pos)
    assert [doc.text[start:end] for start, end in spans_of(doc)] == ["the notes", "London"]


def test_a_parser_that_is_not_installed_is_told_and_auto_goes_by_the_rules() -> None:
    with pytest.raises(InputError, match="'xx_no_such_model' is not installed"):
        parser_named("xx_no_such_model")
    assert parser_named("rules") is None
    assert parser_named("auto") is None or parser_named("auto").startswith("en_core_web_sm ")
