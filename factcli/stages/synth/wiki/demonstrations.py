"""Ten written examples of how to ask and to answer; a prompt shows three of them, drawn by the row."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

import yaml

from factcli.backends.asking import seed_of
from factcli.prompts import quoted

NAME = "wiki/demonstrations"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Demonstration:
    topic: str
    document: str
    question: str
    answer: str


@cache
def load() -> tuple[tuple[Demonstration, ...], str]:
    """All of them, and the sha256 of their file."""
    text = (resources.files("factcli.prompts") / f"{NAME}.yaml").read_text(encoding="utf-8")
    return tuple(Demonstration(**values) for values in yaml.safe_load(text)), hashlib.sha256(text.encode()).hexdigest()


def shown(seed: int, id: str, fields: Sequence[str]) -> dict[str, str]:
    """`topic_1`, `document_1`, ... for a template that names them: three examples drawn by (seed, id)."""
    chosen = Random(seed_of(seed, id, "demonstrations")).sample(load()[0], SHOWN)
    values: dict[str, str] = {}
    for place, example in enumerate(chosen, 1):
        everything = {"topic": example.topic, "document": quoted(example.document), "question": example.question, "answer": example.answer}
        values |= {f"{name}_{place}": value for name, value in everything.items()}
    return {name: value for name, value in values.items() if name in fields}
