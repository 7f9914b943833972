"""What a model in this process can be asked the probability of; no torch here, so that stages can name these types."""

from dataclasses import dataclass
from typing import NamedTuple


class Continuation(NamedTuple):
    """A text after a context; "" as context is the beginning of a document. The blank between the two belongs to the text."""

    context: str
    text: str


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely a text is after its context."""

    logprob: float  # natural, summed over the text's tokens
    is_greedy: bool  # whether greedy decoding would say it, token by token
    n_tokens: int  # of the text
    is_cut: bool = False  # the beginning of the context was left out: the whole is longer than the model's positions
