"""Calibration: errors derived by hand, and nothing is measured that cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.calibration import NO_PROBABILITY, NOTHING, ONE_KIND, Judged, calibration_of, mass_edges


def judged(*pairs: tuple[float | None, float | None]) -> list[Judged]:
    return [Judged(f"a{n}", f"q{n}", score, truth) for n, (score, truth) in enumerate(pairs)]


def test_ece_is_the_weighted_gap_between_score_and_truth() -> None:
    """Two bins of equal width. [0, .5): 0.2 wrong, 0.4 right: |0.3 - 0.5| = 0.2. [.5, 1]: 0.6 right, 0.9 right, 1.0 wrong: |2.5/3 - 2/3| = 1/6.
    ECE = (2 * 0.2 + 3 / 6) / 5 = 0.18.
    """
    found = calibration_of("selfcheck", "answer", "all", judged((0.2, 0), (0.4, 1), (0.6, 1), (0.9, 1), (1.0, 0)), n_bins=2)
    assert found.row.ece_width == pytest.approx(0.18)
    bins = [bin for bin in found.bins if bin.scale == "width"]
    assert [(bin.low, bin.high, bin.n) for bin in bins] == [(0.0, 0.5, 2), (0.5, 1.0, 3)]
    assert bins[1].mean_score == pytest.approx(2.5 / 3)
    assert bins[1].share_right == pytest.approx(2 / 3)


def test_bins_of_equal_mass_hold_equal_numbers() -> None:
    """0.1 right, 0.2 wrong | 0.8 right, 0.9 right: |0.15 - 0.5| = 0.35 and |0.85 - 1| = 0.15: mean 0.25. By width in two the same here."""
    found = calibration_of("selfcheck", "answer", "all", judged((0.1, 1), (0.2, 0), (0.8, 1), (0.9, 1)), n_bins=2)
    assert found.row.ece_mass == pytest.approx(0.25)
    assert [bin.n for bin in found.bins if bin.scale == "mass"] == [2, 2]


def test_equal_scores_fall_into_one_bin() -> None:
    assert mass_edges([0.0] * 5, 10) == [0.0, 1.0]
    assert mass_edges([0.9, 0.9, 1.0, 1.0], 2) == [0.0, 1.0, 1.0]  # the ones alone are the last bin
    found = calibration_of("s", "answer", "all", judged((0.9, 1), (0.9, 0), (1.0, 1), (1.0, 1)), n_bins=2)
    assert [(bin.n, bin.share_right) for bin in found.bins if bin.scale == "mass"] == [(2, 0.5), (2, 1.0)]


def test_auroc_ranks_right_above_wrong_and_ties_count_half() -> None:
    """Right 0.9, 0.5; wrong 0.5, 0.1: pairs 1, 1, 0.5, 1 of 4 = 0.875."""
    found = calibration_of("s", "answer", "all", judged((0.9, 1), (0.5, 1), (0.5, 0), (0.1, 0))).row
    assert found.auroc == pytest.approx(0.875)
    assert (found.n, found.n_right, found.n_left_out) == (4, 2, 0)


def test_what_has_no_score_or_no_truth_is_left_out_and_counted() -> None:
    found = calibration_of("s", "answer", "all", judged((0.9, 1), (None, 1), (0.3, None), (0.1, 0))).row
    assert (found.n, found.n_left_out, found.auroc) == (2, 2, 1.0)


def test_a_score_that_is_no_probability_has_no_calibration_error_but_an_auroc() -> None:
    found = calibration_of("neg_semantic_entropy", "prompt", "all", judged((-0.1, 1), (-1.2, 0)))
    assert (found.row.auroc, found.row.ece_width, found.row.ece_mass, found.bins) == (1.0, None, None, ())
    assert found.row.reason == NO_PROBABILITY


def test_nothing_to_measure_says_why() -> None:
    assert calibration_of("s", "answer", "all", judged((None, 1))).row.reason == NOTHING
    one_kind = calibration_of("s", "answer", "all", judged((0.2, 1), (0.3, 1))).row
    assert (one_kind.auroc, one_kind.reason) == (None, ONE_KIND)
    assert one_kind.ece_width == pytest.approx(0.75)  # |0.25 - 1| on average


def test_a_share_of_true_claims_counts_as_right_from_one_half() -> None:
    found = calibration_of("s", "answer", "all", judged((0.9, 0.5), (0.1, 0.49))).row
    assert (found.n_right, found.auroc, found.correlation) == (1, 1.0, pytest.approx(1.0))


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1, max_size=40), st.integers(1, 12))
def test_every_item_is_in_one_bin_of_each_scale_and_the_error_is_a_share(pairs: list[tuple[float, float]], n_bins: int) -> None:
    found = calibration_of("s", "answer", "all", judged(*pairs), n_bins, draws=50)
    for scale, error in (("width", found.row.ece_width), ("mass", found.row.ece_mass)):
        assert sum(bin.n for bin in found.bins if bin.scale == scale) == len(pairs)
        assert 0 <= error <= 1
