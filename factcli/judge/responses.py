"""How sure an answer says it is, by its words: certain, unsure or unknown; and what is left of it without them.

unknown   declines to answer (judge/answers.py has those phrases), and says nothing besides
unsure    hedges: it begins or ends with one of LEADS or TAILS, has one of INNER in its first sentence, or hedges half of its sentences
certain   anything else

`I'm not sure, but I think Hobart` is unsure and says Hobart; `I'm not sure who that is` is unknown. What the phrases cannot tell: a
work whose title begins with one (Perhaps Love), irony, other languages.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from factcli.judge.answers import ABSTENTION_ANSWERS, Grade, grade_answer, is_abstention, is_hedged, strict_match
from factcli.knowledge.sentences import spans

ResponseType = Literal["certain", "unsure", "unknown"]
TYPES: tuple[ResponseType, ...] = get_args(ResponseType)

# Each is a regular expression, read without case and with either apostrophe. They may stand one after the other.
LEADS = (
    r"i (?:do not|don't) (?:really )?know(?: (?:much|anything)(?: about (?:this|that|it))?)?(?: for (?:sure|certain))?[,;:.]? (?:but|though|however),?",
    r"(?:i am|i'm)? ?(?:not|un) ?(?:entirely|completely|quite|really|very|absolutely|100%)? ?(?:sure|certain)(?: (?:about|of) (?:this|that|it))?"
    r"(?: here)?[,;:.]? (?:but|though|however),?",
    r"(?:i am|i'm) (?:not|un) ?(?:entirely|completely|quite|really|very|absolutely|100%)? ?(?:sure|certain) (?:about|of) (?:this|that|it)[,;:.]",
    r"i (?:only )?know (?:very )?little about (?:this|that|it)(?:, (?:so|but) [^.:]{1,40}[.:])?[.,:;]?",
    r"(?:this|that|it|i) (?:may|might|could) be (?:wrong|mistaken|incorrect),? (?:but|though),?",
    r"(?:as far as|from what) i (?:know|remember|recall|can tell|can remember)[,:]?",
    r"to the best of my (?:knowledge|memory|recollection)[,:]?",
    r"if i (?:remember|recall)(?: (?:it|this|that))?(?: (?:correctly|right|rightly|well))?[,:]?",
    r"if (?:my memory serves(?: me)?(?: (?:correctly|right|well))?|i am not mistaken|i'm not mistaken)[,:]?",
    r"i (?:think|believe|guess|suppose|assume|suspect|reckon|would guess|would say|want to say)(?: that)?[,:]?",
    r"i'd (?:guess|say)(?: that)?[,:]?",
    r"i (?:vaguely |seem to )(?:remember|recall)(?: (?:that|the following))?[,:.]?",
    r"my (?:best )?guess (?:is|would be)(?: that)?[,:]?",
    r"it (?:might|may|could) (?:well )?be(?: that)?",
    r"(?:maybe|perhaps|possibly|probably|presumably|most likely|likely|supposedly|apparently)\b,?",
)
TAILS = (
    r"[,;:.(]? ?(?:or so )?(?:i|at least i) (?:think|believe|guess|suppose|assume)\)?",
    r"[,;(] ?(?:maybe|perhaps|possibly|probably|presumably|most likely)\)?",
    r"[,;.(] ?(?:but|though|although|and)? ?(?:i am|i'm)? ?(?:not|un) ?(?:entirely|completely|quite|really|very|absolutely|100%)? ?(?:sure|certain)"
    r"(?: (?:about|of) (?:this|that|it))?\)?",
    r"[,;.(] ?(?:but |though )?(?:i|this|that|it) (?:may|might|could) be (?:wrong|mistaken|incorrect)\)?",
    r"[,;(] ?(?:as far as|from what) i (?:know|remember|recall|can tell)\)?",
    r"[,;(] ?if i (?:remember|recall)(?: (?:correctly|right|rightly|well))?\)?",
)
INNER = (
    r"\b(?:is|was|are|were|has|had) (?:probably|possibly|perhaps|maybe|most likely|likely|presumably|thought to be|believed to be)\b",
    r"\b(?:might|may|could) (?:have been|have|be)\b",
    r"\b(?:probably|possibly|presumably|most likely) (?:is|was|are|were|born|works|worked|studied|won)\b",
)
_ONE_LEAD = re.compile(rf"\s*(?:{'|'.join(LEADS)})(?=\W|$)\s*", re.IGNORECASE)
_ONE_TAIL = re.compile(rf"\s*(?:{'|'.join(TAILS)})\W*$", re.IGNORECASE)
_ONE_INNER = re.compile("|".join(INNER), re.IGNORECASE)
_STRAIGHT = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'"})  # one letter for one: places stay
_NOTHING = frozenset({*ABSTENTION_ANSWERS, "it", "that", "so"})
_LONGEST_TAIL = 120  # letters that a closing hedge may take


class Worded(NamedTuple):
    """The type by words, and the characters text[start:end] in which the answer says something; all of it where it hedges nowhere."""

    type: ResponseType
    start: int
    end: int


def worded(text: str) -> Worded:
    """An empty answer is unknown, and so is a hedge with nothing behind it."""
    start, end = _content(text.translate(_STRAIGHT))
    has_hedge = (start, end) != _stripped(text, 0, len(text)) or is_hedged(text)
    said = text[start:end].strip(" .,;:!?()").lower()
    if not said or said in _NOTHING or is_abstention(text[start:end]):
        return Worded("unknown", *_stripped(text, 0, len(text)))
    is_unsure = has_hedge or _hedges_within(text.translate(_STRAIGHT))
    return Worded("unsure" if is_unsure else "certain", start, end)


def _content(text: str) -> tuple[int, int]:
    """The text without the hedges that it begins and ends with."""
    start, end = _stripped(text, 0, len(text))
    while (lead := _ONE_LEAD.match(text, start, end)) and lead.end() > start:
        start = lead.end()
    tail = _ONE_TAIL.search(text, max(start, end - _LONGEST_TAIL), end)
    if tail and tail.start() > start:
        end = tail.start()
    return _stripped(text, start, end)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    if not part.strip():
        return start, start
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _hedges_within(text: str) -> bool:
    sentences = [text[start:end] for start, end in spans(text)]
    hedged = [bool(_ONE_INNER.search(sentence) or _ONE_LEAD.match(sentence)) for sentence in sentences]
    return bool(hedged) and (hedged[0] or 2 * sum(hedged) >= len(hedged))


def grade_worded(text: str, accepted: Sequence[str]) -> tuple[Worded, Grade]:
    """The type and the grade of what is said besides the hedge: `I think Hobart` can be right, which `fact eval world` grades alike.

    An accepted answer that sounds like a hedge or an abstention is itself, said whole: certain and right.
    """
    if strict_match(text, accepted):
        return Worded("certain", *_stripped(text, 0, len(text))), Grade("right", True)
    found = worded(text)
    if found.type == "unknown":
        return found, Grade("abstained", False)
    return found, grade_answer(text[found.start : found.end], accepted)
