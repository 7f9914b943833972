"""Texts that say the same in almost the same words: ROUGE-L F1 between them, and a list thinned by it.

ROUGE-L as in Lin 2004 (https://aclanthology.org/W04-1013), F1 with equal weights, without stemming: Self-Learning's measure
(spec §4.1). Own code, for it is one recurrence, and the published one starts a pool of processes for each comparison.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence

WORD = re.compile(r"\w+")


def normalised(text: str) -> list[str]:
    """Words without case, punctuation and ways of writing accents; of any script."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def rouge_l(one: str, other: str) -> float:
    """F1 of the longest common subsequence of words, 0..1. Two texts without a word are equal."""
    left, right = normalised(one), normalised(other)
    if not left and not right:
        return 1.0
    return 2 * common_length(left, right) / (len(left) + len(right))


def common_length(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence, in len(left) x len(right) steps and one row of memory."""
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for place, other in enumerate(right, 1):
            diagonal, row[place] = row[place], diagonal + 1 if word == other else max(row[place], row[place - 1])
    return row[-1]


def distinct(texts: Sequence[str], most: float, overlap: Callable[[str, str], float] = rouge_l) -> list[int]:
    """Places of the texts that are kept: the first, and each whose overlap with every one kept before is at most `most`."""
    kept: list[int] = []
    for place, text in enumerate(texts):
        if all(overlap(text, texts[other]) <= most for other in kept):
            kept.append(place)
    return kept
