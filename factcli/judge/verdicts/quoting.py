"""Hostile text in a judge's prompt: passages, topics and claims stand between marks, on their own, and open or close nothing."""

from collections.abc import Sequence
from functools import lru_cache

from factcli.backends.planning import LETTERS_PER_TOKEN
from factcli.backends.reading import whole
from factcli.prompts import CONTROL, quoted
from factcli.scorerows import EvidencePassage

CUT = " [cut here]"
EMPTY = "a claim without words"  # why it has no verdict
LONGEST_TOPIC, LONGEST_CLAIM = 200, 2000  # letters


def passages_quoted(passages: Sequence[EvidencePassage], tokens: int) -> str:
    """Title and text of each, the best, which comes first here, last there."""
    return "\n".join(_passage_quoted(one.title, one.text, tokens) for one in reversed(passages))


@lru_cache(maxsize=1024)  # the claims of an answer mostly share their passages, and taking them apart costs more than all else here
def _passage_quoted(title: str, text: str, tokens: int) -> str:
    return quoted(f"Title: {line(title, LONGEST_TOPIC)}\nText: {cut(whole(text), tokens)}")


def line_quoted(text: str, longest: int = LONGEST_CLAIM) -> str:
    """A topic or a claim, on one line."""
    return quoted(line(text, longest))


def numbered(claims: Sequence[str]) -> str:
    """Claims with their numbers from 1, each on one line."""
    return quoted("\n".join(f"{number}. {line(claim, LONGEST_CLAIM)}" for number, claim in enumerate(claims, 1)))


def cut(text: str, tokens: int) -> str:
    """At most so many tokens, at 4 letters each; one that is cut ends with a word that says so."""
    letters = tokens * LETTERS_PER_TOKEN
    if len(text) <= letters:
        return text
    kept = text[:letters]
    return (kept.rpartition(" ")[0] or kept) + CUT


def line(text: str, longest: int = LONGEST_CLAIM) -> str:
    """On one line, without control characters."""
    words = " ".join(CONTROL.sub(" ", whole(text)).split())
    return words if len(words) <= longest else words[:longest] + CUT
