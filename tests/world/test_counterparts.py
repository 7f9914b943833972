"""Invented counterparts of real facts."""

import re

import pytest

from factcli.errors import InputError, SettingsError
from factcli.rows import Fact
from factcli.world.counterparts import folded, invent_counterparts, too_few_objects
from tests.world.conftest import TEMPLATES


def test_invented_names_are_no_real_name_nor_share_a_made_up_word_with_one(real, invented):
    people, facts = real
    words = {word for name in [*(p.name for p in people), *(f.value for f in facts)] for word in folded(name).split()}
    real_names = {folded(person.name) for person in people}
    names = [folded(person.name) for person in invented[0]]
    assert len(set(names)) == len(names) == 120
    assert not real_names & set(names)
    made_up = {word for name in names for word in name.split()} - {"the", "of"}
    nouns = {"bridge", "clocks", "garden", "harvest", "lanterns", "letters", "orchard", "silence", "song", "winter"}
    assert not (made_up - nouns) & words


def test_words_of_taken_names_are_avoided_whatever_their_case_and_diacritics(real, invented):
    words = {word for person in invented[0] for word in person.name.split()}
    taken = [re.sub("[AEIOU]", lambda vowel: vowel[0] + "\u0301", word.upper()) for word in words]
    again, _ = invent_counterparts(real[1], 120, 3, 7, [*taken, "Straße"], TEMPLATES)
    people = [person.name for person in again if not person.name.startswith("The ") and " " in person.name]
    assert len(people) > 20
    assert not words & {word for name in people for word in name.split()}


def test_invented_names_differ_even_where_draws_collide(real):
    countries = [fact for fact in real[1] if fact.relation == "country"]
    people, _ = invent_counterparts(countries, 3000, 1, 0, [], TEMPLATES)  # 3,000 of 275,000 names: about 16 draws collide
    assert len({folded(person.name) for person in people}) == 3000


def test_objects_come_from_the_same_relations_real_objects_and_differ_between_versions(real, invented):
    pools: dict[str, set[str]] = {}
    for fact in real[1]:
        pools.setdefault(fact.relation, set()).add(fact.value)
    versions: dict[tuple[str, str], list[Fact]] = {}
    for fact in invented[1]:
        assert fact.value in pools[fact.relation]
        versions.setdefault((fact.subject, fact.relation), []).append(fact)
    for facts in versions.values():
        assert [fact.version for fact in facts] == [1, 2, 3]
        assert len({folded(fact.value) for fact in facts}) == 3


def test_invented_rows_have_the_ids_and_marks_of_their_kind(invented):
    people, facts = invented
    assert (people[7].id, people[7].group, people[7].popularity, people[7].fictitious) == ("f7.p0007", "fictitious", 0, True)
    assert all(re.fullmatch(rf"{fact.subject}\.v{fact.version}\.[a-z_]+", fact.id) and fact.fictitious for fact in facts)
    assert len({fact.id for fact in facts}) == len(facts)


def test_invented_rows_depend_on_seed_and_id_alone(real, invented):
    people, facts = real
    taken = [person.name for person in people]
    assert invent_counterparts(facts, 120, 3, 7, taken, TEMPLATES) == invented
    few_people, few_facts = invent_counterparts(facts, 10, 3, 7, taken, TEMPLATES)
    assert few_people == invented[0][:10]
    assert few_facts == invented[1][: len(few_facts)]
    assert invent_counterparts(facts, 10, 3, 8, taken, TEMPLATES)[0][0].name != few_people[0].name


def test_relations_with_too_few_objects_are_left_out_and_can_be_listed(real):
    facts = real[1]
    assert too_few_objects(facts, 5) == {"capital": 3}
    invented = invent_counterparts(facts, 200, 5, 0, [], TEMPLATES)[1]
    assert {fact.relation for fact in invented} <= {fact.relation for fact in facts} - {"capital"}
    with pytest.raises(InputError, match="no relation has 500 different objects"):
        invent_counterparts(facts, 2, 500, 0, [], TEMPLATES)


@pytest.mark.parametrize(("n_subjects", "versions"), [(0, 1), (1, 0), (-1, 3)])
def test_an_impossible_number_of_subjects_or_versions_is_refused(real, n_subjects, versions):
    with pytest.raises(SettingsError, match="need at least 1 of each"):
        invent_counterparts(real[1], n_subjects, versions, 0, [], TEMPLATES)
