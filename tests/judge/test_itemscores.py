"""Items of every measurement in one form: from the table where it is, else from answers and claims, else from scores."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.config import Config
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.itemscores import items_of
from factcli.rows import Answer, Claim
from factcli.scorerows import Score, ScoredAnswer
from tests.stages.report_chain import commit, make_chain

TABLES = {"answers": Answer, "claims": Claim, "items": ItemScore}


def answer(n: int, grade: str | None, is_strict: bool = False) -> Answer:
    task = "bio" if grade is None else "qa"
    return Answer(f"q{n}.a0", f"q{n}", task, f"p{n}", "head", "?", "x", 0.5 + n / 100, grade == "abstained", grade, is_strict)  # type: ignore[arg-type]


def claim(of: int, number: int, verdict: str) -> Claim:
    return Claim(f"q{of}.a0.c{number}", f"q{of}.a0", f"p{of}", "head", "award", "Opal", "Won.", 0, 4, 0.9, verdict, "", "")  # type: ignore[arg-type]


def evaluation(root: Path, **rows: list[Any]) -> Artifact:
    return commit(root, "eval old", "eval", "old", Config(), {}, rows, TABLES, Outcome("old"))


def test_answers_and_claims_of_an_evaluation_without_items_become_items(tmp_path: Path):
    """Right and strictly so 1, 1, 1; abstained 0, 0, 0; wrong 0, 0, -1; a biography of 2 true, 1 false and 1 unscored claim 2 of 3."""
    answers = [answer(0, "right", True), answer(1, "abstained"), answer(2, "wrong"), answer(3, None), answer(4, None)]
    claims = [claim(3, n, verdict) for n, verdict in enumerate(("supported", "supported", "unsupported", "unscored"))]
    items = items_of(evaluation(tmp_path, answers=answers, claims=claims))
    found = {(item.metric, item.id): (item.numerator, item.denominator) for item in items}
    assert [found["qa.accuracy", f"q{n}"] for n in range(3)] == [(1, 1), (0, 1), (0, 1)]
    assert [found["qa.strict_accuracy", f"q{n}"] for n in range(3)] == [(1, 1), (0, 1), (0, 1)]
    assert [found["qa.three_grades", f"q{n}"] for n in range(3)] == [(1, 1), (0, 1), (-1, 1)]
    assert (found["bio.share_correct", "q3"], found["bio.number_correct", "q3"]) == ((2, 3), (2, 1))
    assert (found["bio.share_correct", "q4"], found["bio.number_correct", "q4"]) == ((0, 0), (0, 1))
    first = items[0]
    assert (first.subject, first.group, first.confidence, first.is_abstention) == ("p0", "head", 0.5, False)
    assert [found["qa.wrong", f"q{n}"] for n in range(3)] == [(0, 1), (0, 1), (1, 1)]
    assert [found["qa.abstention", f"q{n}"] for n in range(3)] == [(0, 1), (1, 1), (0, 1)]
    assert [found["qa.accuracy_of_given", f"q{n}"] for n in range(3)] == [(1, 1), (0, 0), (0, 1)]
    assert [found["bio.claims_per_answer", f"q{n}"] for n in (3, 4)] == [(3, 1), (0, 1)]
    assert len(items) == 3 * 6 + 2 * 3  # without accepted spellings nothing is known of containment


def test_figures_that_evaluations_did_not_write_once_are_derived_from_their_answers(tmp_path: Path):
    """Stored: accuracy of q0 and of q1, to which no answer came. Opal stands in "the opals" to the letter, though that is graded wrong."""
    said = replace(answer(0, "wrong"), text="the opals", answers=("Opal",))
    stored = [ItemScore(id_, "qa.accuracy", f"p{id_}", "head", 0.0, float(id_ == "q0")) for id_ in ("q0", "q1")]
    items = items_of(evaluation(tmp_path, items=stored, answers=[said, answer(3, None)]))
    assert items[:2] == stored
    later = {(item.metric, item.id): (item.numerator, item.denominator) for item in items[2:]}
    assert later == {
        ("qa.strict_accuracy", "q0"): (0, 1), ("qa.three_grades", "q0"): (-1, 1), ("qa.containment", "q0"): (1, 1), ("qa.wrong", "q0"): (1, 1),
        ("qa.abstention", "q0"): (0, 1), ("qa.accuracy_of_given", "q0"): (0, 1),
    }  # fmt: skip


def test_a_table_of_items_is_read_as_it_is_and_answers_beside_it_are_not_counted_again(tmp_path: Path):
    item = ItemScore("q0", "truthfulqa.mc1", "law", "law", 1.0, 1.0)
    assert items_of(evaluation(tmp_path, items=[item], answers=[answer(0, "right")])) == [item]


def test_items_of_a_real_evaluation_give_its_own_figures(tmp_path: Path):
    chain = make_chain(tmp_path)
    metrics = {(row["metric"], row["group"]): row["value"] for row in _rows(chain.tuned)}
    for name in (
        "qa.accuracy",
        "qa.strict_accuracy",
        "qa.abstention",
        "qa.accuracy_of_given",
        "bio.share_correct",
        "bio.number_correct",
        "bio.claims_per_answer",
    ):
        own = [item for item in items_of(chain.tuned) if item.metric == name]
        assert sum(i.numerator for i in own) / sum(i.denominator for i in own) == pytest.approx(metrics[name, "all"])


def _rows(artifact: Artifact) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (artifact.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_scores_are_one_item_per_prompt_and_a_reference_counts_only_alone(tmp_path: Path):
    """Prompt a: samples 0.5 and 1, one without value, reference 0 left out -> 1.5 of 2; b: reference alone 0.25; c: by its prompt 0.75."""
    answers = [ScoredAnswer(f"a.s{n}", "a", "?", "Ada", "t", task="bio", number=n, abstention="own" if n == 2 else "") for n in range(3)]
    answers += [ScoredAnswer(f"{p}.ref", p, "?", p.upper(), "t", task="bio", number=-1, is_reference=True) for p in ("a", "b")]
    answers += [ScoredAnswer("c.s0", "c", "?", "", "t")]
    values = {"a.s0": 0.5, "a.s1": 1.0, "a.s2": None, "a.ref": 0.0, "b.ref": 0.25, "c": 0.75}
    scores = [Score(f"{of}.f1_at_k", of, of[0], "f1_at_k", value, "", 1) for of, value in values.items()]
    made = commit(
        tmp_path,
        "score test",
        "scores",
        "scores",
        Config(),
        {},
        {"answers": answers, "scores": scores},
        {"answers": ScoredAnswer, "scores": Score},
        Outcome("s"),
    )
    found = {item.id: (item.metric, item.subject, item.numerator, item.denominator, item.is_abstention) for item in items_of(made)}
    assert found["a"] == ("bio.f1_at_k", "Ada", 1.5, 2.0, False)
    assert found["b"] == ("bio.f1_at_k", "B", 0.25, 1.0, False)
    assert found["c"] == ("text.f1_at_k", "c", 0.75, 1.0, False)


def test_what_measured_nothing_is_refused_by_its_name(tmp_path: Path):
    chain = make_chain(tmp_path)
    with pytest.raises(InputError, match="world@1 has no measured items"):
        items_of(chain.world)
