"""Sentences taken apart that a model is shown: the first ones always, besides them those that BM25 finds nearest to its sentence.

They are kept apart from what is made: FActScore put its demonstrations into the table of results as if they had been generated.
"""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from factcli.knowledge import few
from factcli.prompts import quoted

NAME = "claims/demonstrations"
WEIGHTS = few.Weights(1.5, 0.75)  # of Okapi BM25, as rank_bm25 has them, which FActScore calls
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
    scores = few.scores(_postings(others), dict.fromkeys(_words(sentence)), len(others))
    nearest = few.ranked(scores, n_retrieved)
    return "\n\n".join(_shown(one, form) for one in (*fixed, *(others[place] for place in reversed(nearest))))


def _shown(one: Demonstration, form: Literal["list", "json"]) -> str:
    as_list = "\n".join(f"- {claim}" for claim in one.claims) or "none"
    answer = json.dumps({"claims": one.claims}, ensure_ascii=False) if form == "json" else as_list
    return f"Sentence:\n{quoted(one.sentence)}\nClaims:\n{answer}"


@cache
def _postings(others: tuple[Demonstration, ...]) -> few.Postings:
    return few.postings([Counter(_words(one.sentence)) for one in others], WEIGHTS)


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())
