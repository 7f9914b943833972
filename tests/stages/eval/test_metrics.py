"""Figures of a benchmark small enough to count by hand."""

import json
from dataclasses import asdict

import pytest

from factcli.errors import InputError
from factcli.judge.compare import (
    Results,
    difference_metrics,
    equal_claims_difference,
    retention_metrics,
    right_facts,
)
from factcli.judge.ledger import UNREAD
from factcli.judge.metrics import Metric, biography_metrics, groups_of, question_metrics
from factcli.rows import Answer, Claim


def graded(subject: str, group: str, grade: str, number: int = 0, confidence: float = 0.5) -> Answer:
    id_ = f"{subject}.award.q{number}"
    return Answer(f"{id_}.a0", id_, "qa", subject, group, "?", "x", confidence, grade == "abstained", grade, grade == "right")  # type: ignore[arg-type]  # a test's literals


def told(subject: str, group: str, text: str = "x" * 100) -> Answer:
    return Answer(f"{subject}.bio.a0", f"{subject}.bio", "bio", subject, group, "?", text, 0.5, False, None, None)


def claim(subject: str, group: str, relation: str, verdict: str, confidence: float = 0.5, reason: str = "", length: int = 10) -> Claim:
    id_ = f"{subject}.bio.a0.{relation}{verdict}{confidence}"
    return Claim(id_, f"{subject}.bio.a0", subject, group, relation, "v", "", 0, length, confidence, verdict, reason, "")  # type: ignore[arg-type]  # a test's literals


def found(rows: list[Metric], metric: str, group: str = "all") -> Metric:
    (one,) = [row for row in rows if (row.metric, row.group) == (metric, group)]
    return one


ANSWERS = [
    graded("a", "head", "right", 0, 0.9),
    graded("a", "head", "right", 1, 0.8),
    graded("b", "head", "wrong", 0, 0.1),
    graded("b", "head", "abstained", 1),
    graded("c", "unseen", "wrong", 0, 0.2),
]
BIOS = [told("a", "head"), told("b", "head"), told("c", "unseen")]
CLAIMS = [
    claim("a", "head", "award", "supported", 0.9),
    claim("a", "head", "college", "unsupported", 0.3),
    claim("b", "head", "award", "supported", 0.8),
    claim("b", "head", "award", "irrelevant", 0.8, "repeated"),
    claim("b", "head", "", "unscored", 0.5, UNREAD, length=30),
    claim("b", "head", "birthplace", "unscored", 0.5, "no entry"),
]


def test_accuracy_is_of_all_questions_and_abstentions_are_counted():
    rows = question_metrics(ANSWERS)
    assert found(rows, "qa.accuracy").value == 2 / 5
    assert found(rows, "qa.accuracy", "head").value == 2 / 4
    assert found(rows, "qa.accuracy", "seen").value == 2 / 4
    assert found(rows, "qa.abstention").value == 1 / 5
    assert found(rows, "qa.accuracy_of_given").value == 2 / 4
    assert (found(rows, "qa.accuracy").n_items, found(rows, "qa.accuracy").n_subjects) == (5, 3)


def test_rankings_leave_abstentions_out():
    # right 0.9 and 0.8, wrong 0.1 and 0.2: perfectly ranked; half coverage keeps the two right ones
    rows = question_metrics(ANSWERS)
    assert found(rows, "qa.auroc").value == 1
    assert (found(rows, "qa.share_correct_at_half_coverage").value, found(rows, "qa.auroc").n_items) == (1, 4)


def test_questions_in_heldout_forms_have_rows_of_their_own():
    rows = question_metrics(ANSWERS, frozenset({"a.award.q0", "b.award.q0"}))
    assert found(rows, "qa.accuracy", "heldout forms").value == 1 / 2
    assert found(rows, "qa.accuracy", "trained forms").value == 1 / 3


def test_groups_go_from_well_known_to_unknown_and_seen_leaves_out_the_unseen():
    answers = [graded("a", group, "right") for group in ("unseen", "tail", "head")]
    assert list(groups_of(answers)) == ["all", "seen", "head", "tail", "unseen"]
    assert groups_of(answers)["seen"] == {"head", "tail"}
    assert "seen" not in groups_of(answers[2:])


def test_biographies_show_claims_share_and_number_correct_together():
    rows = biography_metrics(BIOS, CLAIMS)
    assert found(rows, "bio.claims_per_answer").value == 3 / 3  # two of a, one of b, none of c
    assert found(rows, "bio.share_correct").value == 2 / 3
    assert found(rows, "bio.number_correct").value == 2 / 3
    assert found(rows, "bio.claims_per_answer", "unseen").value == 0
    assert found(rows, "bio.share_correct", "unseen").value is None
    assert found(rows, "bio.repeated_per_answer").value == 1 / 3


def test_what_could_not_be_judged_is_counted_and_bounds_the_share():
    rows = biography_metrics(BIOS, CLAIMS)
    assert found(rows, "bio.unread_share").value == 30 / 300
    assert found(rows, "bio.unscored_share").value == 1 / 4
    bounds = found(rows, "bio.share_correct_bounds")  # of four read claims two are right, one is open
    assert (bounds.low, bounds.high) == (2 / 4, 3 / 4)


def test_the_curve_keeps_the_surest_claims_of_each_answer():
    rows = biography_metrics(BIOS, CLAIMS)
    assert found(rows, "bio.share_correct_of_1").value == 1
    assert found(rows, "bio.share_correct_of_2").value == 2 / 3


def test_no_answers_give_no_figures_but_no_nan_either():
    assert all(row.value is None for row in question_metrics([]) + biography_metrics([], []))


def test_retention_is_of_what_the_base_had_right_and_extraction_of_what_it_had_wrong():
    base = [graded("a", "head", "right"), graded("b", "head", "right"), graded("c", "head", "wrong"), graded("d", "head", "abstained")]
    model = [graded("a", "head", "right"), graded("b", "head", "wrong"), graded("c", "head", "right"), graded("d", "head", "wrong")]
    rows = retention_metrics(Results(base, [], []), Results(model, [], []), [])
    assert (found(rows, "qa.retention").value, found(rows, "qa.retention").n_items) == (1 / 2, 2)
    assert (found(rows, "qa.extraction").value, found(rows, "qa.extraction").n_items) == (1 / 2, 2)


def test_biographies_retain_facts():
    facts = [("a", "award"), ("a", "college"), ("b", "award")]
    base = Results([], BIOS[:2], [claim("a", "head", "award", "supported"), claim("a", "head", "college", "supported")])
    model = Results([], BIOS[:2], [claim("a", "head", "award", "supported"), claim("b", "head", "award", "supported")])
    rows = retention_metrics(base, model, facts)
    assert (found(rows, "bio.retention").value, found(rows, "bio.extraction").value) == (1 / 2, 1)


def test_a_fact_told_right_and_wrong_is_not_right():
    both = [claim("a", "head", "award", "supported"), claim("a", "head", "award", "unsupported")]
    assert right_facts(both, [("a", "award")]) == {("a", "award"): False}


def test_models_asked_different_questions_are_not_compared():
    one, two = Results(ANSWERS, [], []), Results(ANSWERS[:-1], [], [])
    with pytest.raises(InputError, match="1 of 5 items were asked of only one model"):
        retention_metrics(one, two, [])


def test_a_model_differs_from_itself_by_nothing_in_every_figure():
    own = Results(ANSWERS, BIOS, CLAIMS)
    rows = difference_metrics(own, own, own)
    assert {row.metric for row in rows} == {
        "qa.accuracy_difference",
        "qa.retention_difference",
        "bio.share_correct_difference",
        "bio.number_correct_difference",
        "bio.share_correct_at_equal_claims_difference",
    }
    assert {row.value for row in rows} <= {0, None}
    assert {row.value for row in rows if row.group == "head"} == {0}


def test_at_equal_claims_a_model_that_says_more_is_cut_to_its_surest():
    # the model's surest claim is right, its second wrong; the other says one claim, wrong: 1/1 - 0/1
    model = [claim("a", "head", "award", "supported", 0.9), claim("a", "head", "college", "unsupported", 0.2)]
    other = [claim("b", "head", "award", "unsupported", 0.9)]
    assert equal_claims_difference(Results([], BIOS, model), Results([], BIOS, other)).value == 1


def test_every_figure_is_plain_json_without_nan():
    own = Results(ANSWERS, BIOS, CLAIMS)
    rows = question_metrics(ANSWERS) + biography_metrics(BIOS, CLAIMS) + difference_metrics(own, own, own)
    json.dumps([asdict(row) for row in rows], allow_nan=False)
