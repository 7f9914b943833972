"""The rows of an export: how far what was written is from what it was made of, prompt by prompt."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LogitCheck:
    """One prompt of the certificate. Differences are the largest over its positions and the whole vocabulary.

    `source`: data, a text that the model's own data hold; random, tokens drawn evenly from the vocabulary.
    """

    id: str
    source: Literal["data", "random"]
    tokens: int
    moved: float  # by the adapters, from the base's logits: what there was to preserve
    difference: float  # of the export, read back from disk in the number format saved, from base and adapters in float32
    same_top: float  # share of positions at which both hold the same token for the likeliest, 0..1
    text: str = ""  # as the tokenizer was given it; "" for random tokens
