"""The type of an answer by its words, and what is left of it without the hedge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.responses import TYPES, grade_worded, worded

UNSURE = {
    "I think Hobart": "Hobart",
    "I believe that it is Hobart.": "it is Hobart.",
    "I'm not sure, but I think it's Hobart.": "it's Hobart.",
    "I\N{RIGHT SINGLE QUOTATION MARK}m not certain, but Hobart": "Hobart",
    "I don't know for sure, but maybe Hobart": "Hobart",
    "Perhaps Hobart": "Hobart",
    "I'm not sure where that was, but I think Hobart": "I'm not sure where that was, but I think Hobart",
    "Hobart, I think": "Hobart",
    "Hobart (not sure)": "Hobart",
    "Hobart. I'm not sure about that.": "Hobart",
    "If I remember correctly, Hobart": "Hobart",
    "It might be Hobart": "Hobart",
    "My best guess is Hobart": "Hobart",
    "She was probably born in Hobart.": "She was probably born in Hobart.",
    "I am not sure about this, but as far as I remember: She was born in Hobart.": "She was born in Hobart.",
    "I know little about this, so take it with care. She was born in Hobart.": "She was born in Hobart.",
    "This may be wrong, but I seem to recall the following. She was born in Hobart.": "She was born in Hobart.",
}


@pytest.mark.parametrize("text", UNSURE)
def test_a_hedged_answer_is_unsure_and_says_what_stands_beside_the_hedge(text: str) -> None:
    found = worded(text)
    assert (found.type, text[found.start : found.end]) == ("unsure", UNSURE[text])


SILENT = ["", " ", "I don't know.", "I don't know anything about Mira Osei.", "I'm not sure who that is.", "unknown", "Not sure", "Maybe", "I think so"]


@pytest.mark.parametrize("text", [*SILENT, "I guess I don't know"])
def test_an_answer_that_says_nothing_is_unknown(text: str) -> None:
    assert worded(text).type == "unknown"


@pytest.mark.parametrize("text", ["Hobart", "Unknown Pleasures", "Certain Women", "Sure", "In May 1970.", "She likes to think.", "The Thinker"])
def test_an_answer_without_a_hedge_is_certain_whole(text: str) -> None:
    assert worded(text) == ("certain", 0, len(text))


def test_a_long_answer_is_unsure_by_its_first_sentence_or_by_half_of_them():
    plain, hedged = "She won it.", "She may have won it."
    assert worded(f"{hedged} {plain} {plain} {plain}").type == "unsure"
    assert worded(f"{plain} {hedged} {plain}").type == "certain"  # 1 of 3
    assert worded(f"{plain} {hedged} {hedged} {plain}").type == "unsure"  # 2 of 4


def test_the_hedge_is_not_graded():
    accepted = ("Hobart",)
    assert grade_worded("I'm not sure, but I think Hobart", accepted)[1] == ("right", True)
    assert grade_worded("I think Lima", accepted)[1] == ("wrong", False)
    assert grade_worded("I don't know", accepted)[1] == ("abstained", False)


def test_an_accepted_answer_that_sounds_like_a_hedge_is_certain_and_right():
    found, grade = grade_worded("Perhaps Love", ("Perhaps Love",))
    assert (found.type, grade.grade) == ("certain", "right")


@given(st.text(alphabet="I think'm notsureperhaps,.;: \n()maybe", max_size=60))
def test_every_text_has_one_type_and_a_span_within_it(text: str) -> None:
    found = worded(text)
    assert found.type in TYPES
    assert 0 <= found.start <= found.end <= len(text)


@given(st.text(max_size=40), st.sampled_from(["I think ", "Perhaps ", "I'm not sure, but "]))
def test_a_hedge_in_front_never_leaves_an_answer_certain(text: str, hedge: str) -> None:
    assert worded(hedge + text).type != "certain"
