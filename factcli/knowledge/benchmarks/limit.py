"""A part of a benchmark, for a look: drawn, for files are ordered, PopQA by relation and TruthfulQA by category, and their first rows are another benchmark."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from factcli.world.draws import keyed_rng

T = TypeVar("T")


def part_of(items: Sequence[T], limit: int | None, key_of: Callable[[T], str], purpose: tuple[object, ...] = ("limit",)) -> tuple[T, ...]:
    """The items of as many keys as the limit, in their order; None takes all.

    What is drawn depends on the keys and the purpose alone: every model is asked the same, and a larger limit adds to it.
    """
    keys = list(dict.fromkeys(key_of(item) for item in items))
    if limit is None or limit >= len(keys):
        return tuple(items)
    kept = set(sorted(keys, key=lambda key: keyed_rng(*purpose, key).random())[:limit])
    return tuple(item for item in items if key_of(item) in kept)


def told_part(n_taken: int, n_all: int, noun: str) -> str:
    """The end of a headline; nothing where all was taken."""
    return f"; {n_taken:,} of {n_all:,} {noun}, drawn" if n_taken < n_all else ""
