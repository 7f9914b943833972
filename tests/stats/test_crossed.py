"""Runs that were asked the same items: mean, interval, and what more runs do not give."""

import numpy as np
import pytest

from factcli.errors import InputError
from factcli.stats.bootstrap import Item, bootstrap_ratio
from factcli.stats.crossed import crossed, spread


def of(rights: list[int], people: str = "p") -> list[Item]:
    return [Item(f"{people}{n:03d}", right) for n, right in enumerate(rights)]


def test_the_value_of_several_runs_is_their_mean_and_of_one_it_is_the_run() -> None:
    """2 of 4 and 3 of 4: (0.5 + 0.75) / 2 = 0.625."""
    first, second = (bootstrap_ratio(of(rights)) for rights in ([1, 1, 0, 0], [1, 1, 1, 0]))
    assert crossed([first]) is first
    both = crossed([first, second])
    assert both.value == 0.625
    assert (both.n_items, both.n_clusters) == (8, 2)


def test_the_same_run_several_times_is_no_more_certain_than_once() -> None:
    """Subjects are redrawn together: a mean over independent redraws would have half the standard error, sqrt(0.25 / 40) / 2."""
    run = bootstrap_ratio(of([1, 0] * 20))
    assert spread(crossed([run] * 4)) == pytest.approx(spread(run))
    assert spread(run) == pytest.approx(np.sqrt(0.25 / 40), rel=0.05)


def test_runs_that_differ_widen_the_interval() -> None:
    """Two runs of 40 subjects at 0.25 and 0.75: redrawn, they give a mean of 0.25, 0.5 or 0.75, a standard deviation of 0.25 / sqrt(2)."""
    low, high = (bootstrap_ratio(of(rights)) for rights in ([1, 0, 0, 0] * 10, [1, 1, 1, 0] * 10))
    assert spread(crossed([low, high])) > 0.25 / np.sqrt(2)
    assert spread(crossed([low, high])) == pytest.approx(np.sqrt(0.25**2 / 2 + 0.1875 / 40), rel=0.15)


def test_runs_on_other_subjects_are_refused() -> None:
    with pytest.raises(InputError, match="other subjects"):
        crossed([bootstrap_ratio(of([1, 0])), bootstrap_ratio(of([1, 0], "q"))])


def test_a_run_with_nothing_to_count_leaves_no_mean() -> None:
    nothing = bootstrap_ratio([Item("p000", 0, 0), Item("p001", 0, 0)])
    assert crossed([bootstrap_ratio(of([1, 0])), nothing]).value is None
