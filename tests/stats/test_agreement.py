"""Agreement beyond chance, on numbers worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.stats import cohen_kappa, fleiss_kappa, raw_agreement

LABELS = st.lists(st.sampled_from("SN"), min_size=1, max_size=30)


def test_cohens_kappa_by_hand():
    """20 both yes, 15 both no, 5 and 10 apart: p_o = 35/50 = 0.7; p_e = (25*30 + 25*20)/2500 = 0.5; kappa = 0.4."""
    first = ["y"] * 20 + ["y"] * 5 + ["n"] * 10 + ["n"] * 15
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert raw_agreement(first, second) == 0.7
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_fleiss_kappa_by_hand():
    """Three judges, items aab, aaa, bbb, abb: P = (1/3 + 1 + 1 + 1/3) / 4 = 2/3; shares 1/2 each, so P_e = 1/2; kappa = 1/3."""
    assert fleiss_kappa(["aab", "aaa", "bbb", "abb"]) == pytest.approx(1 / 3)


def test_where_there_is_nothing_to_compare_there_is_no_kappa():
    assert raw_agreement([], []) is cohen_kappa([], []) is fleiss_kappa([]) is None
    assert cohen_kappa("yy", "yy") is fleiss_kappa(["yy", "yy"]) is fleiss_kappa(["y", "n"]) is None


@given(LABELS, LABELS)
def test_kappa_is_symmetric_at_most_one_and_one_with_oneself(first: list[str], second: list[str]):
    n = min(len(first), len(second))
    one, other = first[:n], second[:n]
    assert cohen_kappa(one, other) == pytest.approx(cohen_kappa(other, one))
    assert (cohen_kappa(one, other) or 0) <= 1
    assert cohen_kappa(one, one) in (1, None)
