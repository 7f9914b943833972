"""Several runs that were asked the same items: what holds for other runs and for other subjects at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from factcli.errors import InputError
from factcli.stats.bootstrap import Bootstrap


def crossed(runs: Sequence[Bootstrap], seed: int = 0) -> Bootstrap:
    """The mean over runs (seeds of one training) that were measured on the same subjects, with its redraws; of one run itself.

    Runs are redrawn, and subjects once for all runs: who is hard is hard for each, so more runs do not make up for few subjects. This is
    the pigeonhole bootstrap (Owen 2007, arXiv 0712.1111), whose variance is never below the truth on the whole. `n_clusters`, on which the
    width of the interval rests, is the smaller of the two numbers: of two runs little can be said.
    """
    first, *others = runs
    if any(run.clusters != first.clusters for run in others):
        raise InputError("the runs of one cell were measured on other subjects", "evaluate every seed on the same people")
    if not others or any(run.value is None for run in runs):
        return first if not others else replace(first, value=None)
    rng = np.random.default_rng([seed, len(runs), 2])
    redraws_RD = np.stack([run.redraws_D for run in runs])
    n_draws = redraws_RD.shape[1]
    picks_DR = rng.integers(0, len(runs), size=(n_draws, len(runs)))
    means_D = redraws_RD[picks_DR, np.arange(n_draws)[:, None]].mean(axis=1)
    return replace(
        first,
        value=float(np.mean([run.value for run in runs if run.value is not None])),
        redraws_D=means_D,
        without_one_C=np.empty(0),
        n_items=sum(run.n_items for run in runs),
        n_clusters=min(len(runs), first.n_clusters),
    )


def spread(run: Bootstrap) -> float:
    """Standard error of the value: the standard deviation of its redraws; 0 where there are none."""
    drawn = run.redraws_D[~np.isnan(run.redraws_D)]
    return float(drawn.std(ddof=1)) if len(drawn) > 1 else 0.0
