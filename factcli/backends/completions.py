"""What a model is asked and what it gives back; no torch here, so that stages can name these types."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol


class Turn(NamedTuple):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt = str | tuple[Turn, ...]  # text to continue as it stands, or a chat whose next turn is the model's


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said, its end token or stop string left out."""

    text: str  # as generated: it mostly begins with a blank
    token_ids: tuple[int, ...]
    probabilities: tuple[float, ...]  # of each token given all before it
    starts: tuple[int, ...]  # character of `text` at which each token begins
    finished: bool  # by its end token or a stop string; False: cut at the length limit

    def probability(self, start: int = 0, end: int | None = None) -> float:
        """Product of the probabilities of the tokens that have a character in text[start:end]; 1 if none has."""
        end = len(self.text) if end is None else end
        stops = (*self.starts, len(self.text))[1:]
        spans = zip(self.starts, stops, self.probabilities, strict=True)
        return math.prod(p for first, last, p in spans if first < end and last > start)


class Completer(Protocol):
    """Anything that continues prompts greedily. `adapters` names what is plugged in beside the base."""

    def complete(self, prompts: Sequence[Prompt], max_new_tokens: int, stop: Sequence[str] = (), adapters: Sequence[str] = ()) -> list[Completion]:
        """One completion per prompt, in the order of the prompts."""
        ...
