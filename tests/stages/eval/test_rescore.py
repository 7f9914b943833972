"""Answers are graded anew without the model: by new gold, by a model; what changes and what finds no gold is listed and counted."""

from pathlib import Path

import pytest

from factcli.artifact import open_artifact
from factcli.judge.grading import grade_in
from factcli.judge.itemscores import items_of
from tests.stages.eval.test_short import KING, QUESTIONS, SCRIPT, asked, figures  # noqa: F401 - asked is a fixture
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

EVAL = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--backend", "scripted:s.jsonl")


def test_the_same_definition_grades_the_same_and_keeps_how_was_asked(asked: Path) -> None:  # noqa: F811
    first = made(*EVAL, "--set", "answer_tokens=77")
    second = made("eval", "rescore", "hotpotqa-scripted")
    assert second == Path("data/hotpotqa-scripted/v0002")
    for table in ("answers", "items", "metrics"):
        assert rows(second, table) == rows(first, table)
    old, new = manifest(first), manifest(second)
    assert new["stage"] == old["stage"] == "eval hotpotqa"
    assert {name: new["config"][name] for name in old["config"]} == old["config"]
    assert new["inputs"]["rescored"]["digest"] == old["digest"]
    assert (new["summary"]["model"], new["summary"]["rescored"], new["summary"]["changed"]) == ("scripted", "hotpotqa-scripted@1", 0)
    assert rows(second, "changes") == []


def test_new_gold_changes_grades_which_are_listed_and_answers_without_gold_are_counted(asked: Path) -> None:  # noqa: F811
    """The king is now Haakon (right -> wrong), the lake Garda (wrong -> right, to the word); of the nation nothing is said; one row is new."""
    made(*EVAL)
    lake = {**QUESTIONS[3], "_id": "other", "answer": "Garda"}  # another id and the same text
    jsonl(asked / "gold.jsonl", {**QUESTIONS[1], "answer": "Haakon"}, QUESTIONS[2], lake, {**QUESTIONS[0], "_id": "new", "question": "Which sea?"})
    version = made("eval", "rescore", "hotpotqa-scripted@1", "--file", "gold.jsonl")
    changes = {
        row["id"]: (row["before"], row["after"], row["was_strict_match"], row["is_strict_match"], row["answers_after"]) for row in rows(version, "changes")
    }
    assert changes == {
        "hotpotqa.b.a0": ("right", "wrong", False, False, ["Haakon"]),
        "hotpotqa.d.a0": ("wrong", "right", False, True, ["Garda"]),
    }
    assert rows(version, "changes")[0]["question"] == KING
    counts = manifest(version)["counts"]
    assert counts["changed"] == {"right -> wrong": 1, "wrong -> right": 1}
    assert counts["gold_without_answer"] == 1
    assert counts["rejected"] == {"rescore: no such question in the file": 1}
    assert [(row["id"], row["reason"]) for row in rows(version, "rejected")] == [("hotpotqa.a.a0", "no such question in the file")]
    assert figures(version)["qa.accuracy", "all"] == pytest.approx(1 / 3)  # of b, c and d
    ran = typed("eval", "rescore", "hotpotqa-scripted@1", "--file", "gold.jsonl", "--force")
    assert f"  right -> wrong: {KING} | Final answer: it was king Olaf" in ran.err.splitlines()


def test_questions_that_had_no_answer_still_have_none(asked: Path) -> None:  # noqa: F811
    jsonl(asked / "s.jsonl", *SCRIPT[:3])
    first = made(*EVAL, "--max-failed", 0.25)
    second = made("eval", "rescore", "hotpotqa-scripted")
    assert rows(second, "metrics") == rows(first, "metrics")
    assert sorted(map(str, items_of(open_artifact(second, Path("data"))))) == sorted(map(str, items_of(open_artifact(first, Path("data")))))
    assert manifest(second)["counts"]["failed"] == {"failed: no rule matches": 1}


def test_a_model_grades_what_no_spelling_foresees(asked: Path) -> None:  # noqa: F811
    """The grader finds the king wrong and the lake right; it is not asked of what declines; what it says of the nation is no grade."""
    made(*EVAL)
    jsonl(
        asked / "judge.jsonl",
        {"match": "one nation", "answer": "Correct and incorrect"},
        {"match": "king Olaf", "answer": "**Incorrect**."},
        {"match": "Garda", "answer": "correct, more or less"},
    )
    command = ("eval", "rescore", "hotpotqa-scripted@1", "--backend", "scripted:judge.jsonl")
    told(typed(*command), 6, "1 of 4 ended without a usable answer, more than the 2% allowed: 1 x invalid: no grade")
    version = made(*command, "--max-failed", 0.25)
    assert {row["question_id"]: row["grade"] for row in rows(version, "answers")} == {"hotpotqa.b": "wrong", "hotpotqa.c": "abstained", "hotpotqa.d": "right"}
    (bounds,) = [row for row in rows(version, "metrics") if row["metric"] == "qa.accuracy_bounds"]
    assert (bounds["low"], bounds["high"]) == (0.25, 0.5)  # 1 right of 4, and one that nobody graded
    assert manifest(version)["summary"]["graded_by"] == "scripted"
    assert {row["prompt"] for row in rows(version, "origins")} == {"eval/grade"}
    assert len(rows(version, "origins")) == 2


def test_answers_are_graded_by_a_model_right_after_they_are_there(asked: Path) -> None:  # noqa: F811
    """The same as asked first and rescored then; typed again, nothing is made anew."""
    jsonl(
        asked / "judge.jsonl",
        {"match": "one nation", "answer": "correct"},
        {"match": "king Olaf", "answer": "incorrect"},
        {"match": "Garda", "answer": "correct"},
    )
    judged = ("--judge", "scripted:judge.jsonl", "--max-failed", 0.5)
    dry = typed(*EVAL, *judged, "--dry-run")
    assert "would then be graded by scripted:judge.jsonl" in dry.err
    version = made(*EVAL, *judged)
    assert version == Path("data/hotpotqa-scripted/v0002")
    assert manifest(version)["summary"]["graded_by"] == "scripted"
    assert made(*EVAL, *judged) == version
    assert made("eval", "rescore", "hotpotqa-scripted@1", "--backend", "scripted:judge.jsonl", "--max-failed", 0.5) == version
    grades = {row["question_id"]: row["grade"] for row in rows(version, "answers")}
    assert (grades["hotpotqa.b"], grades["hotpotqa.d"]) == ("wrong", "right")


@pytest.mark.parametrize(
    ("said", "grade"),
    [
        ("correct", "right"),
        ("Incorrect.", "wrong"),
        ("`not_attempted`", "abstained"),
        ("Not attempted", "abstained"),
        ("Correct: it names him.", "right"),
        ("not correct", None),
        ("The answer is correct", None),
        ("correct or incorrect", None),
        ("CORRECTLY", None),
        ("", None),
        ("richtig", None),
    ],
)
def test_a_grade_is_a_word_at_the_beginning_and_no_other_beside_it(said: str, grade: str | None) -> None:
    assert grade_in(said) == grade


def test_what_cannot_be_rescored_is_refused(asked: Path) -> None:  # noqa: F811
    made(*EVAL)
    jsonl(asked / "gold.jsonl", {**QUESTIONS[0], "_id": "z", "question": "Which sea?"})
    told(typed("eval", "rescore", "hotpotqa-scripted", "--file", "gold.jsonl"), 3, "has no question that hotpotqa-scripted@1 was asked")
    told(typed("eval", "rescore", "hotpotqa-scripted", "--file", "none.jsonl"), 3, "there is no file none.jsonl")
    told(typed("eval", "rescore", "hotpotqa-scripted", "--set", "answer_tokens=3"), 2, "unknown setting 'answer_tokens'")
