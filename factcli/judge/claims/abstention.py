"""Answers that decline to answer: FActScore's two detectors exactly (spec §5.5), and a wider one of our own."""

import re
from collections.abc import Iterable
from dataclasses import replace

from factcli.judge.answers import is_abstention
from factcli.judge.claims.settings import ClaimsConfig, Detector
from factcli.scorerows import ScoredAnswer

# The eleven phrases of FActScore's detector for answers of perplexity.ai; compared without case.
NO_INFORMATION = (
    "i could not find any information",
    "the search results do not provide",
    "there is no information",
    "there are no search results",
    "there are no provided search results",
    "not provided in the search results",
    "is not mentioned in the provided search results",
    "there seems to be a mistake in the question",
    "not sources found",
    "no sources found",
    "try a more general question",
)
CITATION = re.compile(r"(?:(?<!\s)\s+)?\[\d+\]\s*")  # begins at the first of its blanks only: a search from each takes the square of their number
APOLOGY = "I'm sorry"
UNNAMED = "According to , "  # what is left of a sentence whose source was a citation
# An answer that asks back or points elsewhere, and says nothing else. Said within the first sentence only.
EVASIONS = re.compile(
    r"(?i)^\W*(?:(?:could|can|would) you (?:please )?(?:provide|clarify|specify|tell)|please (?:provide|clarify|specify)|i (?:need|would need) more "
    r"(?:information|context|details)|as an ai\b|i(?:'m| am) (?:just |only )?an? (?:ai|language model)|(?:which|what) .{1,60} do you mean\b|"
    r"(?:unfortunately,? )?(?:there is|there's|i have) (?:no|not enough|little|limited|very little|insufficient) (?:\w+ ){0,3}(?:information|data)\b|"
    r"it is (?:unclear|not clear|unknown) who\b|no (?:reliable |public )?information (?:is|was)\b)"
)
ASKS_FOR_MORE = re.compile(r"(?i)\b(?:please|you(?: can| could)?|kindly) provide more\b")  # not `to provide more housing`
LONGEST_DECLINE = 400  # letters; a longer answer with `I'm not sure` in it says something besides


def detected(text: str, which: Detector) -> str:
    """The name of the detector that takes the answer for an abstention; "" for an answer, or where which is none."""
    found = {"none": lambda _: False, "generic": _generic, "perplexity_ai": _perplexity_ai, "own": _own}[which]
    return which if found(text) else ""


def marked(answers: Iterable[ScoredAnswer], config: ClaimsConfig) -> tuple[ScoredAnswer, ...]:
    """The answers with the detector that fired, if one did. What an earlier step found stays."""
    return tuple(answer if answer.abstention else replace(answer, abstention=detected(answer.text, config.abstention)) for answer in answers)


def _generic(text: str) -> bool:
    return text.startswith(APOLOGY) or "provide more" in text


def _perplexity_ai(text: str) -> bool:
    said = CITATION.sub("", text)
    if said.startswith(UNNAMED):
        said = said.replace(UNNAMED, "According to the search results, ")
    said = said.lower()
    first = said.split("\n\n")[0]
    return said.startswith(NO_INFORMATION) or not first.strip() or any(phrase in first for phrase in NO_INFORMATION)


def _own(text: str) -> bool:
    """Empty, or without a letter or digit; an apology; ours; or a short answer that asks for more, or declines in words of judge/answers.py."""
    if not re.search(r"\w", text) or text.startswith(APOLOGY) or EVASIONS.match(text):
        return True
    return len(text) <= LONGEST_DECLINE and (ASKS_FOR_MORE.search(text) is not None or is_abstention(text))
