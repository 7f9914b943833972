"""How far judges agree beyond chance: shares of equal labels, Cohen's and Fleiss' kappa."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from factcli.stats.bootstrap import Floats, quotient


def raw_agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Share of items with equal labels, 0..1; None without items."""
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first) if first else None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """`kappas` of two lists of labels. None without items, and where both gave one and the same label."""
    both = Counter(zip(first, second, strict=True))
    labels = list(dict.fromkeys((*first, *second)))
    (found,) = kappas(np.array([[[both[one, other] for other in labels] for one in labels]], dtype=float).reshape(1, len(labels), len(labels)))
    return None if np.isnan(found) else float(found)


def kappas(counts_DKK: Floats) -> Floats:
    """Cohen's kappa of D tables: (p_o - p_e) / (1 - p_e): 1 is perfect, 0 what judges with these shares of labels reach by chance.

    `counts_DKK`: items by the K labels of one judge and of the other. NaN without items, and where chance alone agrees on all of
    them: both gave one and the same label. Cohen 1960.
    """
    n_D = counts_DKK.sum(axis=(1, 2))
    observed_D = quotient(np.trace(counts_DKK, axis1=1, axis2=2), n_D)
    by_chance_D = quotient((counts_DKK.sum(axis=1) * counts_DKK.sum(axis=2)).sum(axis=1), n_D * n_D)
    return quotient(observed_D - by_chance_D, 1 - by_chance_D)


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
