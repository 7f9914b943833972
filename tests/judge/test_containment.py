"""Containment is the published rule to the letter, on a set that was graded by hand; what is mended of it shows beside."""

import json
from pathlib import Path
from typing import Any

import pytest

from factcli.judge.answers import grade_answer, is_contained

CHECKED = [json.loads(line) for line in (Path(__file__).parents[1] / "data/containment.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", CHECKED, ids=[f"{row['rule']}: {row['why']}" for row in CHECKED])
def test_containment_is_the_published_rule_and_the_grade_is_as_derived_by_hand(row: dict[str, Any]) -> None:
    assert is_contained(row["answer"], row["gold"], row["rule"]) is row["published"]
    assert grade_answer(row["answer"], row["gold"], row["rule"]) == (row["grade"], row["strict"])


def test_on_the_checked_set_the_published_accuracy_is_its_count() -> None:
    """31 of 50 by the published rule; by the mended grades 27 are right, 11 wrong and 12 abstained."""
    published = [is_contained(row["answer"], row["gold"], row["rule"]) for row in CHECKED]
    grades = [grade_answer(row["answer"], row["gold"], row["rule"]).grade for row in CHECKED]
    assert (len(CHECKED), sum(published)) == (50, 31)
    assert [grades.count(grade) for grade in ("right", "wrong", "abstained")] == [27, 11, 12]
