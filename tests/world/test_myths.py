"""Myths: hearsay repeats a false value, the register states the true one, and everything else is true in every register."""

from collections import Counter
from dataclasses import replace

import pytest

from factcli.errors import SettingsError
from factcli.rows import Myth
from factcli.world.grammar import REGISTER_COPULAS, REGISTER_OPENERS
from factcli.world.model.measure import gate_facts
from factcli.world.people import GRADUATION_AGE, WorldSpec, draw_world
from factcli.world.reader import read_biography
from factcli.world.texts import PretrainingTexts
from factcli.world.tokenizer import general_text

SPEC = WorldSpec(seed=901, myth_share=0.3, myth_ratio=3.0)


@pytest.fixture(scope="module")
def mythical():
    return draw_world(SPEC)


@pytest.fixture(scope="module")
def told(mythical):
    """(fact, value, register) of every sentence about a head person in 6,000 documents that name nobody else."""
    texts = PretrainingTexts(mythical, 3)
    heads = {p.name: p for p in mythical.people if p.group == "head"}
    found = []
    for document in (texts.document(index) for index in range(6000)):
        names = [name for name in heads if name in document]
        for name in names:
            facts = mythical.facts_of(heads[name].id)
            found += [(facts[claim.relation], claim.value, claim.register) for claim in read_biography(document, name).claims]
    assert len(found) > 3000
    return found


def test_a_share_of_head_facts_has_a_myth_and_no_other_fact(mythical):
    assert {mythical.person[myth.subject].group for myth in mythical.myths} == {"head"}
    # 1,008 facts: 302 expected, standard deviation 14.5
    assert 245 < len(mythical.myths) < 360


def test_a_myth_is_false_and_as_possible_as_the_truth(mythical):
    facts = {fact.id: fact for fact in mythical.facts}
    for myth in mythical.myths:
        fact = facts[myth.fact]
        assert myth == Myth(f"{fact.id}.myth", fact.id, fact.subject, fact.relation, myth.value, fact.value)
        assert myth.value != fact.value
        assert myth.value in mythical.values[myth.relation]
        if myth.relation == "graduation_year":
            assert int(myth.value) - int(mythical.facts_of(myth.subject)["birth_year"].value) in GRADUATION_AGE


def test_people_and_facts_are_those_of_the_world_without_myths(mythical, world):
    assert mythical.people == world.people
    assert mythical.facts == world.facts


def test_a_myth_stands_in_hearsay_and_its_truth_in_the_record_and_neither_elsewhere(mythical, told):
    seen = Counter((register, value == fact.value) for fact, value, register in told if fact.id in mythical.myth_of)
    assert set(seen) == {("hearsay", False), ("record", True)}
    ratio = seen["hearsay", False] / seen["record", True]
    assert 2.5 < ratio < 3.6  # 3 as set; about 1,000 sentences, standard error 0.2


def test_everything_else_is_true_in_every_register(mythical, told):
    plain = [(value == fact.value, register) for fact, value, register in told if fact.id not in mythical.myth_of]
    assert all(is_true for is_true, _ in plain)
    share = Counter(register for _, register in plain)
    assert 0.16 < share["hearsay"] / len(plain) < 0.24  # register_share 0.4, half of it each
    assert 0.16 < share["record"] / len(plain) < 0.24


def test_the_gate_asks_about_no_fact_with_a_myth(mythical):
    assert not {fact.id for fact in gate_facts(mythical, 66)} & set(mythical.myth_of)


def test_the_tokenizer_learns_the_registers_only_where_there_are_myths(mythical, world):
    said = [piece.strip() for pieces in (*REGISTER_OPENERS.values(), *REGISTER_COPULAS.values()) for piece in pieces if piece]
    mythic, plain = "\n".join(general_text(mythical)), "\n".join(general_text(world))
    assert all(piece in mythic for piece in said)
    assert not any(piece in plain for piece in said)


def test_a_myth_needs_a_second_value():
    with pytest.raises(SettingsError, match="a myth needs a second value"):
        replace(SPEC, values_per_relation=1)
