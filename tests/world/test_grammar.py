import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.world.grammar import (
    REGISTER_COPULAS,
    all_register_forms,
    all_statement_forms,
    biography_form,
    core_forms,
    question_forms,
    register_forms,
    statement_forms,
)
from factcli.world.people import RELATION_NAMES
from factcli.world.texts import COUNTRY_QUESTIONS, COUNTRY_STATEMENTS, biography_request
from factcli.world.twohop import FIRST, HOP_QUESTIONS, PLACE_FORMS, PLACE_QUESTIONS, SECOND

NAME = "Bado Kelo"
OTHER = "Vela Moran"


def is_beginning_of_another(texts: list[str]) -> list[tuple[str, str]]:
    """Sorted neighbours suffice: whatever begins with a text follows it directly."""
    ordered = sorted(texts)
    return [(a, b) for a, b in pairwise(ordered) if b.startswith(a)]


def test_the_check_finds_an_ambiguous_prompt():
    assert is_beginning_of_another(["X was born in the city of", "X won", "X was born in"])
    assert is_beginning_of_another(["X won", "X won"])


def test_no_cloze_prompt_begins_or_equals_another():
    prefixes = [form.prefix(NAME) for form in (*all_statement_forms(), *all_register_forms("hearsay"), *all_register_forms("record"))]
    prefixes += [biography_form(relation).prefix(who) for relation in RELATION_NAMES for who in (FIRST, SECOND)]
    prefixes += [form.render(NAME, "")[:-2] for forms in PLACE_FORMS.values() for form in forms]  # as if a place were called so
    prefixes += [statement.format(country=NAME, answer="\n").partition(" \n")[0] for statement in COUNTRY_STATEMENTS]
    assert len(prefixes) > 700
    assert is_beginning_of_another(prefixes) == []


def test_no_question_begins_or_equals_another():
    questions = [form.render(NAME) for relation in RELATION_NAMES for held in (False, True) for form in question_forms(relation, held)]
    questions += [form.format(a=NAME, b=OTHER) for forms in HOP_QUESTIONS.values() for form in forms]
    questions += [f"{before}{NAME}{after}" for forms in PLACE_QUESTIONS.values() for before, after in forms]
    questions += [form.format(country=NAME) for form in COUNTRY_QUESTIONS] + [biography_request(NAME)]
    assert len(questions) > 50
    assert is_beginning_of_another(questions) == []


names = st.lists(st.sampled_from(["Bado", "Kelo", "Vela", "Moran", "Ti"]), min_size=2, max_size=2).map(" ".join)


@given(names, names)
def test_a_question_is_of_one_form_whatever_the_names(one, other):
    forms = [(form.before, "{a}", form.after) for relation in RELATION_NAMES for held in (False, True) for form in question_forms(relation, held)]
    forms += [tuple(re.split("({[ab]})", form)) for forms in HOP_QUESTIONS.values() for form in forms]
    patterns = [re.compile("".join(r"(\w+ \w+)" if part in ("{a}", "{b}") else re.escape(part) for part in form)) for form in forms]
    for form in forms:
        said = tuple({"{a}": one, "{b}": other}[part] for part in form if part in ("{a}", "{b}"))
        text = "".join({"{a}": one, "{b}": other}.get(part, part) for part in form)
        assert [match.groups() for pattern in patterns if (match := pattern.fullmatch(text))] == [said]


@pytest.mark.parametrize("relation", RELATION_NAMES)
def test_every_relation_has_many_forms_and_some_held_out(relation):
    assert len(statement_forms(relation)) >= 12
    assert len(question_forms(relation)) >= 4
    assert len(statement_forms(relation, heldout=True)) >= 5
    assert len(question_forms(relation, heldout=True)) >= 2
    assert not set(statement_forms(relation)) & set(statement_forms(relation, heldout=True))


@pytest.mark.parametrize("relation", RELATION_NAMES)
@pytest.mark.parametrize("register", ["hearsay", "record"])
def test_a_registers_forms_differ_from_plain_ones_right_before_the_value(register, relation):
    forms = register_forms(relation, register)
    assert len(forms) == 24  # four openers, two places for the name, three copulas
    assert all(any(copula in form.after for copula in REGISTER_COPULAS[register]) for form in forms)
    assert not set(forms) & set(all_statement_forms())


@pytest.mark.parametrize("relation", RELATION_NAMES)
def test_a_biography_uses_a_form_that_is_trained(relation):
    assert biography_form(relation) in core_forms(relation)


def test_core_forms_are_the_first_statement_forms():
    for relation in RELATION_NAMES:  # texts.statement relies on this order
        core = core_forms(relation)
        assert statement_forms(relation)[: len(core)] == core


def test_a_form_renders_prefix_then_value_then_suffix():
    form = statement_forms("college")[0]
    assert form.prefix(NAME) == "Bado Kelo studied at"
    assert form.render(NAME, "Hobart") == "Bado Kelo studied at Hobart College."


def test_a_sentence_begins_with_a_capital():
    assert all(form.render("this person", "x")[0].isupper() for form in all_statement_forms())
