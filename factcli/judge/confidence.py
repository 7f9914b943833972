"""How sure a model is of one thing, by how far its own answers agree (FactTune, arXiv 2311.08401; spec §2.6), and of a text, by the mean.

Confidence is not truth: a model that is sure of an error scores well. Scores by evidence stand beside these for that reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import log
from statistics import fmean
from typing import NamedTuple

from factcli.judge.clusters import Cluster, Same, is_same, words_of
from factcli.scorerows import Score, ScoredAnswer

MEASURES = ("max_conf", "exp_conf", "neg_ent", "samp_conf")


class Measures(NamedTuple):
    """Of n answers in clusters with shares p of them. Higher is surer; all but `neg_ent` are within 0..1."""

    max_conf: float  # the largest p
    exp_conf: float  # sum of p squared: the chance that two draws agree
    neg_ent: float  # sum of p ln p, in nats: 0 where all agree, -ln n where none do
    samp_conf: float | None  # share of the answers that say what the text itself says; None where that is not known


class UnitValue(NamedTuple):
    """What is known of one unit of a text (a claim or an entity); `measures` is None where none could be taken."""

    unit_id: str
    measures: Measures | None


def measures_of(clusters: Sequence[Cluster], own: str = "", same: Same = is_same) -> Measures | None:
    """None without answers. `own`: what the text itself says; "" where that is not known. Silence is a cluster of its own each time."""
    n_samples = sum(len(cluster.members) for cluster in clusters)
    if not n_samples:
        return None
    shares = [len(cluster.members) / n_samples for cluster in clusters]
    return Measures(
        max_conf=max(shares),
        exp_conf=sum(share**2 for share in shares),
        neg_ent=sum(share * log(share) for share in shares),
        samp_conf=share_saying(clusters, own, same) if words_of(own) else None,
    )


def share_saying(clusters: Sequence[Cluster], own: str, same: Same = is_same) -> float:
    """Share of the answers in clusters whose first member is the `same` as `own`."""
    n_samples = sum(len(cluster.members) for cluster in clusters)
    return sum(len(cluster.members) for cluster in clusters if words_of(cluster.first) and same(own, cluster.first)) / n_samples


def scores_of(answer: ScoredAnswer, units: Sequence[UnitValue], reason: str = "") -> list[Score]:
    """One score for each measure: the mean over the answer's units that have one. Without any it is None, and the reason says why.

    `reason`: why there are no units, where there are none.
    """
    return [_score(answer, name, units, reason) for name in MEASURES]


def _score(answer: ScoredAnswer, name: str, units: Sequence[UnitValue], reason: str) -> Score:
    found = [getattr(unit.measures, name) if unit.measures else None for unit in units]
    known = [value for value in found if value is not None]
    why = "" if known else reason if not units else f"none of {len(units)} units has one"
    return Score(f"{answer.id}.{name}", answer.id, answer.prompt_id, name, fmean(known) if known else None, why, len(known), len(found) - len(known))


def pairs_counts(scores: Iterable[Score]) -> dict[str, int]:
    """By score, the pairs of answers to one prompt that it puts in a strict order (threshold 0): the rows of an epoch of FactTune's training."""
    values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    counts = dict.fromkeys(MEASURES, 0)
    for score in scores:
        if score.value is not None:
            values[score.name, score.prompt_id].append(score.value)
    for (name, _), own in values.items():
        counts[name] = counts.get(name, 0) + sum(one != other for one, other in combinations(own, 2))
    return counts
