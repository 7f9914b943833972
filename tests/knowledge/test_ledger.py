"""The ledger finds a fact by subject and relation, one version at a time."""

import pytest

from factcli.errors import InputError
from factcli.knowledge.ledger import Ledger, accepts, evidence
from factcli.rows import Fact

BORN = Fact("w0.p0042.birthplace", "w0.p0042", "birthplace", "Hobart", aliases=("Hobart Town",))
IN_1 = Fact("f0.p0001.v1.award", "f0.p0001", "award", "Opal", version=1)
IN_2 = Fact("f0.p0001.v2.award", "f0.p0001", "award", "Pearl", version=2)


def test_a_fact_is_found_by_subject_and_relation():
    ledger = Ledger([BORN])
    assert ledger.lookup("w0.p0042", "birthplace") is BORN
    assert ledger.lookup("w0.p0042", "award") is None
    assert ledger.lookup("w0.p0043", "birthplace") is None


def test_two_facts_about_one_thing_are_refused_with_both_ids():
    with pytest.raises(InputError, match=r"f0.p0001.v1.award and f0.p0001.v2.award"):
        Ledger([IN_1, IN_2])


@pytest.mark.parametrize("said", ["Hobart", " hobart ", "HOBART  town"])
def test_a_value_is_accepted_in_any_case_and_by_its_aliases(said: str):
    assert accepts(BORN, said)


@pytest.mark.parametrize("said", ["Hob", "Hobart City", "", "Town"])
def test_a_part_of_a_value_or_more_than_it_is_not_accepted(said: str):
    assert not accepts(BORN, said)


def test_the_evidence_says_what_the_ledger_holds_and_where():
    assert evidence(BORN, "Mira Osei") == "Mira Osei, birthplace: Hobart (also Hobart Town) [w0.p0042.birthplace]"
