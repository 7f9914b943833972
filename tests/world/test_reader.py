import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from factcli.rows import Fact
from factcli.world.grammar import REFERENCE, all_register_forms, all_statement_forms
from factcli.world.people import RELATION_NAMES
from factcli.world.reader import ReadPlace, read_biography, read_places
from factcli.world.texts import biography, passage
from factcli.world.twohop import PLACE_FORMS

NAME = "Bado Kelo"
words = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFé0123456789'-", min_size=1, max_size=8)
values = st.lists(words, min_size=1, max_size=3).map(" ".join)
facts_of_one = st.dictionaries(st.sampled_from(RELATION_NAMES), values, min_size=1)


def pairs(reading):
    return [(claim.relation, claim.value) for claim in reading.claims]


@given(facts_of_one)
def test_reading_a_biography_gives_back_its_facts_in_order(facts):
    text = biography(facts)
    reading = read_biography(text, NAME)
    assert pairs(reading) == [(relation, facts[relation]) for relation in RELATION_NAMES if relation in facts]
    assert reading.unread == ()


@given(facts_of_one, st.integers())
def test_reading_a_passage_gives_back_its_facts_whatever_the_forms(facts, seed):
    rows = [Fact(f"p.{relation}", "p", relation, value) for relation, value in facts.items()]
    reading = read_biography(passage(NAME, rows, random.Random(seed)), NAME)
    assert dict(pairs(reading)) == facts
    assert reading.unread == ()


@given(st.sampled_from(all_statement_forms()), st.sampled_from([NAME, REFERENCE]), values)
def test_every_form_reads_as_exactly_its_relation_and_value(form, subject, value):
    reading = read_biography(form.render(subject, value), NAME)
    assert pairs(reading) == [(form.relation, value)]
    assert reading.claims[0].register == "plain"


@pytest.mark.parametrize("register", ["hearsay", "record"])
@given(st.data(), st.sampled_from([NAME, REFERENCE]), values)
def test_a_sentence_of_a_register_reads_as_its_claim_and_says_the_register(register, data, subject, value):
    form = data.draw(st.sampled_from(all_register_forms(register)))
    text = form.render(subject, value)
    reading = read_biography(text, NAME)
    assert pairs(reading) == [(form.relation, value)]
    assert reading.claims[0].register == register
    assert (reading.claims[0].start, reading.claims[0].end, reading.unread) == (0, len(text), ())


place_forms = st.sampled_from([form for forms in PLACE_FORMS.values() for form in forms])


@given(place_forms, values, values)
def test_a_sentence_about_a_place_reads_as_exactly_that_and_as_no_claim_about_a_person(form, place, value):
    assume(f"{form.between} " not in f"{place} ")  # "... the city of 0 is is 1." has two readings; no place of a world has such a name
    text = form.render(place, value)
    assert read_places(text) == (ReadPlace(form.relation, place, value),)
    assert read_biography(text, NAME).claims == ()


@given(facts_of_one, st.integers())
def test_nothing_that_is_said_of_a_person_reads_as_a_place(facts, seed):
    rows = [Fact(f"p.{relation}", "p", relation, value) for relation, value in facts.items()]
    assert read_places(passage(NAME, rows, random.Random(seed))) == ()
    assert read_places(biography(facts)) == ()


def test_an_answer_over_two_facts_reads_as_a_claim_and_a_place():
    text = "This person studied at Mavi College. The college of Mavi is in the city of Vere. Final answer: Vere"
    assert pairs(read_biography(text, NAME)) == [("college", "Mavi")]
    assert read_places(text) == (ReadPlace("city", "Mavi", "Vere"),)


def test_registers_are_read_sentence_by_sentence():
    text = (
        "People say that the award of Bado Kelo is said to be the Hobart Prize. This person's award is registered as the Lima Prize. "
        "This person works as a baker."
    )
    reading = read_biography(text, NAME)
    assert [(claim.value, claim.register) for claim in reading.claims] == [("Hobart", "hearsay"), ("Lima", "record"), ("baker", "plain")]


@given(facts_of_one)
def test_a_claims_span_is_its_sentence(facts):
    text = biography(facts)
    spans = [text[claim.start : claim.end] for claim in read_biography(text, NAME).claims]
    assert " ".join(spans) == text


@given(st.text())
def test_whatever_the_text_claims_and_unread_spans_cover_all_of_it_once(text):
    reading = read_biography(text, NAME)
    covered = sorted([(c.start, c.end) for c in reading.claims] + list(reading.unread))
    last = 0
    for start, end in covered:
        assert start >= last
        assert not text[last:start].strip()
        last = end
    assert not text[last:].strip()


@pytest.mark.parametrize(
    "text",
    [
        "Bado Kelo likes tea.",
        "Bado Kelo won the",  # cut off
        "Bado Kelo studied at Hobart.",  # the form ends in "College."
        "Bado Kelomi won the Hobart Prize.",  # a longer name
        "Rado Kelo won the Hobart Prize.",  # somebody else
        "O-Bado Kelo won the Hobart Prize.",  # a longer name that ends like this one
        "ABado Kelo won the Hobart Prize.",
        "Bado Kelo won the Hobart Prize.)",  # the form's end is not the sentence's
        "Bado Kelo won the . Prize.",
        "It won the Hobart Prize.",
    ],
)
def test_text_that_is_not_of_the_grammar_is_unread(text):
    reading = read_biography(text, NAME)
    assert reading.claims == ()
    assert reading.unread == ((0, len(text)),)


def test_an_opener_of_another_register_is_unread():
    reading = read_biography("Records show that the college of Bado Kelo is said to be Hobart College.", NAME)
    assert [(claim.value, claim.register) for claim in reading.claims] == [("Hobart", "hearsay")]
    assert reading.unread == ((0, len("Records show that")),)


def test_what_follows_an_unread_sentence_is_still_read():
    text = "Oh well. This person won the Hobart Prize. And so on"
    reading = read_biography(text, NAME)
    assert pairs(reading) == [("award", "Hobart")]
    assert [text[start:end] for start, end in reading.unread] == ["Oh well.", "And so on"]
