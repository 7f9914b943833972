"""Hostile text in a judge's prompt: passages, topics and claims stand between marks, on their own, and open or close nothing."""

import re
from collections.abc import Sequence
from functools import lru_cache

from factcli.backends.planning import LETTERS_PER_TOKEN
from factcli.backends.reading import whole
from factcli.prompts import CONTROL, quoted
from factcli.scorerows import EvidencePassage

CUT = " [cut here]"
EMPTY = "a claim without words"  # why it has no verdict
LONGEST_TOPIC, LONGEST_CLAIM = 200, 2000  # letters
# What chat templates and tokenizers read as the end of a turn: <|im_end|>, </s>, [INST], <<SYS>>, <start_of_turn>, <｜User｜>.
BARS = re.compile(r"(?<=<)(?=[|｜])|(?<=[|｜])(?=>)")  # where a blank goes
TAGS = re.compile(r"</?(?:s|bos|eos|pad|unk)>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]|<</?SYS>>|<(?:start|end)_of_turn>", re.IGNORECASE)


def passages_quoted(passages: Sequence[EvidencePassage], tokens: int) -> str:
    """Title and text of each, the best, which comes first here, last there."""
    return "\n".join(_passage_quoted(one.title, one.text, tokens) for one in reversed(passages))


@lru_cache(maxsize=1024)  # the claims of an answer mostly share their passages, and taking them apart costs more than all else here
def _passage_quoted(title: str, text: str, tokens: int) -> str:
    return quoted(inert(f"Title: {line(title, LONGEST_TOPIC)}\nText: {cut(text, tokens)}"))


def line_quoted(text: str, longest: int = LONGEST_CLAIM) -> str:
    """A topic or a claim, on one line."""
    return quoted(inert(line(text, longest)))


def numbered(claims: Sequence[str]) -> str:
    """Claims with their numbers from 1, each on one line."""
    return quoted("\n".join(f"{number}. {inert(line(claim, LONGEST_CLAIM))}" for number, claim in enumerate(claims, 1)))


def cut(text: str, tokens: int) -> str:
    """At most so many tokens, at 4 letters each; one that is cut ends with a word that says so."""
    letters = tokens * LETTERS_PER_TOKEN
    if len(text) <= letters:
        return text
    kept = text[:letters]
    return (kept.rpartition(" ")[0] or kept) + CUT


def inert(text: str) -> str:
    """The text with a blank inside whatever a chat template would take for the end or beginning of a turn."""
    return TAGS.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", BARS.sub(" ", CONTROL.sub("", whole(text))))


def line(text: str, longest: int = LONGEST_CLAIM) -> str:
    """On one line, without control characters."""
    words = " ".join(CONTROL.sub(" ", text).split())
    return words if len(words) <= longest else words[:longest] + CUT
