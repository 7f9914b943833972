"""How likely a model is to say each of a few words: read from the alternatives that it gives for the first word of its answer."""

import math
from collections.abc import Sequence
from dataclasses import replace

from factcli.backends.reading import Said, checked
from factcli.backends.requests import Request, Token

ROUNDING = 1e-6  # a log-probability above this is none


def logprobs_of(alternatives: Sequence[Token], choices: Sequence[str]) -> tuple[float | None, ...]:
    """The log-probability of each choice: all alternatives that are it, but for case and blanks around it, summed.

    None where none of them is: a server gives only so many, and cuts some words into several tokens.
    """
    return tuple(_sum([token.logprob for token in alternatives if _folded(token.text) == _folded(choice)]) for choice in choices)


def settled(said: Said, request: Request) -> Said:
    """The answer as it is stored: `invalid` where it is not of the form that was asked for; where only the first word
    of it was wanted and its alternatives are there, it is whole, however it goes on."""
    if request.choices and said.outcome == "truncated" and said.alternatives:
        return replace(said, outcome="ok", cause="")
    return checked(said, request.schema)


def _sum(logprobs: Sequence[float | None]) -> float | None:
    """In nats, at most 0."""
    usable = [value for value in logprobs if value is not None and math.isfinite(value) and value <= ROUNDING]
    return min(0.0, math.log(sum(map(math.exp, usable)))) if any(math.exp(value) for value in usable) else None


def _folded(text: str) -> str:
    return text.strip().casefold()
