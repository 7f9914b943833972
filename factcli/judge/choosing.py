"""Scores of answers to choose from: which is likeliest, how much likelihood the right ones have, and what style alone would give."""

import math
from collections.abc import Callable, Sequence

Scores = Sequence[float]
Marks = Sequence[bool]


def picks_right(logprobs: Scores, are_right: Marks) -> float:
    """1 where the likeliest is right; of equals the first counts, as in the lm-evaluation-harness."""
    return float(are_right[max(range(len(logprobs)), key=lambda place: logprobs[place])])


def mass_right(logprobs: Scores, are_right: Marks) -> float:
    """The right answers' share of the likelihood of all: MC2 (arXiv 2109.07958, section 3.2)."""
    return sum(share for share, is_right in zip(shares(logprobs), are_right, strict=True) if is_right)


def shares(logprobs: Scores) -> list[float]:
    """exp(logprob) divided by the sum; the largest is taken off first, so that long answers do not all become 0."""
    top = max(logprobs)
    each = [math.exp(value - top) for value in logprobs]
    return [value / math.fsum(each) for value in each]


def by_length(logprobs: Scores, texts: Sequence[str]) -> list[float]:
    """Per character, which is the harness's acc_norm."""
    return [value / len(text) for value, text in zip(logprobs, texts, strict=True)]


def longest_is_right(texts: Sequence[str], are_right: Marks) -> float:
    """What choosing the longest answer gives; of equals each with the same chance."""
    most = max(map(len, texts))
    marks = [is_right for text, is_right in zip(texts, are_right, strict=True) if len(text) == most]
    return sum(marks) / len(marks)


def chance(are_right: Marks) -> float:
    return sum(are_right) / len(are_right)


Rule = Callable[[Scores, Marks], float]
