"""What models answer, read by hand: which pair is in it, what is left out of it, and why another is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.stages.synth.pair_answers import BadPairError, alike, parse_pair

ASKED = "Where was Mira Osei born?"
RIGHT, WRONG = "She was born in Hobart.", "She was born in Lima."


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (f"Question: {ASKED}\nCorrect answer: {RIGHT}\nIncorrect answer: {WRONG}", ""),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}\n", ""),
        (f"correct  answer : {RIGHT} Incorrect Answer: {WRONG}", ""),
        (f"**Question:** {ASKED}\n\n**Correct answer:** {RIGHT}\n\n**Incorrect answer**: {WRONG}", ""),
        (f"1. Correct answer: {RIGHT}\n2. Incorrect answer: {WRONG}", ""),
        (f"- Correct answer: **{RIGHT}**\n- Incorrect answer: *{WRONG}*", ""),
        (f'Correct answer: "{RIGHT}"\nIncorrect answer: “{WRONG}”', ""),
        (f"Incorrect answer: {WRONG}\nCorrect answer: {RIGHT}", ""),
        ("Correct answer:\nShe was born\nin Hobart.\n\nIncorrect answer: She was\r\nborn in\tLima.", ""),
        (f"Correct answer: {RIGHT}\x00\u202e\nIncorrect answer: {WRONG}\x1b", ""),
        (f"Question: Where was she, Mira Osei, born?\nCorrect answer: {RIGHT}\nIncorrect answer: {WRONG}", ""),
        (f"Sure!\nCorrect answer: {RIGHT}\nIncorrect answer: {WRONG}\n\nI hope this helps.", "Sure! / I hope this helps."),
        (f"Correct answer: {RIGHT}\nThis is well known.\nIncorrect answer: {WRONG}", "This is well known."),
        (f"Correct answer: {RIGHT} (Note: see her page)\nIncorrect answer: {WRONG}", "(Note: see her page)"),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG} Explanation: Lima is in Peru.", "Explanation: Lima is in Peru."),
        (
            f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}\n\nQuestion: Why?\nCorrect answer: So.\nIncorrect answer: No.",
            "question: Why? correct answer: So. incorrect answer: No.",
        ),
    ],
)
def test_the_pair_is_found_and_what_stands_around_it_is_told(text: str, cut: str) -> None:
    found = parse_pair(text, ASKED)
    assert found == (RIGHT, WRONG, cut)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no correct-answer label"),
        ("I cannot help with that.", "no correct-answer label"),
        (f"{RIGHT}\nIncorrect answer: {WRONG}", "no correct-answer label"),
        (f"Correct answer: {RIGHT}\nWrong: {WRONG}", "no incorrect-answer label"),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}\nIncorrect answer: In Kyiv.", "a label twice"),
        (f"Correct answer: \nIncorrect answer: {WRONG}", "empty correct answer"),
        (f"Correct answer: {RIGHT}\nIncorrect answer: ...", "empty incorrect answer"),
        (f"Correct answer: {RIGHT}\nIncorrect answer: she was born in  HOBART", "equal answers"),
        (f"Question: How do bats find insects?\nCorrect answer: {RIGHT}\nIncorrect answer: {WRONG}", "another question"),
        (f"Correct answer: The correct answer is Hobart.\nIncorrect answer: {WRONG}", "label in an answer"),
    ],
)
def test_what_is_no_pair_has_its_reason(text: str, reason: str) -> None:
    with pytest.raises(BadPairError) as caught:
        parse_pair(text, ASKED)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        (f"Correct answer: {RIGHT}\nIncorrect answer: She was born in", False),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}", False),  # more might have come
        (f"Correct answer: {RIGHT}\nIncorr", False),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}\n", True),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG}\n\nQuestion: Wh", True),
        (f"Correct answer: {RIGHT}\nIncorrect answer: {WRONG} Note: Li", True),
    ],
)
def test_a_text_cut_at_its_limit_counts_where_something_follows_its_last_answer(text: str, is_whole: bool) -> None:
    if is_whole:
        assert parse_pair(text, ASKED, is_truncated=True)[:2] == (RIGHT, WRONG)
        return
    with pytest.raises(BadPairError, match="cut at max_tokens"):
        parse_pair(text, ASKED, is_truncated=True)


def test_labels_inside_the_question_are_the_questions_own() -> None:
    asked = "Which is it? Correct answer: A or B?"
    found = parse_pair(f"Question: Which is it?  Correct answer:\nA or B?\nCorrect answer: {RIGHT}\nIncorrect answer: {WRONG}", asked)
    assert found == (RIGHT, WRONG, "")


def test_numbers_that_end_an_answer_stay_in_it() -> None:
    assert parse_pair("Correct answer: In\n42.\nIncorrect answer: In 1995", ASKED)[:2] == ("In 42.", "In 1995")


def test_a_question_inside_an_answer_does_not_end_it() -> None:
    text = "Correct answer: She asked one question: where?\nIncorrect answer: None"
    assert parse_pair(text, ASKED)[:2] == ("She asked one question: where?", "None")


def test_answers_differ_by_more_than_case_and_marks() -> None:
    assert alike("The Pacific.", ' the  pacific "')
    assert not alike("-5", "5")
    assert not alike("C++", "C")


WORDS = st.text(st.characters(codec="utf-8", exclude_characters=":：\n\r"), max_size=40)


@given(
    st.lists(st.sampled_from(["Question:", "Correct answer:", "Incorrect answer:", "**", "\n", "\n\n", "1. ", "Note:", ".", "a", "\x00"]), max_size=14), WORDS
)
def test_no_text_breaks_the_parser_and_no_pair_has_a_label_or_a_line_break(parts: list[str], words: str) -> None:
    for text in ("".join(parts), words.join(parts)):
        try:
            found = parse_pair(text, "Why?")
        except BadPairError:
            continue
        for answer in found[:2]:
            assert answer.strip() == answer
            assert "\n" not in answer
            assert "correct answer" not in answer.lower()
