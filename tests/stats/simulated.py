"""Made-up results of two models on the same clustered items, with a true difference that is known."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from factcli.stats import RankedClaim
from factcli.stats.paired import PairedItem, PairedSums, paired_sums


class World(NamedTuple):
    """`share`: right of the other model, `gains` of its wrong ones that turn right, `losses` of its right ones that turn wrong.

    All three differ between subjects: Beta with an intra-class correlation of `icc` (share) or 1/5 (gains, losses). A subject has 1
    to about 25 items, 6 in the mean (one more than a geometric number, coefficient of variation 0.75).
    """

    share: float = 0.6
    gains: float = 0.2
    losses: float = 0.1
    icc: float = 0.3

    @property
    def difference(self) -> float:
        return (1 - self.share) * self.gains - self.share * self.losses


class Drawn(NamedTuple):
    """M items: whose they are, and whether the model and the other have each right."""

    subject_M: np.ndarray
    right_M: np.ndarray
    other_M: np.ndarray

    def sums(self, n_subjects: int) -> PairedSums:
        """As `paired_sums` adds them up, without a tuple for each item: simulations draw millions."""
        size_C = np.bincount(self.subject_M, minlength=n_subjects).astype(float)
        right_C, other_C = (np.bincount(self.subject_M, weights=right, minlength=n_subjects) for right in (self.right_M, self.other_M))
        names = tuple(f"p{n:04d}" for n in range(n_subjects))
        return PairedSums(names, np.stack([right_C, size_C, other_C, size_C], axis=1), len(self.subject_M), True)

    def items(self) -> list[PairedItem]:
        rows = zip(self.subject_M, self.right_M, self.other_M, strict=True)
        return [PairedItem(f"p{subject:04d}", float(right), 1, float(other), 1) for subject, right, other in rows]


def beta(rng: np.random.Generator, mean: float, icc: float, n: int) -> np.ndarray:
    weight = 1 / icc - 1
    return rng.beta(weight * mean, weight * (1 - mean), size=n) if 0 < mean < 1 else np.full(n, mean)


def draw(rng: np.random.Generator, n_subjects: int, world: World, sizes_C: np.ndarray | None = None) -> Drawn:
    sizes = 1 + rng.geometric(0.2, size=n_subjects) if sizes_C is None else sizes_C
    subject_M = np.repeat(np.arange(n_subjects), sizes)
    share_M, gains_M, losses_M = (beta(rng, *pair, n_subjects)[subject_M] for pair in ((world.share, world.icc), (world.gains, 0.2), (world.losses, 0.2)))
    other_M = rng.random(len(subject_M)) < share_M
    changes_M = rng.random(len(subject_M)) < np.where(other_M, losses_M, gains_M)
    return Drawn(subject_M, (other_M ^ changes_M).astype(float), other_M.astype(float))


def alike(rng: np.random.Generator, drawn: Drawn, n_subjects: int) -> Drawn:
    """The same with the models' names dealt out anew for each subject: no model is better."""
    swapped_M = (rng.random(n_subjects) < 0.5)[drawn.subject_M]
    return Drawn(drawn.subject_M, np.where(swapped_M, drawn.other_M, drawn.right_M), np.where(swapped_M, drawn.right_M, drawn.other_M))


def claims(rng: np.random.Generator, n_subjects: int) -> PairedSums:
    """Both models have the same share of true claims; the model makes twice as many, so denominators differ."""
    rows = []
    for n in range(n_subjects):
        share = rng.beta(2, 1.3)
        made, others = 2 * rng.integers(1, 6), rng.integers(1, 6)
        rows.append(PairedItem(f"p{n}", float(rng.binomial(made, share)), float(made), float(rng.binomial(others, share)), float(others)))
    return paired_sums(rows)


class Knower(NamedTuple):
    """A model that is right with probability logistic(known + `skill`), and whose confidence is a power of logistic(known + noise of `noise`)."""

    skill: float = 0.0
    noise: float = 1.0
    power: float = 1.0  # the scale of its confidence: another one ranks the same


def answered(rng: np.random.Generator, n_subjects: int, models: Sequence[Knower]) -> list[list[RankedClaim]]:
    """Each model's answers to the same questions, 1 to about 12 of a subject, 3 in the mean. How well things are known differs between subjects."""
    subject_M = np.repeat(np.arange(n_subjects), rng.geometric(1 / 3, size=n_subjects))
    known_M = rng.normal(size=n_subjects)[subject_M] + rng.normal(size=len(subject_M))
    found = []
    for model in models:
        right_M = rng.random(len(subject_M)) < expit(known_M + model.skill)
        sure_M = expit(known_M + model.noise * rng.normal(size=len(subject_M))) ** model.power
        rows = zip(subject_M, sure_M, right_M, strict=True)
        found.append([RankedClaim(f"p{subject:05d}", f"q{n}", float(sure), bool(right)) for n, (subject, sure, right) in enumerate(rows)])
    return found
