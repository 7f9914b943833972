"""What a score is worth where truth is known: does it rank right answers above wrong ones, and is 0.8 right eight times in ten?

AUROC and the area under the risk-coverage curve need any score of which more is better. The expected calibration error (ECE) and the
reliability diagram need one that claims to be a probability, 0..1: others have none, and the row says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from factcli.consistencyrows import Calibration, ReliabilityBin, Scale
from factcli.stats.ranking import RankedClaim, auroc, mean_risk

RIGHT_FROM = 0.5  # a share of true claims from which on an answer counts as right
NO_PROBABILITY = "values outside 0..1: no probability, so no calibration error"
ONE_KIND = "all are right or all are wrong: nothing to rank"
NOTHING = "no answer has both a score and a truth"
DRAWS = 500  # of subjects, for the interval of a ranking
SCALES: tuple[Scale, ...] = ("width", "mass")
Level = Literal["answer", "prompt"]


class Judged(NamedTuple):
    """A score and the truth beside it. `cluster`: the subject or question that is redrawn as one. None: not known."""

    id: str
    cluster: str
    score: float | None
    truth: float | None  # 0..1


class Measured(NamedTuple):
    """One row of figures, and the bins that they stand on."""

    row: Calibration
    bins: tuple[ReliabilityBin, ...]


class Item(NamedTuple):
    """One value of one score, of an answer or of a prompt, in the split of its question."""

    score: str
    level: Level
    split: str
    judged: Judged


def calibrations(items: Iterable[Item], n_bins: int = 10, seed: int = 0) -> Iterator[Measured]:
    """The figures of each score and level: over all splits, and in each where there are several."""
    groups: dict[tuple[str, Level], list[Item]] = {}
    for item in items:
        groups.setdefault((item.score, item.level), []).append(item)
    splits = sorted({item.split for own in groups.values() for item in own})
    for (score, level), own in sorted(groups.items()):
        for split in ("all", *(splits if len(splits) > 1 else ())):
            yield calibration_of(score, level, split, [item.judged for item in own if split in ("all", item.split)], n_bins, seed=seed)


def calibration_of(score: str, level: Level, split: str, judged: Sequence[Judged], n_bins: int = 10, draws: int = DRAWS, seed: int = 0) -> Measured:
    """The figures of one score. Items without a score or a truth are left out and counted."""
    known = [(one, one.score, one.truth) for one in judged if one.score is not None and one.truth is not None]
    id = f"{score}.{level}.{split}"
    counted: dict[str, Any] = {
        "id": id,
        "score": score,
        "level": level,
        "split": split,
        "n": len(known),
        "n_left_out": len(judged) - len(known),
        "n_bins": n_bins,
    }
    if not known:
        return Measured(Calibration(**counted, n_right=0, reason=NOTHING), ())
    pairs = [(value, truth) for _, value, truth in known]
    bins = tuple(bin for scale in SCALES for bin in _bins(id, score, level, split, scale, pairs, n_bins)) if _are_probabilities(pairs) else ()
    errors: dict[str, Any] = {f"ece_{scale}": ece([bin for bin in bins if bin.scale == scale]) for scale in SCALES}
    ranking = _ranking([RankedClaim(one.cluster, one.id, value, truth >= RIGHT_FROM) for one, value, truth in known], draws, seed)
    reason = "; ".join([ONE_KIND] * (ranking["auroc"] is None) + [NO_PROBABILITY] * (not bins))
    return Measured(Calibration(**counted, **ranking, **errors, correlation=rank_correlation(pairs), reason=reason), bins)


def _ranking(ranked: Sequence[RankedClaim], draws: int, seed: int) -> dict[str, Any]:
    area = auroc(ranked, draws, seed)
    n_right = sum(claim.is_correct for claim in ranked)
    return {"n_right": n_right, "auroc": area.value, "auroc_low": area.low, "auroc_high": area.high, "risk_coverage_area": mean_risk(ranked)}


def ece(bins: Sequence[ReliabilityBin]) -> float | None:
    """Expected calibration error: the mean of |mean score - share right| over bins, weighted by how many are in each. 0 is best."""
    n = sum(bin.n for bin in bins)
    return sum(bin.n * abs(bin.mean_score - bin.share_right) for bin in bins if bin.mean_score is not None and bin.share_right is not None) / n if n else None


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's of (score, truth). None where one of them never changes."""
    from scipy.stats import spearmanr

    scores, truths = zip(*pairs, strict=True)
    if len(set(scores)) < 2 or len(set(truths)) < 2:
        return None
    return float(spearmanr(scores, truths).statistic)


def _are_probabilities(pairs: Sequence[tuple[float, float]]) -> bool:
    return all(0 <= score <= 1 for score, _ in pairs)


def _bins(id: str, score: str, level: Level, split: str, scale: Scale, pairs: Sequence[tuple[float, float]], n_bins: int) -> Iterator[ReliabilityBin]:
    edges = width_edges(n_bins) if scale == "width" else mass_edges([value for value, _ in pairs], n_bins)
    for number, (low, high) in enumerate(pairwise(edges)):
        is_last = number == len(edges) - 2
        inside = [(value, truth) for value, truth in pairs if low <= value < high or (is_last and value == high)]
        means = [sum(column) / len(inside) for column in zip(*inside, strict=True)] if inside else [None, None]
        yield ReliabilityBin(f"{id}.{scale}.b{number}", score, level, split, scale, number, low, high, len(inside), *means)


def width_edges(n_bins: int) -> list[float]:
    return [number / n_bins for number in range(n_bins + 1)]


def mass_edges(values: Sequence[float], n_bins: int) -> list[float]:
    """Edges between which about equally many values lie; equal values are never parted, so there may be fewer bins than asked for.
    Where 1 is an edge within, the last bin is that of the ones alone.
    """
    ordered = sorted(values)
    inner = {ordered[len(ordered) * number // n_bins] for number in range(1, n_bins)}
    return [0.0, *sorted(inner - {0.0}), 1.0]
