"""What a model's answer becomes: lists read without harm to ranges, demonstrations by nearness, repairs that lose no number."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.claims import demonstrations
from factcli.judge.claims.parsing import is_framing, parsed
from factcli.judge.claims.repairs import repaired


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("- He served from 1990 - 1995.\n- He sang", ["He served from 1990 - 1995.", "He sang."]),  # FactScore: four facts
        ("Sure, here are the claims:\n\n1. A well-known man sang.\n2) He ran.\n\nI hope this helps!", ["A well-known man sang.", "He ran."]),
        ("- He sang. - He danced 1990 - 1995.", ["He sang.", "He danced 1990 - 1995."]),
        ("* **He** sang\n  and danced.\n• She ran.", ["He sang and danced.", "She ran."]),
        ("He sang.\nHe danced.", ["He sang.", "He danced."]),
        ("-He sang.\n-He ran.", ["He sang.", "He ran."]),
        ("- 他是作家。\n- 😀", ["他是作家。"]),
        *((text, []) for text in ("none", "None.", "- none", "There are no claims in this sentence.", "", "\n-\n", "This sentence makes no claims.")),
    ],
)
def test_items_begin_at_a_dash_that_begins_a_line(text: str, claims: list[str]) -> None:
    assert list(parsed(text).claims) == claims


@given(st.lists(st.sampled_from(["He sang.", "She ran 1990 - 1995.", "A - b.", "X."]), max_size=6))
def test_what_is_written_as_a_list_is_read_back(claims: list[str]) -> None:
    assert list(parsed("\n".join(f"- {claim}" for claim in claims)).claims) == claims


@given(st.text())
def test_no_answer_makes_reading_fail(text: str) -> None:
    assert all(claim.strip() == claim != "" for claim in parsed(text).claims)


def test_a_sentence_about_the_answer_is_framing_and_a_name_is_none() -> None:
    assert all(map(is_framing, ("Sure, here is a biography.", "Please note this.", "Here are some facts:", "I hope this helps!")))
    assert not any(map(is_framing, ("Sure Start is a programme.", "Hereford is a city.", "Pleasence was an actor.")))


def test_the_nearest_demonstration_is_shown_last_and_the_fixed_ones_first() -> None:
    text = demonstrations.shown("The midfielder joined Real Orense.", 2, 1, "list")
    sentences = [block.split("<<<\n")[1].split("\n>>>")[0] for block in text.split("Sentence:\n")[1:]]
    everything, _ = demonstrations.load()
    assert sentences[:2] == [one.sentence for one in everything[:2]]
    assert sentences[2].startswith("The midfielder began her career")
    assert json.loads(demonstrations.shown("x", 1, 0, "json").rpartition("Claims:\n")[2]) == {"claims": list(everything[0].claims)}


def test_the_same_demonstrations_are_shown_in_every_process() -> None:
    """Two of them tie for this sentence but for the last digit of a sum, which depends on the order of the words."""
    sentence = (
        "than July drummer. signed 4 rivers makes guitarists Falun. the northern taught northern studying Golden under Valparaíso, city began "
        "sold wife, from mines under"
    )
    code = f"from factcli.judge.claims import demonstrations; print(ascii(demonstrations.shown({sentence!r}, 2, 4, 'list')))"
    shown = [subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout for seed in "01"]
    assert shown[0] == shown[1]


def test_demonstrations_say_what_their_sentence_says() -> None:
    """A demonstration that breaks our own repairs would teach what is then taken out."""
    for one in demonstrations.load()[0]:
        assert repaired(one.claims, one.sentence, "").rejects == (), one.sentence


SENTENCE = "She was born in Lima in September 1974, and had 2 sons."


@pytest.mark.parametrize(
    ("claim", "kept", "reason"),
    [
        ("Ann was born in 197.", "Ann was born in 1974.", ""),
        ("Ann was born in Sep 1974.", "Ann was born in September 1974.", ""),
        ("Ann had two sons.", "Ann had two sons.", ""),
        ("Ann had three sons.", "", "number that its sentence has not"),
        ("Ann was born in Peru.", "", "name that its sentence has not"),
        ("Ann Lee was born in Lima.", "Ann Lee was born in Lima.", ""),
    ],
)
def test_numbers_and_names_come_from_the_sentence_or_the_topic(claim: str, kept: str, reason: str) -> None:
    found = repaired([claim], SENTENCE, "Ann Lee")
    assert (found.claims, found.rejects) == (((kept,), ()) if kept else ((), ((claim, reason),)))


def test_a_claim_that_ends_in_the_air_goes_where_another_goes_on() -> None:
    assert repaired(["She was born.", "She was born in Lima."], SENTENCE, "").claims == ("She was born in Lima.",)
    assert repaired(["She was born."], SENTENCE, "").claims == ("She was born.",)
    both = ("She is a founding member.", "She is a founding member of it.")
    assert repaired(both, "She is a founding member of it.", "").claims == both


def test_a_repaired_claim_stays_where_it_was() -> None:
    claims = ("She was born in Sep 1974.", "She was born in Lima.")
    assert repaired(claims, SENTENCE, "").claims == ("She was born in September 1974.", "She was born in Lima.")
    claims = ("She was born.", "She was born in Sep 1974.")
    assert repaired(claims, SENTENCE, "").rejects == (("She was born.", "ends in the air"),)
    again = ("She was born in Sep 1974.", "She was born in September 1974.")
    assert repaired(again, SENTENCE, "").claims == ("She was born in September 1974.",)


def test_no_number_of_the_sentence_is_lost_by_a_repair() -> None:
    """1974 is said by one claim alone, which has a foreign name: FActScore undid all repairs, here that claim comes back."""
    found = repaired(["She was born in Peru in 1974.", "She ran in Chile.", "She had 2 sons."], SENTENCE, "")
    assert found.claims == ("She was born in Peru in 1974.", "She had 2 sons.")
    assert found.rejects == (("She ran in Chile.", "name that its sentence has not"),)
