"""Types by words and by thresholds, counted by hand."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.judge.typed_answers import TypedAnswer, TypeShare, describe, figures, fitted, ranked, risk_coverage, shares, type_by


def typed(subject: str, words: str, is_right: bool, confidence: float, base: bool = True, **more: Any) -> TypedAnswer:
    """The model and the one beside it are the same unless `more` says otherwise."""
    values = {"split": "test", "group": "head", "popularity": 100, "threshold": "unsure", "beside_is_right": is_right, "beside_is_refusal": words == "unknown"}
    values |= {"beside_confidence": confidence, **more}
    id_ = f"{subject}.award.q"
    return TypedAnswer(
        id=f"{id_}.t0", question_id=id_, subject=subject, question="?", text="x", words=words, is_right=is_right,  # type: ignore[arg-type]  # a test's literals
        confidence=confidence, beside_text="x", base_is_right=base, **values,
    )  # fmt: skip


ANSWERS = [
    typed("a", "certain", True, 0.9, base=True),
    typed("b", "certain", False, 0.8, base=False),
    typed("c", "unsure", True, 0.7, base=True, group="tail", popularity=10),
    typed("d", "unknown", False, 0.99, base=False, group="tail", popularity=0),
]


def test_the_threshold_is_the_lowest_at_which_the_share_right_reaches_the_target():
    # From above: right, right, wrong, right, wrong: precisions 1, 1, 2/3, 3/4, 3/5.
    dev = [(0.9, True), (0.8, True), (0.6, False), (0.5, True), (0.1, False)]
    assert fitted(dev, "precision", 0.75) == pytest.approx((0.5 + 0.1) / 2)
    assert fitted(dev, "precision", 0.9) == pytest.approx((0.8 + 0.6) / 2)
    assert fitted(dev, "precision", 0.6) == pytest.approx(0.1)
    assert fitted([(0.9, False), (0.5, True)], "precision", 0.9) is None
    assert fitted([], "precision", 0.5) is None


def test_a_threshold_for_coverage_leaves_that_share_above_it():
    dev = [(0.9, False), (0.7, False), (0.5, False), (0.3, False)]
    assert fitted(dev, "coverage", 0.5) == pytest.approx(0.6)
    assert fitted(dev, "coverage", 1.0) == 0.3


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.floats(0.05, 1))
def test_what_a_threshold_keeps_of_dev_has_the_precision_that_was_asked_for(dev: list[tuple[float, bool]], target: float) -> None:
    value = fitted(dev, "precision", target)
    kept = [right for confidence, right in dev if value is not None and confidence >= value]
    assert value is None or sum(kept) / len(kept) >= target - 1e-12


def test_a_refusal_is_unknown_however_probable_its_words_are():
    assert type_by(0.99, True, 0.5, 0.2) == "unknown"
    assert [type_by(confidence, False, 0.5, 0.2) for confidence in (0.5, 0.2, 0.1)] == ["certain", "unsure", "unknown"]
    assert type_by(0.9, False, None, None) == "unknown"


def test_a_threshold_is_described_on_the_split_that_it_was_not_fitted_on():
    dev = [typed("e", "certain", True, 0.9, split="dev"), typed("f", "certain", False, 0.2, split="dev")]
    found = describe("given", 0.5, "precision", 0.8, [*dev, *ANSWERS])
    assert (found.n_dev, found.dev_precision, found.dev_coverage) == (2, 1.0, 0.5)
    assert (found.test_precision, found.test_coverage) == (2 / 3, 3 / 4)  # of a, b, c two are right; d refuses


def by(rows: list[TypeShare], **wanted: str) -> TypeShare:
    (one,) = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return one


def test_types_are_counted_by_group_and_by_what_the_base_knows():
    rows = list(shares(ANSWERS))
    certain = by(rows, source="words", group="all", base_knows="all", type="certain")
    assert (certain.share, certain.n_of_type, certain.accuracy, certain.mean_log10_popularity) == (2 / 4, 2, 1 / 2, 2.0)
    unknown = by(rows, source="words", group="tail", base_knows="unknown", type="unknown")
    assert (unknown.share, unknown.accuracy, unknown.mean_log10_popularity) == (1.0, None, None)
    assert by(rows, source="words", group="all", base_knows="known", type="unknown").share == 0.0
    assert by(rows, source="threshold", group="all", base_knows="all", type="unsure").share == 1.0


def test_by_words_a_certain_answer_is_given_before_an_unsure_one_and_a_refusal_last():
    assert [(claim.subject, claim.confidence) for claim in ranked(ANSWERS, "words")] == [("a", 2), ("b", 2), ("c", 1), ("d", 0)]
    assert [claim.confidence for claim in ranked(ANSWERS, "threshold")] == [0.9, 0.8, 0.7, -1.0]


def test_both_curves_stand_in_one_table_with_their_paired_difference():
    rows = risk_coverage(ANSWERS)
    half = next(row for row in rows if row.coverage == 0.5)
    assert (half.words, half.threshold, half.difference) == (0.5, 0.5, 0.0)  # a and b either way
    quarter = next(row for row in rows if row.coverage == 0.3)
    # 1.2 questions: by words, of two that are half wrong, 1.2 x 1/2 / 1.2; by probability a, and a fifth of b: 0.2 / 1.2
    assert (quarter.words, quarter.threshold) == (pytest.approx(0.5), pytest.approx(1 / 6))
    assert [row.coverage for row in rows] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_words_that_follow_what_the_base_knows_are_told_from_words_that_do_not():
    def gap(answers: list[TypedAnswer]) -> float | None:
        return next(row.value for row in figures(answers) if row.metric == "responses.words.tells_unknown")

    assert gap(ANSWERS) == 1 / 2 - 0  # base wrong: b certain, d unknown; base right: a and c, neither unknown
    blind = [typed(f"s{n}", "unknown" if n % 2 else "certain", False, 0.5, base=n < 4) for n in range(8)]
    assert gap(blind) == 0


def test_every_row_is_plain_json_without_nan():
    rows = [*shares(ANSWERS), *risk_coverage(ANSWERS), *figures(ANSWERS), describe("certain", None, "precision", 0.8, ANSWERS)]
    json.dumps([asdict(row) for row in rows], allow_nan=False)
    assert (risk_coverage([]), figures([]), list(shares([]))) == ([], [], [])
