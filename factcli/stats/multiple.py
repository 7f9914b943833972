"""Several tests at once: p-values adjusted so that one false alarm among all of them stays as rare as promised."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjusted p-values: at or below 5% is significant at a family-wise error of 5%, whatever the tests have to do with one another.

    Holm 1979: the k-th smallest of n (k from 0) times n - k, never below the one before it, at most 1.
    """
    ordered = sorted(p_values, key=lambda key: p_values[key])
    adjusted: dict[Key, float] = {}
    least = 0.0
    for place, key in enumerate(ordered):
        least = max(least, min(1.0, p_values[key] * (len(ordered) - place)))
        adjusted[key] = least
    return {key: adjusted[key] for key in p_values}
