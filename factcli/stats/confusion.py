"""A judge against human labels: agreement, kappa, balanced accuracy, with intervals by cluster. Positive is `supported`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from factcli.stats.agreement import kappas
from factcli.stats.bootstrap import DRAWS, Counts, Estimate, Floats, Statistic, quotient, redraw


class Labelled(NamedTuple):
    """One claim that both judged. `cluster`: the response or topic that it belongs to."""

    cluster: str
    is_true: bool  # by the human label
    is_judged_true: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """Claims by human label and verdict. A rate is None where nothing is counted in its denominator."""

    true_positive: int  # supported by both
    false_positive: int  # by the judge alone
    true_negative: int
    false_negative: int  # by the human alone

    @property
    def n(self) -> int:
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative


def confusion(claims: Iterable[Labelled]) -> Confusion:
    sums = np.zeros(4, dtype=int)
    for claim in claims:
        sums[_cell(claim)] += 1
    return Confusion(*(int(number) for number in sums))


def _cell(claim: Labelled) -> int:
    """Its place in a row of tp, fp, tn, fn."""
    if claim.is_judged_true:
        return 0 if claim.is_true else 1
    return 3 if claim.is_true else 2


def agreement(cells_D4: Floats) -> Floats:
    """Share of claims on which both say the same."""
    return quotient(cells_D4[:, 0] + cells_D4[:, 2], cells_D4.sum(axis=1))


def kappa(cells_D4: Floats) -> Floats:
    """Agreement beyond that of two who guess with these totals. NaN where both always say the same one thing."""
    tp_fn_fp_tn = [0, 3, 1, 2]  # by the human label, then by the verdict
    return kappas(cells_D4[:, tp_fn_fp_tn].reshape(-1, 2, 2))


def sensitivity(cells_D4: Floats) -> Floats:
    """Share of what is supported that the judge calls supported."""
    return quotient(cells_D4[:, 0], cells_D4[:, 0] + cells_D4[:, 3])


def specificity(cells_D4: Floats) -> Floats:
    """Share of what is not supported that the judge calls so."""
    return quotient(cells_D4[:, 2], cells_D4[:, 2] + cells_D4[:, 1])


def balanced_accuracy(cells_D4: Floats) -> Floats:
    """Mean of sensitivity and specificity: 1/2 for a judge that always says the same."""
    return (sensitivity(cells_D4) + specificity(cells_D4)) / 2


RATES: dict[str, Callable[[Floats], Floats]] = {
    "agreement": agreement,
    "kappa": kappa,
    "balanced_accuracy": balanced_accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
}


def rates(claims: Iterable[Labelled], draws: int = DRAWS, seed: int = 0) -> dict[str, Estimate]:
    """Every rate with its 95% interval, clusters redrawn."""
    cells: dict[str, Floats] = {}
    n_claims = 0
    for claim in claims:
        cells.setdefault(claim.cluster, np.zeros(4))[_cell(claim)] += 1
        n_claims += 1
    clusters = tuple(sorted(cells))
    cells_C4 = np.array([cells[cluster] for cluster in clusters]).reshape(-1, 4)
    counts = Counts(n_claims, len(clusters))
    if not clusters:
        return dict.fromkeys(RATES, Estimate(None, None, None, 0, 0))
    return {name: redraw(clusters, _statistic(rate, cells_C4), counts, draws, seed).estimate() for name, rate in RATES.items()}


def _statistic(rate: Callable[[Floats], Floats], cells_C4: Floats) -> Statistic:
    return lambda weights_DC: rate(weights_DC @ cells_C4)
