"""A model's list of claims, read: dashes, bullets or numbers at the start of a line, and nothing else, begin an item.

FActScore split its answers at every dash with a blank, so `1990 - 1995` became two facts, and a preamble was lost by luck.
"""

import re
from typing import NamedTuple

ITEM = re.compile(r"^\s*(?:[-*•·‣–—]\s+|\(?\d{1,3}[.)]\s+|[-•]\s*(?=[A-Z\"“]))")
INLINE = re.compile(r"(?<=[.!?])\s+[-•]\s+(?=\S)")  # a list on one line: `- He sang. - He danced.`
NONE = re.compile(
    r"(?i)^\W*(?:none|n/?a|no (?:independent |atomic )?(?:claims?|facts?)|there (?:are|is) no\b.*|"
    r"(?:the|this) sentence (?:makes|contains|has|states) no\b.*)\W*$"
)
PREAMBLE = re.compile(
    r"(?i)^\W*(?:sure|certainly|of course|okay|ok|here (?:is|are)|claims?:|(?:the )?(?:following )?(?:claims|facts)\b.*:$|i hope\b|let me know\b)"
)
FRAMING = re.compile(r"(?i)^\W*(?:sure[,!.]|please\b|(?:here|below) (?:is|are)\b|certainly[,!.]|of course[,!.]|i hope (?:this|that)\b|let me know\b)")
EMPHASIS = re.compile(r"\*\*|__|`")
ENDED = re.compile(r"[.!?。…][\"'”’)\]]*$")


class Parsed(NamedTuple):
    """`claims` in order; `rest`: lines that were no item and are left out, e.g. a preamble."""

    claims: tuple[str, ...]
    rest: tuple[str, ...]


def is_framing(sentence: str) -> bool:
    """Whether a sentence of an answer only speaks of the answer (`Sure, here is`): it has no claims, and no model is asked."""
    return FRAMING.match(sentence) is not None


def parsed(text: str) -> Parsed:
    """The items; without any, each line that is a sentence of its own. An answer that says there are none has none."""
    lines = [line for part in text.splitlines() for line in INLINE.sub("\n- ", part).splitlines() if line.strip()]
    items: list[str] = []
    rest: list[str] = []
    for line in lines:
        match = ITEM.match(line)
        if match:
            items.append(line[match.end() :])
        elif items and (line[0].isspace() or line[0].islower()) and not ENDED.search(items[-1]):
            items[-1] += f" {line.strip()}"  # the item goes on
        else:
            rest.append(line.strip())
    if not items:
        items, rest = [line for line in rest if not PREAMBLE.match(line)], [line for line in rest if PREAMBLE.match(line)]
    claims = [_claim(item) for item in items]
    return Parsed(tuple(claim for claim in claims if claim and not NONE.match(claim)), tuple(rest))


def _claim(item: str) -> str:
    """Without emphasis, with a full stop."""
    text = " ".join(EMPHASIS.sub("", item).split())
    if not re.search(r"\w", text):
        return ""
    return text if ENDED.search(text) else f"{text}."
