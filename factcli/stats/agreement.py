"""How far judges agree beyond chance: shares of equal labels, Cohen's and Fleiss' kappa."""

from collections import Counter
from collections.abc import Hashable, Sequence


def raw_agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Share of items with equal labels, 0..1; None without items."""
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first) if first else None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """(p_o - p_e) / (1 - p_e): 1 is perfect, 0 what judges with these shares of labels reach by chance.

    None without items, and where chance alone agrees on all of them: both gave one and the same label. Cohen 1960.
    """
    observed = raw_agreement(first, second)
    if observed is None:
        return None
    of_first, of_second = Counter(first), Counter(second)
    by_chance = sum(n * of_second[label] for label, n in of_first.items()) / len(first) ** 2
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def fleiss_kappa(items: Sequence[Sequence[Hashable]]) -> float | None:
    """The same for any number of judges, as many labels for each item.

    None without items, with one judge, and where all labels are one. Fleiss 1971, https://doi.org/10.1037/h0031619.
    """
    n_judges = len(items[0]) if items else 0
    if n_judges < 2:
        return None
    assert all(len(labels) == n_judges for labels in items), "each item has a label of each judge"
    counts = [Counter(labels) for labels in items]
    observed = sum(n * (n - 1) for count in counts for n in count.values()) / (len(items) * n_judges * (n_judges - 1))
    shares = Counter(label for labels in items for label in labels)
    by_chance = sum((n / (len(items) * n_judges)) ** 2 for n in shares.values())
    return None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
