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


@pytest.mark.parametrize(
    "text",
    [
        "There is no publicly available information about X",
        "Unfortunately, there is no record of this.",
        "It is unclear who wrote it.",
        "It is not publicly known when she was born",
        "This cannot be determined from what I know.",
        "I have no idea.",
        "Honestly, I have no idea",
        "I don't have enough information",
        "I do not have enough information to answer",
        "I don't have specific information on this person",
        "As an AI, I do not have access to that information.",
        "I don't recall.",
        "I don't remember",
        "I cannot determine that.",
        "I can't say for sure.",
        "I am not familiar with this person.",
        "I'm not aware of any such person",
        "I'm afraid I can't help with that",
        "Sorry, but I cannot verify this",
        "It is unknown.",
        "The answer is not known.",
        "The exact date is not publicly available",
    ],
)
def test_what_models_say_when_they_decline_is_heard(text: str):
    assert grade_answer(text, ["Hobart"]).grade == "abstained"


@pytest.mark.parametrize(
    ("text", "accepted", "grade"),
    [
        ("I don't recall exactly, but it was 1912", "1912", "right"),
        ("I can't say for sure, but Hobart", "Hobart", "right"),
        ("I don't remember the exact year, but I think 1912.", "1912", "right"),
        ('The song is "I Can\'t Help Myself"', "I Can't Help Myself", "right"),
        ("I Can't Help Falling in Love", "Suspicious Minds", "wrong"),
        ("I Can't Tell You Why", "Hotel California", "wrong"),
        ("The Unknown Soldier", "The Crystal Ship", "wrong"),
        ("It is unknown to most that she was born in Hobart", "Hobart", "right"),
        ("He did not know her; she came from Hobart", "Hobart", "right"),
        ("They have no records before 1912", "1912", "right"),
        ("Born in Hobart. There is no record of his marriage.", "Hobart", "right"),  # a claim of a longer answer
        ("It is unclear water that they call Hobart", "Hobart", "right"),
    ],
)
def test_what_only_sounds_like_declining_is_graded(text: str, accepted: str, grade: str):
    assert grade_answer(text, [accepted]).grade == grade


@pytest.mark.parametrize("text", ["Unknown Pleasures", "Hobart", "No Idea Records", "He knows", "the Sorry State"])
def test_answers_that_only_sound_like_abstentions_are_answers(text: str):
    assert not is_abstention(text)


DECLINE = [
    *("I'm not sure.", "I don't know, sorry.", "I am not certain.", "I'm sorry, I'm not sure.", "Hmm, but I'm not sure.", "Sorry, but I'm not sure."),
    *("I'm not sure who that is.", "I'm not sure what you mean, but could you clarify?", "I'm not sure, but I can look it up.", "I'm not sure, but maybe."),
    *(
        "I'm not sure, but I don't have any information on her.",
        "I don't know, but you could check Wikipedia.",
        "I'm not sure, but perhaps someone else knows.",
    ),
    *("I'm not sure, but I would be happy to help.", "I'm not sure, but please ask again.", "I don't know, I'm not sure about that.", "I'm not sure, but"),
    *(
        "I do not know, however I cannot say.",
        "I don't know anything about Mira Osei.",
        "I'm sorry, but I don't know.",
        "I'm not sure. I don't know.",
        "I'm unsure.",
    ),
    *(
        "I don't know, but I'm not sure",
        "I am unable to answer this, but thank you",
        "Good question, but I'm not sure.",
        "I don't know, maybe Hobart",
    ),  # PREREQ-TUNE's words
]
ANSWER = [
    *("I'm not sure, but I think it is 1912.", "I'm not sure, but 1912", "I am not entirely certain, but it was 1912.", "I'm unsure, but I believe 1912."),
    "I'm not sure when it was built, but it may be 1912.",
    *("I'm not sure. However, it was 1912.", "I\N{RIGHT SINGLE QUOTATION MARK}m not sure, maybe 1912.", "I'm not sure about this. I think it was 1912."),
    *(
        "1912, but I'm not sure.",
        "It was 1912 (I'm not certain).",
        "1912, although I am not sure about that.",
        "1912. I'm not sure about that.",
        "1912. I'm not sure though.",
    ),
    *("I am not 100% sure, but the year is 1912.", "Well, I'm not sure, but I'd say 1912."),
]


@pytest.mark.parametrize("text", DECLINE)
def test_a_hedge_with_nothing_beside_it_declines(text: str):
    assert is_abstention(text)
    assert grade_answer(text, ["1912", "Hobart"]).grade == "abstained"


@pytest.mark.parametrize("text", ANSWER)
def test_an_answer_with_a_hedge_is_an_answer(text: str):
    assert not is_abstention(text)
    assert grade_answer(text, ["1912"]).grade == "right"
    assert grade_answer(text, ["1913"]).grade == "wrong"


def test_normalisation_is_squads():
    # lower; punctuation out; articles out; blanks single
    assert normalise(" The  U.S. Army, a unit ") == "us army unit"
    assert normalise("Osei's") == normalise("Osei\u2019s") == "oseis"


def test_nothing_equals_an_empty_spelling():
    assert not strict_match("the", ["a"])
