"""What humans would say of answers that only a judge has seen, from answers that both have seen: estimates with 95% intervals.

Three estimators, compared by `python -m tests.bench calibration`:

plug_in   Rogan & Gladen 1978: (judged - (1 - specificity)) / (sensitivity + specificity - 1), delta-method interval. Assumes that
          sensitivity and specificity are those of the labelled answers.
ppi       prediction-powered inference (arXiv 2301.09633): judged mean + mean of (human - judged). Assumes that bias is.
ppi++     the same with power tuning (arXiv 2311.01453): slope * judged mean + mean of (human - slope * judged); a judge that knows
          nothing gets slope 0. Assumes that the straight line from judged to human is.

The unit is the response, redrawn with its cluster (topic): claims of one response are right or wrong together. What is estimated is
the mean human score of the very answers that were judged (`answers`), or of all that such answers are drawn from (`population`); the
first differs from the second by the answers' own residuals, and is what a later annotation of these answers would find.

Letters: N responses with labels, M without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from factcli.stats.bootstrap import Floats
from factcli.stats.quantiles import t_quantile

Target = Literal["answers", "population"]
LEAST = 3  # labelled clusters: below there is no spread of residuals about a line
NOTHING_VARIES = 1e-9  # a standard error that is rounding
CHANCE = "the judge is not told from chance"
FEW = f"fewer than {LEAST} labelled responses with both scores"
NOTHING = "no judged answers"


class Both(NamedTuple):
    """A response that a human and the judge have scored. `human`, `judged`: shares of its claims.

    The rest are shares of its claims that both judged, which sum to 1, or all 0 where no claim has both: only plug_in needs them.
    """

    cluster: str
    human: float
    judged: float
    true_positive: float = 0.0
    false_positive: float = 0.0
    true_negative: float = 0.0
    false_negative: float = 0.0


class Judged(NamedTuple):
    """A response that the judge alone has scored."""

    cluster: str
    judged: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """An estimate of the mean human score. None where there is none, with the reason."""

    estimator: str
    value: float | None
    low: float | None
    high: float | None
    n_labelled: int
    n_judged: int
    reason: str = ""


class _Part(NamedTuple):
    """Columns of the labelled responses, and which cluster each belongs to."""

    human_N: Floats
    judged_N: Floats
    cluster_N: Floats

    @property
    def n_clusters(self) -> int:
        return int(self.cluster_N.max()) + 1


def uncorrected(labelled: Sequence[Both], judged: Sequence[Judged], _target: Target = "answers") -> Corrected:
    """The judge's own mean with the interval of a mean, whatever is to be estimated: what one would print without labels."""
    found_M = np.array([one.judged for one in judged])
    if len(found_M) < 2:
        return _none("uncorrected", labelled, judged, NOTHING)
    clusters_M = _numbers([one.cluster for one in judged])
    error = np.sqrt(_variance_of_mean(found_M - found_M.mean(), clusters_M))
    return _bounded("uncorrected", float(found_M.mean()), float(error), int(clusters_M.max()), labelled, judged)


def plug_in(labelled: Sequence[Both], judged: Sequence[Judged], target: Target = "answers") -> Corrected:
    """Rogan-Gladen's, with sensitivity and specificity that weigh each response alike, as the mean over responses does."""
    usable = [one for one in labelled if one.true_positive + one.false_positive + one.true_negative + one.false_negative > 0]
    if len({one.cluster for one in usable}) < LEAST or not judged:
        return _none("plug_in", labelled, judged, FEW if judged else NOTHING)
    cells_N4 = np.array([(one.true_positive, one.false_positive, one.true_negative, one.false_negative) for one in usable])
    tp, fp, tn, fn = cells_N4.T
    positive, negative = (tp + fn).mean(), (tn + fp).mean()
    if positive == 0 or negative == 0:
        return _none("plug_in", labelled, judged, CHANCE)
    sensitivity, specificity = tp.mean() / positive, tn.mean() / negative
    clusters_N = _numbers([one.cluster for one in usable])
    pull_of_sensitivity_N = (tp - sensitivity * (tp + fn)) / positive
    pull_of_specificity_N = (tn - specificity * (tn + fp)) / negative
    youden = sensitivity + specificity - 1
    if youden <= 1.96 * np.sqrt(_variance_of_mean(pull_of_sensitivity_N + pull_of_specificity_N, clusters_N)):
        return _none("plug_in", labelled, judged, CHANCE)
    value = (_mean(judged) + specificity - 1) / youden
    of_card = _variance_of_mean(((1 - value) * pull_of_specificity_N - value * pull_of_sensitivity_N) / youden, clusters_N)
    residual_N = (tp + fp - (1 - specificity) - youden * (tp + fn)) / youden
    per_answer = float((residual_N**2).sum()) / (len(residual_N) - 2)
    of_answers = per_answer / _effective(judged) if target == "answers" else _spread(judged) / youden**2
    return _bounded("plug_in", float(value), float(np.sqrt(of_card + of_answers)), int(clusters_N.max()), labelled, judged)


def ppi(labelled: Sequence[Both], judged: Sequence[Judged], target: Target = "answers") -> Corrected:
    """The judge's mean less its mean bias on the labelled answers."""
    return _powered("ppi", labelled, judged, target, lambda _: 1.0)


def ppi_plus(labelled: Sequence[Both], judged: Sequence[Judged], target: Target = "answers") -> Corrected:
    """Prediction-powered with the slope that makes the interval narrowest."""
    shrink = 1.0 if target == "answers" or not judged else 1 / (1 + len(labelled) / len(judged))
    return _powered("ppi++", labelled, judged, target, lambda part: shrink * _slope(part))


def _slope(part: _Part) -> float:
    centred_N = part.judged_N - part.judged_N.mean()
    spread = float((centred_N**2).sum())
    return float((centred_N * part.human_N).sum()) / spread if spread > 1e-12 else 0.0


def _powered(name: str, labelled: Sequence[Both], judged: Sequence[Judged], target: Target, slope_of: Callable[[_Part], float]) -> Corrected:
    if len({one.cluster for one in labelled}) < LEAST or not judged:
        return _none(name, labelled, judged, FEW if judged else NOTHING)
    part = _Part(np.array([one.human for one in labelled]), np.array([one.judged for one in labelled]), _numbers([one.cluster for one in labelled]))
    slope, is_tuned = slope_of(part), name == "ppi++"
    moved = _mean(judged) - float(part.judged_N.mean())
    value = float(part.human_N.mean()) + slope * moved
    residual_N = part.human_N - slope * part.judged_N
    residual_N = residual_N - residual_N.mean()
    free = part.n_clusters - 1 - is_tuned
    error = _variance_of_mean(residual_N, part.cluster_N) * (part.n_clusters - 1) / free
    per_answer = float((residual_N**2).sum()) / (len(residual_N) - 1 - is_tuned)
    error += per_answer / _effective(judged) if target == "answers" else slope**2 * _spread(judged)
    if is_tuned and (spread := float(((part.judged_N - part.judged_N.mean()) ** 2).sum())) > 1e-12:
        error += moved**2 * per_answer / spread  # the slope is estimated too, which counts where the judge's mean has moved
    return _bounded(name, value, float(np.sqrt(error)), free, labelled, judged)


ESTIMATORS: dict[str, Callable[[Sequence[Both], Sequence[Judged], Target], Corrected]] = {
    "uncorrected": uncorrected,
    "plug_in": plug_in,
    "ppi": ppi,
    "ppi++": ppi_plus,
}


def _numbers(clusters: Sequence[str]) -> Floats:
    """Each cluster as 0, 1, ..."""
    place = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    return np.array([place[cluster] for cluster in clusters], dtype=float)


def _variance_of_mean(centred_N: Floats, cluster_N: Floats) -> float:
    """Of the mean of N values whose own mean is 0: clusters are independent, what is in one may not be."""
    sums = np.bincount(cluster_N.astype(int), weights=centred_N)
    n_clusters = len(sums)
    return float((sums**2).sum()) / len(centred_N) ** 2 * n_clusters / max(1, n_clusters - 1)


def _mean(judged: Sequence[Judged]) -> float:
    return float(np.mean([one.judged for one in judged]))


def _spread(judged: Sequence[Judged]) -> float:
    """Variance of the judge's mean over answers drawn anew."""
    found_M = np.array([one.judged for one in judged])
    return _variance_of_mean(found_M - found_M.mean(), _numbers([one.cluster for one in judged]))


def _effective(judged: Sequence[Judged]) -> float:
    """Answers as if independent: those to one topic count as one, whatever their number (the cautious end)."""
    sizes = np.bincount(_numbers([one.cluster for one in judged]).astype(int))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _bounded(name: str, value: float, error: float, free: int, labelled: Sequence[Both], judged: Sequence[Judged]) -> Corrected:
    """A share with its interval, both kept in 0..1.

    Where nothing varies (a judge that was never wrong) the reach is the exact bound on a share of which none was seen, 1 - 0.025 ** (1 / n)
    for n clusters, and never zero.
    """
    n_clusters = len({one.cluster for one in (judged if name == "uncorrected" else labelled)})
    reach = t_quantile(0.975, max(1, free)) * error if error > NOTHING_VARIES else 1 - 0.025 ** (1 / n_clusters)
    low, middle, high = (min(1.0, max(0.0, end)) for end in (value - reach, value, value + reach))
    return Corrected(name, middle, low, high, len(labelled), len(judged))


def _none(name: str, labelled: Sequence[Both], judged: Sequence[Judged], reason: str) -> Corrected:
    return Corrected(name, None, None, None, len(labelled), len(judged), reason)
