"""Sentences taken apart that a model is shown: the first ones always, besides them those that BM25 finds nearest to its sentence.

They are kept apart from what is made: FActScore put its demonstrations into the table of results as if they had been generated.
"""

import hashlib
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from factcli.prompts import quoted

NAME = "claims/demonstrations"
K1, B = 1.5, 0.75  # of Okapi BM25, as rank_bm25 has them, which FActScore calls
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Demonstration:
    sentence: str
    claims: tuple[str, ...]


@cache
def load() -> tuple[tuple[Demonstration, ...], str]:
    """All of them, and the sha256 of their file."""
    text = (resources.files("factcli.prompts") / f"{NAME}.yaml").read_text(encoding="utf-8")
    return tuple(Demonstration(one["sentence"], tuple(one["claims"])) for one in yaml.safe_load(text)), hashlib.sha256(text.encode()).hexdigest()


def shown(sentence: str, n_fixed: int, n_retrieved: int, form: Literal["list", "json"]) -> str:
    """The first `n_fixed`, then the `n_retrieved` nearest of the others, the nearest last, as text."""
    everything, _ = load()
    fixed, others = everything[:n_fixed], everything[n_fixed:]
    scores = _bm25(sentence, others)
    nearest = sorted(range(len(others)), key=lambda place: -scores[place])[:n_retrieved]
    return "\n\n".join(_shown(one, form) for one in (*fixed, *(others[place] for place in reversed(nearest))))


def _shown(one: Demonstration, form: Literal["list", "json"]) -> str:
    as_list = "\n".join(f"- {claim}" for claim in one.claims) or "none"
    answer = json.dumps({"claims": one.claims}, ensure_ascii=False) if form == "json" else as_list
    return f"Sentence:\n{quoted(one.sentence)}\nClaims:\n{answer}"


def _bm25(sentence: str, others: tuple[Demonstration, ...]) -> list[float]:
    """Okapi BM25 of each demonstration's sentence for the words of `sentence`; own code, for bm25s is built for a million of them."""
    documents = _documents(others)
    mean_length = sum(document.total() for document in documents) / max(len(documents), 1)
    scores = [0.0] * len(documents)
    for word in set(_words(sentence)):
        n_with = sum(word in document for document in documents)
        weight = math.log(1 + (len(documents) - n_with + 0.5) / (n_with + 0.5))
        for place, document in enumerate(documents):
            n = document[word]
            scores[place] += weight * n * (K1 + 1) / (n + K1 * (1 - B + B * document.total() / mean_length))
    return scores


@cache
def _documents(others: tuple[Demonstration, ...]) -> list[Counter[str]]:
    return [Counter(_words(one.sentence)) for one in others]


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())
