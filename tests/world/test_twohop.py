"""Questions over two facts: each follows from its two facts, and pre-training asks them about demo people alone."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from factcli.errors import SettingsError
from factcli.world.people import WorldSpec, draw_world
from factcli.world.texts import PretrainingTexts
from factcli.world.twohop import FINAL, TwoHops, places_of

SPEC = WorldSpec(seed=901, two_hop_share=0.1)


@pytest.fixture(scope="module")
def hopping():
    return draw_world(SPEC)


@pytest.fixture(scope="module")
def asked(hopping):
    return list(TwoHops(hopping).benchmark())


@pytest.fixture(scope="module")
def documents(hopping):
    texts = PretrainingTexts(hopping, 3)
    return [texts.document(index) for index in range(6000)]


def facts_by_id(world):
    return {fact.id: fact for fact in (*world.facts, *places_of(world))}


def test_every_city_is_in_a_country_and_every_college_in_a_city(hopping):
    places = places_of(hopping)
    assert [place.relation for place in places] == ["country"] * 40 + ["city"] * 40
    assert [place.subject.rpartition(".")[2] for place in places[:40]] == list(hopping.values["birthplace"])
    assert {place.value for place in places[:40]} <= {country for country, _, _ in hopping.countries}
    assert {place.value for place in places[40:]} <= set(hopping.values["birthplace"])
    assert len({place.id for place in places}) == 80
    assert places_of(draw_world(replace(SPEC, two_hop_share=0.0))) == ()


def test_everybody_of_a_split_is_asked_about_four_times(hopping, asked):
    n = Counter(one.row.fact_ids[0].rpartition(".")[0] for one in asked)
    assert set(n) == {p.id for p in hopping.people if p.split != "none"}
    assert set(n.values()) == {4}
    assert Counter(one.row.type for one in asked) == {"bridge": 1328, "comparison": 1328}  # 664 people, two of each
    assert len({one.row.id for one in asked}) == len({one.row.question for one in asked}) == 4 * 664


def test_a_bridge_goes_over_the_value_of_its_first_fact_which_the_question_does_not_name(hopping, asked):
    facts = facts_by_id(hopping)
    for one in (one for one in asked if one.row.type == "bridge"):
        first, second = (facts[id] for id in one.row.fact_ids)
        assert one.row.bridge == first.value
        assert second.subject.endswith(f".{first.relation}.{first.value}")
        assert one.row.answer == second.value
        assert first.value not in one.row.question
        assert hopping.person[first.subject].name in one.row.question


def test_a_comparison_follows_from_the_same_fact_of_two_people_of_one_group_and_split(hopping, asked):
    facts = facts_by_id(hopping)
    answers: Counter[str] = Counter()
    for one in (one for one in asked if one.row.type == "comparison"):
        first, second = (facts[id] for id in one.row.fact_ids)
        people = hopping.person[first.subject], hopping.person[second.subject]
        assert first.relation == second.relation
        assert people[0] != people[1]
        assert (people[0].group, people[0].split) == (people[1].group, people[1].split)
        assert 0 < one.row.question.find(people[0].name) < one.row.question.find(people[1].name)
        if ".earlier." in one.row.id:
            assert one.row.answer == min(zip((first, second), people, strict=True), key=lambda pair: int(pair[0].value))[1].name
            assert first.value != second.value
        else:
            assert one.row.answer == ("yes" if first.value == second.value else "no")
            answers[one.row.answer] += 1
    assert answers["yes"] > 0.25 * answers.total()  # half of those where somebody shares the value


def test_the_answer_says_both_facts_before_it(hopping, asked):
    facts = facts_by_id(hopping)
    for one in asked[:400]:
        told, _, last = one.text.rpartition(f" {FINAL} ")
        assert last == one.row.answer
        assert all(facts[id].value in told for id in one.row.fact_ids)


def test_pretraining_asks_over_two_facts_about_demo_people_alone(hopping, documents):
    group_of = {person.name: person.group for person in hopping.people}
    hops = [document for document in documents if FINAL in document]
    assert 0.085 < len(hops) / len(documents) < 0.115  # as set; standard deviation 0.4%
    questions = [document.split("\n")[0] for document in hops]
    assert {group for name, group in group_of.items() for question in questions if name in question} == {"demo"}


def test_pretraining_says_where_places_are(hopping, documents):
    text = "\n".join(documents)
    said = [place for place in places_of(hopping) if f"{place.subject.rpartition('.')[2]} is in the" in text]
    assert len(said) > 30


def test_a_demonstration_is_right(hopping):
    facts, hops = facts_by_id(hopping), TwoHops(hopping)
    for seed in range(300):
        one = hops.demonstration(random.Random(seed))
        assert all(facts[id].is_pretrained and facts[id].value in one.reasoning for id in one.row.fact_ids)


def test_no_demonstration_needs_a_fact_that_is_not_stated():
    world = draw_world(replace(SPEC, coverage={**SPEC.coverage, "demo": 0.5}))
    facts, hops = facts_by_id(world), TwoHops(world)
    used = [facts[id] for seed in range(200) for id in hops.demonstration(random.Random(seed)).row.fact_ids]
    assert all(fact.is_pretrained for fact in used)


def test_demo_people_of_whom_nothing_is_stated_cannot_show_the_form():
    world = draw_world(replace(SPEC, coverage={**SPEC.coverage, "demo": 0.0}))
    with pytest.raises(SettingsError, match="no demo person has two facts that are stated"):
        TwoHops(world).demonstration(random.Random(0))


def test_no_question_is_over_a_fact_with_a_myth():
    world = draw_world(replace(SPEC, myth_share=0.5))
    used = {id for one in TwoHops(world).benchmark() for id in one.row.fact_ids}
    assert world.myths
    assert not used & set(world.myth_of)


def test_the_form_needs_two_demo_people():
    with pytest.raises(SettingsError, match="need 2 or more to show their form"):
        replace(SPEC, n_demo=1)
