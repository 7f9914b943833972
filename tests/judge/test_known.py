"""Known and unknown questions by strict thresholds, and thresholds by a stated criterion."""

import pytest

from factcli.consistencyrows import QuestionAgreement
from factcli.judge.known import kept_by_size, rule_of, threshold


def agreement(s_l: float | None = None, s_k: float | None = None, **more) -> QuestionAgreement:
    return QuestionAgreement("q", "train", s_l, s_k, has_document_samples=more.pop("read", s_l is not None), **more)


@pytest.mark.parametrize(
    ("s_l", "s_k", "type"),
    [(0.5, 0.8, "known"), (0.5, 0.8001, "unknown"), (0.5001, 0.9, "filtered"), (0.0, 0.0, "known"), (0.2, None, "unscored"), (None, 0.9, "unknown")],
)
def test_both_thresholds_are_strict_as_in_the_paper(s_l: float | None, s_k: float | None, type: str) -> None:
    """Kept at S_L = tau_L = 0.5, known at S_K = tau_K = 0.8; a question without samples of the document is not filtered by them."""
    assert rule_of(agreement(s_l, s_k), "selfcheck", 0.5, 0.8).type == type


def test_a_question_whose_samples_with_the_document_have_no_score_is_unscored_with_the_reason() -> None:
    ruling = rule_of(agreement(None, 0.9, read=True, reason="no reference: no answer"), "selfcheck", 0.5, 0.8)
    assert ruling == ("unscored", "with the document: no reference: no answer")
    assert rule_of(agreement(None, 0.9, read=True), "selfcheck", None, 0.8).type == "unknown"  # no filter, none needed


@pytest.mark.parametrize(("confidence", "type"), [(0.5, "known"), (0.499, "unknown"), (None, "unscored")])
def test_bsdetector_calls_below_half_unknown(confidence: float | None, type: str) -> None:
    assert rule_of(agreement(confidence=confidence), "bsdetector", None, None).type == type


@pytest.mark.parametrize(("n", "type"), [(1, "known"), (2, "unknown"), (None, "unscored")])
def test_more_than_one_cluster_is_unknown(n: int | None, type: str) -> None:
    assert rule_of(agreement(n_clusters=n), "clusters", None, None).type == type


SCORED = [(0.1, True), (0.2, True), (0.3, False), (0.4, True), (0.6, False), (0.8, False)]


def test_balanced_accuracy_chooses_the_best_split() -> None:
    """Half-way thresholds 0.15 .25 .35 .5 .7 and 0.8. At 0.25: 2/3 right below, 3/3 wrong above: 5/6. At 0.5: 3/3 and 2/3: 5/6. The lower one."""
    found = threshold("tau_k", SCORED, "balanced_accuracy", 0.9, "dev")
    assert found.value == pytest.approx(0.25)
    assert found.balanced_accuracy == pytest.approx(5 / 6)
    assert found.precision == 1.0
    assert (found.n, found.n_positive, found.split, found.chosen) == (6, 3, "dev", True)


def test_at_a_precision_as_much_as_possible_is_kept() -> None:
    """Share right at or below: .15 1/1, .25 2/2, .35 2/3, .5 3/4, .7 3/5, .8 3/6. At least 0.75: 0.5; at least 0.9: 0.25."""
    assert threshold("tau_k", SCORED, "precision", 0.75, "dev").value == pytest.approx(0.5)
    assert threshold("tau_k", SCORED, "precision", 0.9, "dev").value == pytest.approx(0.25)


def test_without_a_threshold_that_meets_it_nothing_is_called_known() -> None:
    found = threshold("tau_k", [(0.1, False), (0.2, True)], "precision", 0.9, "dev")
    assert found.value is None
    assert threshold("tau_k", [(0.1, True), (0.2, True)], "balanced_accuracy", 0.9, "dev").value is None  # one kind alone tells nothing
    assert threshold("tau_k", [], "precision", 0.9, "dev").value is None
    assert rule_of(agreement(s_k=0.1), "selfcheck", None, None) == ("unscored", "no threshold tau_k meets the criterion")


def test_equal_scores_are_never_parted() -> None:
    """Four at 0.5, three of them right: the only threshold is 0.5."""
    found = threshold("tau_k", [(0.5, True), (0.5, False), (0.5, True), (0.5, True)], "precision", 0.7, "dev")
    assert (found.value, found.precision) == (0.5, 0.75)


def test_filter_size_keeps_those_with_the_highest_s() -> None:
    """Half of four is two; of equals the first by id; at least one stays."""
    scores = [("d", 0.9), ("a", 0.6), ("c", 0.6), ("b", 0.7)]
    assert kept_by_size(scores, 0.5) == {"d", "b"}
    assert kept_by_size(scores, 0.75) == {"d", "b", "a"}
    assert kept_by_size(scores, 0.01) == {"d"}
    assert kept_by_size([], 0.5) == frozenset()
