"""One question to a model and what came of it, the same for a server, a model in this process and a script."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from pydantic import BaseModel

from factcli.backends.completions import Prompt

# ok: whole and, where a form was asked for, of that form. truncated: cut at max_tokens. refused: by the server's
# content filter or the model. invalid: whole, but not of the form that was asked for. failed: no answer at all.
Outcome = Literal["ok", "truncated", "refused", "invalid", "failed"]
SEEDS = 2**31  # servers take signed 32-bit seeds


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. temperature 0 is greedy."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None  # None: the server draws as it likes, and no two runs agree
    stop: tuple[str, ...] = ()
    repetition_penalty: float | None = None  # divides positive scores of tokens that came before, prompt included; None: not sent


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `id` comes back with the answer and is no part of what is asked: two ids may ask the same."""

    id: str
    prompt: Prompt  # a text goes to the completion endpoint, turns go to the chat endpoint
    sampling: Sampling
    sample: int = 0  # 0, 1, ... where one prompt is answered several times
    wants_logprobs: bool = False  # of the answer's tokens
    wants_prompt_logprobs: bool = False
    schema: type[BaseModel] | None = None  # the form of the answer, as JSON
    adapters: tuple[str, ...] = ()  # what is plugged in beside the base; `local:` only
    example: str = ""  # an answer of the right form, for a dry run; no part of what is asked
    choices: tuple[str, ...] = ()  # words of which the answer's first shall be one: how likely is each?

    def seed_of_try(self, ask: int = 0) -> int | None:
        """The seed to draw with: another for each sample, and each time that an invalid answer is asked for again."""
        seed = self.sampling.seed
        if seed is None or (self.sample, ask) == (0, 0):
            return seed
        digest = hashlib.sha256(f"{seed} {self.sample} {ask}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % SEEDS


class Pause(Enum):
    """`WAIT` stands among requests where there is nothing to ask before something asked earlier is answered."""

    WAIT = "wait"


WAIT = Pause.WAIT
Requests = Iterable[Request | Pause]


def taken(source: Iterator[Request | Pause], most: int) -> tuple[list[Request], bool]:
    """Up to `most` requests, fewer before a pause or the end; and whether there may be more."""
    batch: list[Request] = []
    while len(batch) < most:
        item = next(source, None)
        if item is None or item is WAIT:
            return batch, item is WAIT
        assert isinstance(item, Request)
        batch.append(item)
    return batch, True


class Token(NamedTuple):
    """One token and its natural log-probability given all before it; None for a prompt's first token."""

    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Response:
    """What came of the request `id`. `text` is whatever was said, also where the outcome is not ok."""

    id: str
    outcome: Outcome
    text: str = ""
    parsed: BaseModel | None = None  # where a form was asked for and the outcome is ok
    cause: str = ""  # why it is not ok, in a few words; "" otherwise
    tokens: tuple[Token, ...] = ()  # of the answer, where asked for and given
    prompt_tokens: tuple[Token, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0  # what buying it cost, in the currency of the price; also where it was bought before
    key: str = ""  # names question and model; the same in every run
    is_cached: bool = False  # bought before, or by somebody else meanwhile: nothing was paid for it now
    alternatives: tuple[Token, ...] = ()  # to the first word of the answer, where choices were given and the model tells them
    choice_logprobs: tuple[float | None, ...] = ()  # of Request.choices, natural; None where the model did not give it
