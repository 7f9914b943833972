"""Grades of short answers: right, wrong or abstained, by the paper's rule and by a stricter one beside it."""

import re
import string
from collections.abc import Sequence
from typing import Literal, NamedTuple

from factcli.rows import Answer, Question

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
# So do these, where a sentence or clause of its own begins so: "I Can't Help Myself" is a song.
_CLAUSE = r"(?:^|[.!?;,:]\s+|\b(?:but|and|so|that|because|since|afraid|unfortunately)\s+)(?:i|we)"
_AM = r"(?:'m| am|'re| are)"
_CANNOT = rf"(?: can't| cannot| can not| couldn't| could not|{_AM} not able to)"
_ANY = r"(?:(?:any|enough|sufficient|specific|reliable|detailed|relevant|personal|the|that|this) )*"
_DECLINED = (
    r" have no (?:\w+ )?(?:idea|clue|knowledge|memory|record|recollection|information|data|way (?:of knowing|to know))",
    rf" (?:do not|don't) (?:currently )?have (?:access to|{_ANY}(?:information|knowledge|data|details|context|records?))",
    r" (?:do not|don't) (?:\w+ )?(?:know|recall|remember)",
    rf"{_CANNOT} (?:\w+ )?(?:answer|assist|be (?:certain|sure)|confirm|determine|identify|provide|recall|remember|say|verify|help(?: you)?(?: with\b|\W*$))",
    rf"{_AM} not (?:aware of|familiar with)",
)
_DECLINING = re.compile(rf"{_CLAUSE}(?:{'|'.join(_DECLINED)})(?!\w)")
# And these, where the answer begins so: in the midst of a biography "there is no record of" is a claim.
_NOTHING_KNOWN = re.compile(
    r"(?:(?:unfortunately|sorry|i'm sorry|i am sorry),? (?:but )?)?(?:"
    r"there(?:'s| is) (?:currently )?(?:no|not enough|insufficient) (?:\w+ ){0,3}(?:information|records?|data)\b"
    r"|it(?:'s| is) (?:not (?:\w+ )?known|unclear|unknown) (?:who|whom|what|when|where|which|how|whether)\b"
    r"|(?:this|that|it|the answer) (?:cannot|can't|can not|could not) be (?:determined|verified|confirmed|answered|found)\b)"
)
_WHOLLY_UNKNOWN = re.compile(
    r"(?:unfortunately,? )?(?:it|this|that|the (?:exact |correct )?\w+)(?: is|'s) "
    r"(?:currently |still )?(?:unknown|unclear|not (?:publicly |currently )?(?:known|available|clear))"
)
# These decline only as the whole answer: "Unknown Pleasures" is a record.
ABSTENTION_ANSWERS = ("unknown", "unsure", "not known", "not sure", "no idea", "n/a", "no answer")
# A hedge, where something is said beside it: "I'm not sure, but I think it is 1912." answers, "I'm not sure, but I can look it up." declines.
# "I don't know" declines whatever follows, as the published rule has it.
_VERY = r"(?:entirely|completely|totally|quite|really|very|absolutely|100%)"
_UNSURE = (
    rf"(?:(?:i'm|i am) (?:not {_VERY}? ?(?:sure|certain)|{_VERY}? ?unsure)"
    r"|i (?:do not|don't|can't|cannot) (?:\w+ )?(?:recall|remember)(?: exactly| for (?:sure|certain)| the exact \w+)?"
    r"|i (?:can't|cannot) (?:say|tell|be) (?:for )?(?:sure|certain))"
)
_ABOUT = r"(?: (?:about|of) (?:this|that|it))?"
_OF_WHAT = r"(?: (?:who|what|when|where|which|how|why|whether|if|about|of|on|the|much|anything|for|exactly)\b[^,;.:!?]{0,60})?"
_BUT = r"(?:but|though|although|however)\b"
_GUESS = (
    r"(?:i (?:think|believe|guess|suppose|assume|suspect|reckon|would guess|would say)|i'd (?:guess|say)|my (?:best )?guess|maybe|perhaps|possibly|probably)\b"
)
_HEDGE_BEFORE = re.compile(rf"{_UNSURE}(?:(?:{_OF_WHAT}\s*[,;.:-]\s*|\s+){_BUT}|{_ABOUT}\s*[,;.:-]\s*(?={_GUESS}))[\s,:]*")
_HEDGE_AFTER = re.compile(
    rf"\s*(?:[,;.(-]\s*(?:and )?{_BUT}\s*{_UNSURE}{_ABOUT}|\(\s*{_UNSURE}{_ABOUT}|[.;]\s*{_UNSURE}(?: (?:about|of) (?:this|that|it)|,? though))\W*$"
)
_OFFER = re.compile(  # what follows a hedge and is no answer either
    r"(?:(?:i|we)(?: can| could| will| would|'ll|'d)(?: be)?(?: \w+)? (?:help|look|check|find|try|search|ask|love|like|need|recommend|suggest|happy|glad)\b"
    r"|(?:can|could|would|will|may|might|should) (?:you|i|we)\b|(?:maybe|perhaps) (?:you|i|we|someone|somebody)\b|you(?:'ll| can| could| may| might| should)?\b"
    r"|please\b|let me\b|feel free\b|if you\b|some(?:one|body)\b|ask\b|try\b)"
)
_FILLERS = frozenset(  # these say nothing beside a hedge
    (
        *("sorry", "apologies", "unfortunately", "hmm", "well", "um", "uh", "oh", "honestly", "good question", "that's a good question"),
        *("it", "that", "so", "maybe", "perhaps", "possibly", "probably", "i think", "i think so", "i guess", "i guess so"),
    )
)
_APOSTROPHES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


FINAL_ANSWER = re.compile("final answer: ", re.IGNORECASE)


class Grade(NamedTuple):
    """`grade` by containment, `is_strict_match` by normalised equality."""

    grade: Literal["right", "wrong", "abstained"]
    is_strict_match: bool


def grade_answer(text: str, accepted: Sequence[str], rule: str = "contains") -> Grade:
    """Right if any accepted spelling is contained in the answer, as `is_contained` has it, with three things mended.

    An answer that declines is abstained, in whatever words it does (`is_abstention`), and whichever the rule: the published code
    looks for "i don't know" in HotpotQA's answers when their apostrophes are gone, and never finds it. An accepted spelling that
    sounds like an abstention (the film "I Don't Know How She Does It") is right when it is the whole answer. A spelling of which
    nothing is left is contained in nothing. An empty answer claims nothing: abstained.

    Containment has no word boundaries ("art" is in "party"), as in the paper's code; the strict match is beside it for that.
    """
    said = final_answer(text) if rule == "final_answer" else text
    if strict_match(said, accepted):
        return Grade("right", True)
    if is_abstention(said):
        return Grade("abstained", False)
    spelled = [spelling.strip() for spelling in accepted if spelling.strip() and (rule == "contains" or normalise(spelling))]
    return Grade("right" if _holds_any(said, spelled, rule) else "wrong", False)


def graded(question: Question, text: str, confidence: float | None, rule: str = "contains", suffix: str = "a0") -> Answer:
    """The row of a short answer, by the spellings that the question accepts. `suffix` ends its id."""
    grade = grade_answer(text, question.answers, rule)
    return Answer(
        id=f"{question.id}.{suffix}",
        question_id=question.id,
        task="qa",
        subject=question.subject,
        group=question.group,
        question=question.question,
        text=text,
        confidence=confidence,
        is_abstention=grade.grade == "abstained",
        grade=grade.grade,
        is_strict_match=grade.is_strict_match,
        answers=question.answers,
    )


def is_contained(text: str, accepted: Sequence[str], rule: str = "contains") -> bool:
    """PREREQ-TUNE's published rule to the letter, oddities included, so that a number can be held against its tables (spec §1.7).

    contains (PopQA): any accepted spelling, in lower case, is a substring of the answer in lower case, which does not say "i don't
    know". final_answer (HotpotQA): what follows the last "final answer: ", if that is said, and the accepted spellings are normalised
    as SQuAD does; the answer contains one of them. There "i don't know" is no obstacle.
    """
    said = text.lower().strip()
    if rule == "final_answer":
        return _holds_any(final_answer(said), accepted, rule)
    return "i don't know" not in said and _holds_any(said, accepted, rule)


def _holds_any(said: str, accepted: Sequence[str], rule: str) -> bool:
    if rule == "final_answer":
        return any(_squad(spelling) in _squad(said) for spelling in accepted)
    return any(spelling.lower() in said.lower() for spelling in accepted)


def final_answer(text: str) -> str:
    """What follows the last "final answer: ", in any case; the whole text where that is not said."""
    return FINAL_ANSWER.split(text)[-1]


def is_abstention(text: str) -> bool:
    """Whether the answer declines to answer, or is empty. One that only hedges, before or after what it says, does not."""
    said = _without_hedges(text)
    whole = said.strip(string.punctuation + " ")
    if not whole or whole in ABSTENTION_ANSWERS or _WHOLLY_UNKNOWN.fullmatch(whole):
        return True
    declines = _DECLINING.search(said) or _NOTHING_KNOWN.match(said)
    return declines is not None or any(phrase in said for phrase in ABSTENTION_PHRASES)


def is_hedged(text: str) -> bool:
    """Whether it says something beside a declining phrase: "I'm not sure, but Hobart"."""
    return _without_hedges(text) != _lowered(text)


def _lowered(text: str) -> str:
    return text.lower().translate(_APOSTROPHES).strip()


def _without_hedges(text: str) -> str:
    """In lower case, without the hedges that have an answer beside them; a hedge that has none stays, and is heard as an abstention."""
    said = _lowered(text)
    before = _HEDGE_BEFORE.search(said)
    if before and _says_something(said[before.end() :]) and not _OFFER.match(said, before.end()):
        said = said[: before.start()] + said[before.end() :]
    after = _HEDGE_AFTER.search(said)
    if after and _says_something(said[: after.start()]):
        said = said[: after.start()]
    return said


def _says_something(part: str) -> bool:
    bare = part.strip(string.punctuation + " ")
    return bool(bare) and bare not in _FILLERS and bare not in ABSTENTION_ANSWERS


def strict_match(text: str, accepted: Sequence[str]) -> bool:
    """Whether the answer equals an accepted spelling after normalisation; nothing equals an empty one."""
    said = normalise(text)
    return bool(said) and any(said == normalise(spelling) for spelling in accepted)


def normalise(text: str) -> str:
    """SQuAD's normalisation (lower case, no punctuation, no English articles, single blanks), of curly apostrophes too."""
    return _squad(text.translate(_APOSTROPHES))


def _squad(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
