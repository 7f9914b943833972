"""Short answers are right, wrong or abstained, by containment and more strictly."""

import pytest

from factcli.judge.answers import grade_answer, is_abstention, normalise, strict_match


@pytest.mark.parametrize(
    ("text", "accepted", "grade", "strict"),
    [
        ("Hobart", ["Hobart"], "right", True),
        ("She was born in hobart.", ["Hobart"], "right", False),  # contained
        ("a politician", ["politician", "pol"], "right", True),  # the article falls away
        ("a party", ["art"], "right", False),  # the paper's rule has no word boundaries
        ("Lima", ["Hobart"], "wrong", False),
        ("Lima", [], "wrong", False),
        ("Lima", [" "], "wrong", False),  # a blank spelling is in every answer
        ("I don't know, maybe Hobart", ["Hobart"], "abstained", False),
        ("I don\u2019t know", ["Hobart"], "abstained", False),
        ("I Don't Know How She Does It", ["I Don't Know How She Does It"], "right", True),
        ("", ["Hobart"], "abstained", False),
    ],
)
def test_grades(text: str, accepted: list[str], grade: str, strict: bool):
    assert grade_answer(text, accepted) == (grade, strict)


@pytest.mark.parametrize("text", ["I'm not sure.", "Unknown", "unknown.", "I'm sorry, but I cannot help", "  ", "N/A", "I have no information on her."])
def test_abstentions_are_heard(text: str):
    assert is_abstention(text)


@pytest.mark.parametrize("text", ["Unknown Pleasures", "Hobart", "No Idea Records", "He knows", "the Sorry State"])
def test_answers_that_only_sound_like_abstentions_are_answers(text: str):
    assert not is_abstention(text)


def test_normalisation_is_squads():
    # lower; punctuation out; articles out; blanks single
    assert normalise(" The  U.S. Army, a unit ") == "us army unit"
    assert normalise("Osei's") == normalise("Osei\u2019s") == "oseis"


def test_nothing_equals_an_empty_spelling():
    assert not strict_match("the", ["a"])
