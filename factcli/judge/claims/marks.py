"""Claims that add nothing: the same as an earlier one, true of nearly anybody, or words of the prompt. In doubt, none of these.

Two claims say the same where their words do, in one order, but for light ones such as `also`: whoever takes likeness alone (ROUGE-L of
0.9, say) calls `she won` and `she lost` the same as soon as enough words stand around them. A number, a name or a negation is never light.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from factcli.judge.claims.repairs import folded
from factcli.judge.claims.subject import DISAMBIGUATION
from factcli.knowledge.duplicates import common_length
from factcli.scorerows import AnswerClaim, Mark

ARTICLES = ("a", "an", "the")
LIGHT = frozenset((*ARTICLES, "also", "that", "in", "on", "at", "of", "own", "very"))  # may differ between two claims that say the same
_SUBJECT = r"(?:he|she|they|it|this person|this individual|someone|the (?:person|individual|topic|subject)|\x01)"
_KIND = r"(?:(?:real|living|human|particular|certain|single|notable|well-known|famous|real-life) )?"
_BEING = r"(?:person|individual|human(?: being)?|man|woman|people|somebody|someone|figure|public figure|name|thing|being|entity)"
_HAS = r"(?:name|life|career|birthday|date of birth|birth date|birthplace|place of birth|parents|mother|father|family|job|body|past|history)"
_STATE = r"(?:alive|born|named|called|known|\x01|mortal|human)"
TRIVIAL = re.compile(
    rf"{_SUBJECT} (?:(?:is|was) (?:a|an|the)? ?{_KIND}{_BEING}|(?:is|was) {_STATE}|exists?|existed|lived|lives|lived a life|"
    rf"(?:has|had) (?:a|an|two|his|her|their)? ?{_HAS}|(?:has|had) (?:done|accomplished|achieved) (?:many )?things|"
    r"(?:was|is) born (?:somewhere|at some point|in a place|on a day|on a date|in a year|on earth)|"
    r"(?:is|was) known for (?:his|her|their|its) (?:work|career|life|achievements))"
)
_TEXT = r"(?:answer|response|text|biography|summary|list|overview|information|bio)"
OF_THE_ANSWER = re.compile(
    rf"(?:this|my|here is|here are|below is|the following)(?: (?:is|are))?(?: an?| the| some| my)? ?{_TEXT}\b"
    r"(?!.{0,20}\b(?:published|written|released|won)\b).*|"
    r"(?:i|we) (?:am|hope|can|could|cannot)\b.*|as an ai\b.*"
)
FEW = 3  # words of a claim from which it may be a copy of the prompt


def marked(claims: Sequence[AnswerClaim], prompt: str, topic: str, near: float) -> list[AnswerClaim]:
    """The claims of one answer with `mark` and `same_as` filled in; a claim has the first mark that fits: duplicate, trivial, copied."""
    kept: dict[tuple[str, ...], list[tuple[str, list[str]]]] = {}  # by the words that count: id and words of claims that said something new
    result = []
    asked = f" {folded(prompt)} "
    for claim in claims:
        words = [word for word in folded(claim.text).split() if word not in ARTICLES]
        alike = kept.setdefault(tuple(word for word in words if word not in LIGHT), [])
        first = next((id_ for id_, known in alike if _likeness(words, known) >= near), "")
        mark: Mark = "duplicate" if first else _mark(claim.text, asked, topic)
        result.append(replace(claim, mark=mark, same_as=first))
        if not first:
            alike.append((claim.id, words))
    return result


def _mark(text: str, asked: str, topic: str) -> Mark:
    said = folded(text)
    if is_trivial(text, topic):
        return "trivial"
    return "copied" if len(said.split()) >= FEW and f" {said} " in asked else ""


def is_trivial(text: str, topic: str) -> bool:
    """Whether a claim is true of nearly anybody, says a thing of itself (`X is X`), or speaks of the answer."""
    name = folded(DISAMBIGUATION.sub("", topic))
    said = folded(text)
    about = re.sub(rf"\b{re.escape(name)}\b", "\x01", said) if name else said
    sides = re.fullmatch(r"(.+) (?:is|was|are|were) (.+)", said)
    is_tautology = sides is not None and sides[1] == sides[2]
    return not said or is_tautology or TRIVIAL.fullmatch(about) is not None or OF_THE_ANSWER.fullmatch(said) is not None


def _likeness(one: list[str], other: list[str]) -> float:
    """ROUGE-L F1, 0..1."""
    return 1.0 if one == other else 2 * common_length(one, other) / (len(one) + len(other))
