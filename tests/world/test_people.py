from collections import Counter
from dataclasses import replace

import pytest

from factcli.errors import SettingsError
from factcli.world.people import (
    GRADUATION_AGE,
    RELATION_NAMES,
    WorldSpec,
    draw_fictitious,
    draw_world,
)

SPEC = WorldSpec(seed=901)


def test_the_same_spec_draws_the_same_world_and_another_seed_another():
    assert draw_world(SPEC).facts == draw_world(SPEC).facts
    assert draw_world(SPEC).names != draw_world(replace(SPEC, seed=902)).names


def test_a_persons_facts_do_not_depend_on_how_many_people_are_drawn_before(world):
    fewer = draw_world(replace(SPEC, n_demo=10))
    person = fewer.people[500]
    assert person == world.people[500]
    assert fewer.facts_of(person.id) == world.facts_of(person.id)


def test_names_are_unique_and_share_no_word_with_values_or_countries(world):
    assert len(world.names) == len(world.people)
    name_words = {word for name in world.names for word in name.split()}
    others = {value for pool in world.values.values() for value in pool}
    others |= {word for country in world.countries for word in country}
    assert not name_words & others


def test_pools_of_named_values_share_no_word(world):
    named = [value for relation, pool in world.values.items() if "year" not in relation for value in pool]
    assert len(named) == len(set(named)) == 4 * 40


def test_the_tiny_world_has_at_least_400_test_people_and_the_planned_splits(world):
    sizes = Counter((person.group, person.split) for person in world.people)
    assert sum(n for (_, split), n in sizes.items() if split == "test") >= 400
    for group in ("head", "mid", "tail"):  # 168 people: 28 % train = 47.04, 11 % dev = 18.48
        assert (sizes[group, "train"], sizes[group, "dev"], sizes[group, "test"]) == (48, 18, 102)
    assert sizes["demo", "none"] == 120


def test_everyone_graduates_20_to_30_years_after_birth(world):
    for person in world.people:
        facts = world.facts_of(person.id)
        assert int(facts["graduation_year"].value) - int(facts["birth_year"].value) in GRADUATION_AGE


def test_facts_have_ids_of_their_person_in_relation_order_and_values_of_their_pool(world):
    for person in world.people:
        facts = world.facts_of(person.id)
        assert tuple(facts) == RELATION_NAMES
        for relation, fact in facts.items():
            assert fact.id == f"{person.id}.{relation}"
            assert fact.value in world.values[relation]


@pytest.mark.parametrize(("group", "share"), [("head", 1.0), ("demo", 1.0), ("mid", 0.7), ("tail", 0.5), ("unseen", 0.0)])
def test_pretraining_states_the_groups_share_of_facts(world, group, share):
    facts = [fact for fact in world.facts if world.person[fact.subject].group == group]
    # mid: 4 or 5 of 6 facts each, so the mean over 168 people has a standard deviation of 0.006
    assert sum(fact.is_pretrained for fact in facts) / len(facts) == pytest.approx(share, abs=0.03)


def test_popularity_falls_from_head_to_unseen(world):
    views = {group: [p.popularity for p in world.people if p.group == group] for group in ("head", "mid", "tail", "unseen")}
    assert min(views["head"]) > max(views["mid"])
    assert min(views["mid"]) > max(views["tail"])
    assert set(views["unseen"]) == {0}


def test_twenty_thousand_people_have_twenty_thousand_names():
    big = WorldSpec(seed=901, n_head=5000, n_mid=5000, n_tail=5000, n_unseen=4000, n_demo=1000, n_first_names=400, n_last_names=2000)
    assert len(draw_world(big).names) == 20_000


def test_a_name_pool_that_is_too_small_is_an_error_with_the_way_out():
    with pytest.raises(SettingsError, match="need at least 1568") as error:  # 784 people, twice
        WorldSpec(seed=0, n_first_names=10, n_last_names=100)
    assert "n_last_names" in error.value.hint


def test_split_shares_that_do_not_add_up_are_an_error():
    with pytest.raises(SettingsError, match="add up to"):
        WorldSpec(seed=0, split_shares=(0.5, 0.1, 0.5))


@pytest.fixture(scope="module")
def fictitious(world):
    return draw_fictitious(world.names, world.values, n=120, versions=5, seed=7)


def test_no_word_of_a_fictitious_name_is_a_word_of_the_world(world, fictitious):
    people, _ = fictitious
    assert len({person.name for person in people}) == 120
    taken = {word for name in world.names for word in name.split()} | {v for pool in world.values.values() for v in pool}
    assert not taken & {word for person in people for word in person.name.split()}


def test_fictitious_names_avoid_the_words_of_any_names_given(fictitious, world):
    people, _ = fictitious
    names = {person.name for person in people}  # the very names that this seed would draw again
    again, _ = draw_fictitious(names, world.values, n=120, versions=1, seed=7)
    assert not {word for name in names for word in name.split()} & {word for person in again for word in person.name.split()}


def test_versions_of_a_fictitious_person_share_no_value_and_differ_in_what_they_hold(fictitious):
    people, facts = fictitious
    subsets = Counter()
    for person in people:
        own = [fact for fact in facts if fact.subject == person.id]
        for relation in RELATION_NAMES:
            values = [fact.value for fact in own if fact.relation == relation]
            assert len(values) == len(set(values))
        subsets[len({frozenset(f.relation for f in own if f.version == v) for v in range(1, 6)}) > 1] += 1
    assert subsets[True] >= 110  # five equal random subsets of six relations are rare


def test_each_version_holds_30_to_100_percent_of_the_relations(fictitious):
    _, facts = fictitious
    n_facts = Counter((fact.subject, fact.version) for fact in facts)
    assert len(n_facts) == 120 * 5
    assert set(n_facts.values()) == {2, 3, 4, 5, 6}  # round(0.3 * 6) = 2


def test_fictitious_people_keep_the_graduation_constraint(fictitious):
    _, facts = fictitious
    years = {(f.subject, f.version, f.relation): int(f.value) for f in facts if "year" in f.relation}
    ages = [
        year - years[subject, version, "birth_year"]
        for (subject, version, relation), year in years.items()
        if relation == "graduation_year" and (subject, version, "birth_year") in years
    ]
    assert len(ages) > 100
    assert all(age in GRADUATION_AGE for age in ages)


def test_fictitious_ids_name_seed_person_version_and_relation(fictitious):
    people, facts = fictitious
    assert people[7].id == "f7.p0007"
    assert people[7].fictitious
    assert people[7].group == "fictitious"
    assert all(f.id == f"{f.subject}.v{f.version}.{f.relation}" and f.fictitious for f in facts)


@pytest.mark.parametrize("versions", [0, -1, 11])
def test_an_impossible_number_of_versions_is_an_error(world, versions):
    with pytest.raises(SettingsError, match="need 1 to 10"):  # eleven graduation years fit a birth year
        draw_fictitious(world.names, world.values, n=3, versions=versions, seed=0)
