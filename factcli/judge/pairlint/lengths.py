"""Lengths that give the right answer away: measured with intervals by prompts, and pairs taken out for them. Lengths are in words."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from factcli.answerrows import Pair, PairMeasure
from factcli.judge.pairlint.found import Found, prompt_key
from factcli.stats import Estimate, Item, ratio, share
from factcli.stats.bootstrap import DRAWS, Counts, Floats, redraw

LengthFilter = Literal["none", "mean"]


def length(text: str) -> int:
    return len(text.split())


def log_ratio(pair: Pair) -> float:
    """log of chosen by rejected length, one word added to both so that an empty answer has one."""
    return math.log((length(pair.chosen) + 1) / (length(pair.rejected) + 1))


def measures(pairs: Sequence[Pair], max_share_longer: float, max_length_ratio: float, max_correlation: float) -> tuple[PairMeasure, ...]:
    """Share longer, mean log ratio, and correlation of margin and length difference, where margins are known."""
    clusters = [" ".join(prompt_key(pair)) for pair in pairs]
    longer = share(Item(cluster, _is_longer(pair)) for cluster, pair in zip(clusters, pairs, strict=True))
    mean = ratio(Item(cluster, log_ratio(pair)) for cluster, pair in zip(clusters, pairs, strict=True))
    limit = math.log(max_length_ratio)
    found = [_measure("chosen_longer", longer, 1 - max_share_longer, max_share_longer), _measure("mean_log_length_ratio", mean, -limit, limit)]
    with_margin = [(cluster, pair) for cluster, pair in zip(clusters, pairs, strict=True) if pair.margin is not None]
    if with_margin:
        found.append(_measure("margin_and_length", correlation(with_margin), -max_correlation, max_correlation))
    return tuple(found)


def _is_longer(pair: Pair) -> float:
    """1 where the chosen answer is longer, 1/2 where both are equally long."""
    chosen, rejected = length(pair.chosen), length(pair.rejected)
    return 0.5 if chosen == rejected else float(chosen > rejected)


def _measure(name: str, estimate: Estimate, least: float, most: float) -> PairMeasure:
    is_beyond = estimate.low is not None and estimate.high is not None and (estimate.low > most or estimate.high < least)
    return PairMeasure(name, estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters, least, most, is_beyond)


def correlation(pairs: Sequence[tuple[str, Pair]]) -> Estimate:
    """Pearson's, of margin and length difference in words, redrawn by prompt. None where one of the two does not vary."""
    sums: dict[str, Floats] = {}
    for cluster, pair in pairs:
        x, y = pair.margin or 0.0, float(length(pair.chosen) - length(pair.rejected))
        sums[cluster] = sums.get(cluster, np.zeros(6)) + np.array([1.0, x, y, x * x, y * y, x * y])
    clusters = tuple(sorted(sums))
    sums_C6 = np.stack([sums[cluster] for cluster in clusters])

    def statistic(weights_DC: Floats) -> Floats:
        n, x, y, xx, yy, xy = (weights_DC @ sums_C6).T
        n = np.maximum(n, 1e-9)
        spread = (xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2)
        covered = np.sqrt(np.clip(spread, 0, None))
        return np.divide(xy / n - x * y / n**2, covered, out=np.full(covered.shape, np.nan), where=covered > 1e-12)

    return redraw(clusters, statistic, Counts(len(pairs), len(clusters)), DRAWS, 0).estimate()


def too_unequal(pairs: Sequence[Pair], filter_by: LengthFilter, longest_ratio: float | None) -> Iterator[Found]:
    """Pairs whose lengths differ too much: by more words than the mean difference (Self-Learning's rule), or by a factor."""
    differences = [abs(length(pair.chosen) - length(pair.rejected)) for pair in pairs]
    mean = sum(differences) / len(differences) if differences else 0.0
    for pair, difference in zip(pairs, differences, strict=True):
        factor = math.exp(abs(log_ratio(pair)))
        if filter_by == "mean" and difference > mean:
            yield Found("length-filter", pair.id, f"lengths differ by {difference} words, the mean is {mean:.1f}", float(difference))
        elif longest_ratio is not None and factor > longest_ratio:
            yield Found("length-filter", pair.id, f"one answer is {factor:.2f} times as long as the other", factor)


def unbalanced(pairs: Sequence[Pair]) -> Iterator[Found]:
    """Within each split the pairs to leave out so that the chosen answer is longer as often as shorter: the most unequal ones."""
    for split in sorted({pair.split for pair in pairs}):
        own = [pair for pair in pairs if pair.split == split]
        longer = [pair for pair in own if _is_longer(pair) == 1]
        shorter = [pair for pair in own if _is_longer(pair) == 0]
        more = max(longer, shorter, key=len)
        n_over = len(more) - min(len(longer), len(shorter))
        for pair in sorted(more, key=lambda pair: (-abs(log_ratio(pair)), pair.id))[:n_over]:
            side = "longer" if more is longer else "shorter"
            yield Found("unbalanced", pair.id, f"one of {n_over} pairs too many whose chosen answer is {side}", log_ratio(pair))
