"""A judge against labels: every rate by hand, and intervals that know which claims belong together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.stats.confusion import Confusion, Labelled, confusion, rates

CLAIMS = st.lists(st.builds(Labelled, st.sampled_from("abcd"), st.booleans(), st.booleans()), max_size=40)


def claims(tp: int, fp: int, tn: int, fn: int) -> list[Labelled]:
    kinds = [(True, True)] * tp + [(False, True)] * fp + [(False, False)] * tn + [(True, False)] * fn
    return [Labelled(f"r{number % 7}", *kind) for number, kind in enumerate(kinds)]


def test_every_rate_is_the_one_counted_by_hand() -> None:
    """tp 20, fp 10, tn 15, fn 5 of 50: agreement 35/50 = .7; sensitivity 20/25 = .8; specificity 15/25 = .6; balanced .7.

    By chance both say yes 25/50 * 30/50 = .3 and no 25/50 * 20/50 = .2: kappa (.7 - .5) / (1 - .5) = .4.
    """
    found = rates(claims(20, 10, 15, 5))
    expected = {"agreement": 0.7, "kappa": 0.4, "balanced_accuracy": 0.7, "sensitivity": 0.8, "specificity": 0.6}
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    assert all((estimate.n_items, estimate.n_clusters) == (50, 7) for estimate in found.values())
    assert confusion(claims(20, 10, 15, 5)) == Confusion(20, 10, 15, 5)


def test_what_cannot_be_counted_is_none() -> None:
    """Without an unsupported claim there is no specificity, and kappa of two who always say yes is 0/0."""
    found = rates(claims(5, 0, 0, 0))
    assert found["agreement"].value == 1
    assert [found[name].value for name in ("specificity", "balanced_accuracy", "kappa")] == [None, None, None]
    assert all(estimate.value is None for estimate in rates([]).values())


def test_a_judge_that_always_says_yes_has_balanced_accuracy_one_half_and_no_kappa() -> None:
    found = rates(claims(90, 10, 0, 0))
    assert (found["agreement"].value, found["balanced_accuracy"].value, found["kappa"].value) == pytest.approx((0.9, 0.5, 0))


@given(CLAIMS)
def test_turning_labels_and_verdicts_round_keeps_kappa_and_balanced_accuracy(found: list[Labelled]) -> None:
    turned = [Labelled(claim.cluster, not claim.is_true, not claim.is_judged_true) for claim in found]
    one, other = rates(found, draws=10), rates(turned, draws=10)
    for name in ("agreement", "kappa", "balanced_accuracy"):
        assert one[name].value == pytest.approx(other[name].value)
    assert one["sensitivity"].value == other["specificity"].value


def test_claims_that_are_right_together_have_wider_intervals() -> None:
    """50 responses of 10 claims that are all right or all wrong: as if 50 claims, so about sqrt(10) times as wide as 500 alone."""
    rng = np.random.default_rng(0)
    right = rng.random(50) < 0.7
    together = [Labelled(f"r{r}", True, bool(right[r])) for r in range(50) for _ in range(10)]
    alone = [Labelled(f"r{n}", True, bool(right[n // 10])) for n in range(500)]
    widths = [estimate.high - estimate.low for estimate in (rates(together)["agreement"], rates(alone)["agreement"])]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.15)
