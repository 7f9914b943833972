"""Who is written about how often, and which values are common, by Zipf's law."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from factcli.errors import SettingsError
from factcli.knowledge.popqa import PopularityGroups
from factcli.world.exposure import RANKED, rates_of, zipf_weights
from factcli.world.people import RELATIONS, WorldSpec, draw_fictitious, draw_world
from factcli.world.texts import PretrainingTexts

EVEN = {"head": 1.0, "mid": 1.0, "tail": 1.0, "unseen": 0.0, "demo": 1.0}
SPEC = WorldSpec(seed=901, values_per_relation=400, n_birth_years=40, value_exponent=1.0, exposure_exponent=1.0, coverage=EVEN)
SMALL = WorldSpec(seed=1, n_head=2, n_mid=2, n_tail=1, n_unseen=1, n_demo=1, exposure_exponent=1.0)


@pytest.fixture(scope="module")
def zipf():
    return draw_world(SPEC)


def test_weights_fall_as_the_ranks_power():
    assert zipf_weights(4, 1.0) == (1, 1 / 2, 1 / 3, 1 / 4)
    assert zipf_weights(3, 0.0) == (1, 1, 1)
    assert zipf_weights(2, 2.0) == (1, 1 / 4)


def test_rates_are_the_law_over_head_mid_and_tail_with_an_average_head_person_at_one():
    rates = rates_of(SMALL)  # weights 1, 1/2 | 1/3, 1/4 | 1/5; the head's mean is 3/4
    assert sorted(rates["head"]) == pytest.approx([2 / 3, 4 / 3])
    assert sorted(rates["mid"]) == pytest.approx([1 / 3, 4 / 9])
    assert rates["tail"] == pytest.approx((4 / 15,))
    assert (rates["unseen"], rates["demo"]) == ((0.0,), (1.0,))


def test_without_the_law_every_person_of_a_group_has_its_rate():
    rates = rates_of(replace(SMALL, exposure_exponent=0.0))
    assert rates["head"] == (1.0, 1.0)
    assert rates["mid"] == (0.18, 0.18)
    assert rates["tail"] == (0.05,)


def test_groups_are_quantiles_of_popularity_which_follows_the_rates(zipf):
    ranked = sorted((p for p in zipf.people if p.group in RANKED), key=lambda p: -p.popularity)
    assert [p.group for p in ranked] == ["head"] * 168 + ["mid"] * 168 + ["tail"] * 168
    assert all(one.popularity > other.popularity for one, other in pairwise(ranked))  # no ties: a curve can be drawn over them
    assert ranked[0].popularity == pytest.approx(504 * ranked[-1].popularity, rel=1e-4)
    assert {p.popularity for p in zipf.people if p.group == "unseen"} == {0}
    assert {p.popularity for p in zipf.people if p.group == "demo"} == {1_000_000}  # written about as often as an average head person
    assert sum(p.popularity for p in zipf.people if p.group == "head") / 168 == pytest.approx(1_000_000, rel=1e-4)
    groups = PopularityGroups.of_people(p for p in zipf.people if p.group != "demo")  # as `fact eval popqa` reads them
    assert all(groups.of(p.popularity) == p.group for p in ranked)


def test_training_and_test_people_are_as_well_known_as_each_other(zipf):
    """Ranks are dealt out within a group. 48 train people of 168: the standard error of their mean rank is 6.6."""
    order = {p.id: rank for rank, p in enumerate(sorted((p for p in zipf.people if p.group == "mid"), key=lambda p: -p.popularity))}
    train = [order[p.id] for p in zipf.people if p.group == "mid" and p.split == "train"]
    assert 83.5 - 27 < sum(train) / len(train) < 83.5 + 27


def test_pretraining_writes_about_people_in_proportion_to_their_popularity(zipf):
    texts = PretrainingTexts(zipf, 3)
    documents = [texts.document(index) for index in range(6000)]
    by_name = {p.name: p for p in zipf.people}
    n: Counter[str] = Counter()
    for document in documents:
        n.update({by_name[name].id for name in (" ".join(pair) for pair in zip(document.split(), document.split()[1:], strict=False)) if name in by_name})
    ranked = sorted((p for p in zipf.people if p.group in RANKED), key=lambda p: -p.popularity)
    first, tenth = (sum(n[p.id] for p in ranked[start : start + 1]) for start in (0, 9))
    assert 5 < first / tenth < 20  # ten times as often, of about 500 and 50 documents
    later = sum(n[p.id] for p in ranked[:50]), sum(n[p.id] for p in ranked[450:500])
    # harmonic sums: H(50) = 4.50 of H(504) = 6.80, and H(500) - H(450) = 0.105
    assert later[0] / later[1] == pytest.approx(4.50 / 0.105, rel=0.5)


def test_values_follow_the_law_but_years_do_not(zipf):
    for relation in RELATIONS:
        counts = Counter(fact.value for fact in zipf.facts if fact.relation == relation.name)
        top = counts.most_common(1)[0][1] / 784
        if relation.kind == "name":  # 1 / H(400) = 0.152, standard deviation 0.013
            assert counts.most_common(1)[0][0] == zipf.values[relation.name][0]
            assert 0.10 < top < 0.21
            assert len(counts) > 150
        else:
            assert top < 0.06  # one of 40 or more years


def test_the_number_of_birth_years_is_a_setting_of_its_own(zipf):
    assert len(zipf.values["birth_year"]) == 40
    assert len(zipf.values["birthplace"]) == 400


def test_fictitious_people_are_drawn_from_the_same_values(zipf):
    people, facts = draw_fictitious(zipf.names, zipf.values, n=30, versions=3, seed=7)
    assert len(people) == 30
    assert all(fact.value in zipf.values[fact.relation] for fact in facts)


def test_a_rate_that_nothing_would_read_is_refused():
    with pytest.raises(SettingsError, match=r"sampling_rate\.mid is 0\.5, but exposure_exponent 1 says"):
        replace(SPEC, sampling_rate={**SPEC.sampling_rate, "mid": 0.5})
