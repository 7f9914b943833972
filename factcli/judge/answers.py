"""Grades of short answers: right, wrong or abstained, by the paper's rule and by a stricter one beside it."""

import re
import string
from collections.abc import Sequence
from typing import Literal, NamedTuple

# Said anywhere in an answer, these decline to answer. Lower case, straight apostrophes.
ABSTENTION_PHRASES = (
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i'm not certain",
    "i am not certain",
    "i'm unsure",
    "i am unsure",
    "i'm sorry",
    "i am sorry",
    "i'm unable to",
    "i am unable to",
    "i cannot answer",
    "i can't answer",
    "i cannot say",
    "i have no information",
    "i don't have any information",
    "i don't have information",
    "i do not have any information",
    "i do not have information",
    "i couldn't find",
    "i could not find",
    "there is no information",
    "not enough information",
)
# These decline only as the whole answer: "Unknown Pleasures" is a record.
ABSTENTION_ANSWERS = ("unknown", "unsure", "not known", "not sure", "no idea", "n/a", "no answer")
_APOSTROPHES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


class Grade(NamedTuple):
    """`grade` by containment, `is_strict_match` by normalised equality."""

    grade: Literal["right", "wrong", "abstained"]
    is_strict_match: bool


def grade_answer(text: str, accepted: Sequence[str]) -> Grade:
    """PREREQ-TUNE's rule: right if any accepted spelling is contained in the lower-cased answer.

    Containment has no word boundaries ("art" is in "party"), as in the paper's code; the strict match is
    beside it for that. An accepted spelling that sounds like an abstention (the film "I Don't Know How She
    Does It") is right when it is the whole answer. An empty answer claims nothing: abstained.
    """
    is_strict = strict_match(text, accepted)
    if is_strict:
        return Grade("right", True)
    if is_abstention(text):
        return Grade("abstained", False)
    said = text.lower()
    is_right = any(spelling.strip() and spelling.strip().lower() in said for spelling in accepted)
    return Grade("right" if is_right else "wrong", False)


def is_abstention(text: str) -> bool:
    """Whether the answer declines to answer, or is empty."""
    said = text.lower().translate(_APOSTROPHES).strip()
    whole = said.strip(string.punctuation + " ")
    return not whole or whole in ABSTENTION_ANSWERS or any(phrase in said for phrase in ABSTENTION_PHRASES)


def strict_match(text: str, accepted: Sequence[str]) -> bool:
    """Whether the answer equals an accepted spelling after normalisation; nothing equals an empty one."""
    said = normalise(text)
    return bool(said) and any(said == normalise(spelling) for spelling in accepted)


def normalise(text: str) -> str:
    """SQuAD's normalisation: lower case, no punctuation, no English articles, single blanks."""
    bare = text.lower().translate(_APOSTROPHES).translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())
