"""From what a judge said to a verdict, or to why there is none. What is not plainly one of the two words is unscored: there is no default."""

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel

from factcli.backends.requests import Response
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.prompts import CONTROL
from factcli.rows import Verdict

CHOICES = ("True", "False")
SUPPORTED, UNSUPPORTED = frozenset(("true", "supported", "yes")), frozenset(("false", "unsupported", "no"))
A_NO = re.compile(r"\bno(?=[^\S\n]+\w)")  # of "no passage", "no doubt": it goes with the word after it and is no verdict
NOT = frozenset(("not", "isn't", "isnt", "never", "cannot", "can't"))
LEAD = frozenset(("the", "final", "my", "answer", "verdict", "claim", "statement", "it", "is", "this", "that", "its", "it's"))
HEDGES = frozenset(
    (
        *("partly", "partially", "mostly", "maybe", "perhaps", "possibly", "probably", "likely", "half", "somewhat", "neither", "unclear", "if"),
        *("but", "however", "except", "although", "though", "unless", "unsure", "unknown"),
    )
)
WORD = re.compile(r"\w+(?:['’]\w+)?")


class Opinion(NamedTuple):
    """A verdict with its reason, "" where there is nothing to explain, and the probability that the claim is supported, if known."""

    verdict: Verdict
    reason: str = ""
    probability: float | None = None


class OneVerdict(BaseModel):
    """The form of an answer about one claim."""

    verdict: Literal["supported", "unsupported"]


class NumberedVerdict(BaseModel):
    number: int
    verdict: Literal["supported", "unsupported"]


class AllVerdicts(BaseModel):
    """The form of an answer about several claims."""

    verdicts: list[NumberedVerdict]


def unscored(reason: str) -> Opinion:
    return Opinion("unscored", reason)


def opinion_of(said: Response, config: JudgeConfig) -> Opinion:
    """What an answer about one claim says."""
    if isinstance(said.parsed, OneVerdict):
        return Opinion(said.parsed.verdict)
    if config.by == "json" or said.outcome in ("refused", "invalid"):
        return unscored(why_not(said))
    if config.by == "probability":
        opinion = by_probability(said.choice_logprobs, config)
        if opinion.verdict != "unscored" or config.otherwise == "unscored":
            return opinion
    return by_text(said.text)


def by_probability(logprobs: Sequence[float | None], config: JudgeConfig) -> Opinion:
    """The verdict from log P(True) and log P(False).

    Where only one is known, it decides if it is above a half: the other must then be less. Its own value is then taken for the
    probability, which the share of both can only exceed.
    """
    true, false = (None if value is None else math.exp(value) for value in (tuple(logprobs) or (None, None)))
    if true is not None and false is not None:
        if true + false < config.least_mass or not true + false:
            return unscored("neither True nor False is likely")
        return _above(true / (true + false), config)
    if true is not None and true > max(0.5, config.least_mass):
        return _above(true, config)
    if false is not None and false > max(0.5, config.least_mass):
        return _above(1 - false, config)
    return unscored("no probability of True and False")


def _above(probability: float, config: JudgeConfig) -> Opinion:
    return Opinion("supported" if probability > config.threshold else "unsupported", "", probability)


def by_text(text: str) -> Opinion:
    """The verdict that a short answer begins with: "True", "**Supported.**", "The claim is false.", "Not true".

    Unscored: an empty answer, both words ("Yes and no"), a hedge, a negated "false", and anything else, other languages included.
    """
    words = [word.replace("’", "'") for word in WORD.findall(A_NO.sub("none", CONTROL.sub(" ", text).replace("_", " ").casefold()))]
    if not words:
        return unscored("empty")
    place = next((place for place, word in enumerate(words) if word not in LEAD), len(words))
    is_negated = words[place : place + 1] != [] and words[place] in NOT
    first = words[place + is_negated] if place + is_negated < len(words) else ""
    if first not in SUPPORTED | UNSUPPORTED or (is_negated and first not in ("true", "supported")):
        return unscored("no verdict in the text")
    if HEDGES & set(words):
        return unscored("hedged")
    verdict: Verdict = "supported" if first in SUPPORTED and not is_negated else "unsupported"
    said = {verdict, *_verdicts_in(words[place + is_negated + 1 :])}
    return Opinion(verdict) if len(said) == 1 else unscored("both verdicts in the text")


def _verdicts_in(words: Sequence[str]) -> set[str]:
    """Verdicts said later in the text, a "not" or two before them read with them."""
    found = set()
    for place, word in enumerate(words):
        if word in SUPPORTED | UNSUPPORTED:
            is_negated = bool(NOT & set(words[max(0, place - 2) : place]))
            found.add("supported" if (word in SUPPORTED) != is_negated else "unsupported")
    return found


class Listed(NamedTuple):
    """Opinions on claims 1..n as an answer lists them; None where it has none. `n_odd`: numbers of no claim."""

    opinions: tuple[Opinion | None, ...]
    n_odd: int


def opinions_of(said: Response, n_claims: int) -> Listed:
    """What an answer about several claims says of each. A number given twice counts if both say the same."""
    if not isinstance(said.parsed, AllVerdicts):
        return Listed((unscored(why_not(said)),) * n_claims, 0)
    given: dict[int, set[Verdict]] = {}
    for one in said.parsed.verdicts:
        given.setdefault(one.number, set()).add(one.verdict)
    odd = [number for number in given if not 1 <= number <= n_claims]
    return Listed(tuple(_agreed(given.get(number)) for number in range(1, n_claims + 1)), len(odd))


def _agreed(verdicts: set[Verdict] | None) -> Opinion | None:
    if verdicts is None:
        return None
    return Opinion(next(iter(verdicts))) if len(verdicts) == 1 else unscored("both verdicts for one number")


def why_not(said: Response) -> str:
    """Why an answer that came is of no use, in the same few words for all of a kind."""
    return said.outcome if said.outcome != "ok" else "no verdict in the answer"
