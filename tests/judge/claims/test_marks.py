"""Marks are for the plain cases, abstentions are told by the detector that was chosen, and names replace pronouns where that is sure."""

import time

import pytest

from factcli.judge.claims.abstention import NO_INFORMATION, detected, marked
from factcli.judge.claims.marks import is_trivial
from factcli.judge.claims.marks import marked as with_marks
from factcli.judge.claims.reading import world_claims
from factcli.judge.claims.settings import ClaimsConfig, Detector
from factcli.judge.claims.subject import pronoun_of, resolved
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.world.grammar import all_statement_forms


def claims(*texts: str) -> list[AnswerClaim]:
    return [AnswerClaim(f"a.c{number}", "a", text, 0, -1, -1, "given") for number, text in enumerate(texts)]


def marks(*texts: str, prompt: str = "", topic: str = "Ann Lee") -> list[tuple[str, str]]:
    return [(claim.mark, claim.same_as) for claim in with_marks(claims(*texts), prompt, topic, 0.8)]


def test_a_repeated_claim_names_the_first() -> None:
    found = marks("Ann Lee sang in Lima.", "Ann Lee ran.", "ann lee sang in Lima", "Ann Lee also sang in Lima.", "Ann Lee sang in Lima!")
    assert found == [("", ""), ("", ""), ("duplicate", "a.c0"), ("duplicate", "a.c0"), ("duplicate", "a.c0")]


@pytest.mark.parametrize(
    "other",
    [
        "Ann Lee won the long race through the old town of Lima in 1991.",
        "Ann Lee won the long race through the old town of Rome in 1990.",
        "Ann Lee never won the long race through the old town of Lima in 1990.",
        "Ann Lee lost the long race through the old town of Lima in 1990.",
        "Ann Lee won the long race through the old town of Lima.",
    ],
)
def test_another_number_name_negation_or_verb_is_another_claim(other: str) -> None:
    assert marks("Ann Lee won the long race through the old town of Lima in 1990.", other) == [("", ""), ("", "")]


@pytest.mark.parametrize(
    "text", ["Ann Lee is a person.", "She was born.", "Ann Lee has a name.", "Ann Lee is Ann Lee.", "This is a summary of her life.", "He exists."]
)
def test_what_is_true_of_nearly_anybody_is_trivial(text: str) -> None:
    assert is_trivial(text, "Ann Lee (singer)")


@pytest.mark.parametrize(
    "text",
    [
        "Ann Lee was born in Lima.",
        "She is a singer.",
        "The biography was published in 1990.",
        "She has two children.",
        "Ann Lee is Ann Poe.",
        "Ann Lee is known.",
    ],
)
def test_what_tells_somebody_apart_is_not_trivial(text: str) -> None:
    assert is_trivial(text, "Ann Lee") == (text == "Ann Lee is known.")


def test_words_of_the_prompt_are_copied_and_two_of_them_are_none() -> None:
    assert marks("Ann Lee won a medal in Lima.", "Lee won.", "Ann Lee ran.", prompt="Tell me how Ann Lee won a medal in Lima, and why Lee won.") == [
        ("copied", ""),
        ("", ""),
        ("", ""),
    ]


@pytest.mark.parametrize(
    ("which", "text", "fires"),
    [
        ("generic", "I'm sorry, I cannot.", True),
        ("generic", "Could you provide more detail?", True),
        ("generic", "i'm sorry, I cannot.", False),  # FActScore's looks at the case
        ("generic", "He said: I'm sorry.", False),
        *(("perplexity_ai", f"{phrase.upper()} about her.", True) for phrase in NO_INFORMATION),
        ("perplexity_ai", "According to [1], her age is not mentioned. She is not provided in the search results.", True),
        ("perplexity_ai", "She sang.\n\nThere is no information on more.", False),
        ("perplexity_ai", "\n\nShe sang.", True),  # no first paragraph
        ("perplexity_ai", "[3]\n\nShe sang.", False),  # the blanks around a citation go with it
        ("perplexity_ai", "", True),
        ("none", "", False),
        ("own", " \n…", True),
        ("own", "I don't know who that is.", True),
        ("own", "Unfortunately, there is not enough information about her.", True),
        ("own", "Which Ann Lee do you mean?", True),
        ("own", "She sang. " * 60 + "I'm not sure when she died.", False),
        ("own", "She wrote Unknown Pleasures.", False),
        ("own", "She ran to provide more housing for the poor.", False),
        ("own", "There are two of that name. If you could provide more context, I can help.", True),
    ],
)
def test_each_detector_fires_where_it_should(which: Detector, text: str, fires: bool) -> None:
    assert detected(text, which) == (which if fires else "")


def test_a_hundred_thousand_blanks_take_no_time() -> None:
    """A search that begins anew at each blank takes the square of their number: minutes."""
    blanks, began = " " * 100_000, time.process_time()
    assert detected(f"{blanks}She sang [1] [2].", "perplexity_ai") == ""
    assert resolved("She sang.", f"Ann{blanks}Lee (singer)", "she") == f"Ann{blanks}Lee sang."
    assert time.process_time() - began < 5


def test_answers_carry_the_detector_that_fired_and_an_earlier_finding_stays() -> None:
    answers = [
        ScoredAnswer("a", "p", "", "", ""),
        ScoredAnswer("b", "p", "", "", "She sang."),
        ScoredAnswer("c", "p", "", "", "She sang.", abstention="refused"),
    ]
    assert [answer.abstention for answer in marked(answers, ClaimsConfig())] == ["own", "", "refused"]


@pytest.mark.parametrize(
    ("claim", "topic", "pronoun", "text"),
    [
        ("She sang.", "Ann Lee (singer)", "she", "Ann Lee sang."),
        ("Her father ran.", "Ann Lee", "she", "Ann Lee's father ran."),
        ("It was released in 1997.", "Ann Lee", "she", "It was released in 1997."),
        ("They are tall.", "The Band", "they", "They are tall."),
        ("They were formed in Lima.", "The Band", "they", "They were formed in Lima."),
        ("They recorded a song.", "The Band", "they", "The Band recorded a song."),
        ("Lee sang.", "Ann Lee", "", "Ann Lee sang."),
        ("Lee's song won.", "Ann Lee Jr.", "", "Ann Lee Jr.'s song won."),
        ("Lee Street is long.", "Ann Lee", "", "Lee Street is long."),
        ("Lee family ran it.", "Ann Lee", "", "Lee family ran it."),
        ("Ann Lee sang.", "Ann Lee", "she", "Ann Lee sang."),
        ("Heather sang.", "Ann Lee", "he", "Heather sang."),
        ("She's here.", "Ann Lee", "she", "She's here."),
        ("She sang.", "", "she", "She sang."),
        (r"She sang.", r"\1 Lee\g", "she", r"\1 Lee\g sang."),
    ],
)
def test_the_topic_stands_for_a_pronoun_or_last_name_where_that_is_sure(claim: str, topic: str, pronoun: str, text: str) -> None:
    assert resolved(claim, topic, pronoun) == text


def test_the_pronoun_of_an_answer_is_the_one_that_begins_most_sentences() -> None:
    assert pronoun_of(["Ann sang.", "She ran.", "It was long.", "Her son left."]) == "she"
    assert pronoun_of(["Ann sang."]) == ""


def test_a_worlds_biography_is_read_by_its_grammar_and_the_rest_stays_as_it_is() -> None:
    form = all_statement_forms()[0]
    told = f"{form.before}Mira Osei{form.after} Hobart{form.suffix}"
    told = f"{told[0].upper()}{told[1:]}"
    text = f"{told} Nobody wrote this. {told}"
    found = world_claims(ScoredAnswer("a", "p", "", "Mira Osei", text))
    assert [claim.text for claim in found] == [told, "Nobody wrote this.", told]
    assert [text[claim.start : claim.end] for claim in found] == [claim.text for claim in found]
