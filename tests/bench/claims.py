"""Claims by rule beside the claims of FActScore's annotators, sentence by sentence (../shared/data; 1,112 sentences of InstructGPT that have some).

    python -m tests.bench claims

Two claims are a near match where ROUGE-L F1 of their words is at least 0.7: `She was born in Lima` and `She was born in Lima, Peru` (0.91)
are, `She was born in Lima` and `She was born on 3 May 1901` (0.55) are not. A human claim is covered where one claim of ours has all
its words but articles and `is`. Pronouns are left as they stand, on both sides. Beside the rules: whole sentences as claims, and
the claims of FActScore's model (InstructGPT), where the file has them.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from factcli.judge.claims.rules import claims_of
from factcli.knowledge.duplicates import normalised, rouge_l
from tests.conftest import SHARED

NEAR = 0.7
LIGHT = {"a", "an", "the", "is", "was", "also", "has", "have", "had", "been"}


class Agreement(NamedTuple):
    """Counts over all sentences that people took apart."""

    sentences: int
    ours: int
    human: int
    human_matched: int
    ours_matched: int
    human_covered: int


def sentences(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield from (one for one in json.loads(line)["annotations"] or [] if one["human-atomic-facts"])


def agreement(path: Path, take_apart: Callable[[dict[str, Any]], list[str]]) -> Agreement:
    counts = [0] * len(Agreement._fields)
    for sentence in sentences(path):
        ours, human = take_apart(sentence), [fact["text"] for fact in sentence["human-atomic-facts"]]
        overlaps = [[rouge_l(one, other) for one in ours] for other in human]
        row = (
            1, len(ours), len(human),
            sum(max(scores, default=0) >= NEAR for scores in overlaps),
            sum(any(scores[place] >= NEAR for scores in overlaps) for place in range(len(ours))),
            sum(any(heavy(one) <= heavy(other) for other in ours) for one in human),
        )  # fmt: skip
        counts = [total + n for total, n in zip(counts, row, strict=True)]
    return Agreement(*counts)


def heavy(text: str) -> set[str]:
    return set(normalised(text)) - LIGHT


WAYS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "rules": lambda sentence: claims_of(sentence["text"]),
    "whole sentences": lambda sentence: [sentence["text"]],
    "FActScore's model": lambda sentence: [fact["text"] for fact in sentence["model-atomic-facts"] or []],
}


def table() -> str:
    path = SHARED / "factscore_labeled_instructgpt.jsonl"
    if not path.is_file():
        return "claims: ../shared/data is not there"
    lines = ["| claims by | a sentence | human claims with a near match | own claims with a near match | human claims covered |", "|---|---|---|---|---|"]
    for name, take_apart in WAYS.items():
        found = agreement(path, take_apart)
        shares = (found.human_matched / found.human, found.ours_matched / found.ours, found.human_covered / found.human)
        lines.append(f"| {name} | {found.ours / found.sentences:.2f} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    return "\n".join([*lines, f"\n{found.sentences} sentences, {found.human} human claims ({found.human / found.sentences:.2f} a sentence)."])
