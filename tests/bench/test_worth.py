"""Confidence beside truth, claim by claim: a world of one person, written by hand."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.config import Config
from factcli.rows import Fact, Question
from factcli.scorerows import AnswerClaim, ScoredAnswer, UnitConfidence
from factcli.stats.ranking import auroc
from tests.bench.worth import ranked, truths


class Nothing(Config):
    """Settings of data written by hand."""


def committed(root: Path, kind: str, tables: dict[str, list]) -> Artifact:
    plan = Plan(kind, 1, kind, kind, Nothing(), {}, {name: type(rows[0]) for name, rows in tables.items()})

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, tables)
        return Outcome("by hand")

    return make(plan, work, root)[0]


def a_world(root: Path) -> Artifact:
    facts = [Fact("w.p0.birthplace", "w.p0", "birthplace", "Vike"), Fact("w.p0.birth_year", "w.p0", "birth_year", "1926")]
    question = Question("w.p0.birthplace.q", "qa", "Where was Mira Osei born?", ("Vike",), "w.p0", "Mira Osei", "birthplace", "head", 9)
    return committed(root, "world", {"facts": facts, "questions": [question]})


def confidence(claim: str, value: float | None, same_as: str = "") -> UnitConfidence:
    return UnitConfidence(f"{claim}.conf", claim, claim.rpartition(".")[0], "", value, value, value, value, 20, 1, "", same_as)


def some_scores(root: Path) -> Artifact:
    """A biography with a true claim (0.9), a false one (0.4), one that cannot be read; a short answer, right (0.8), and once more (0.8)."""
    answers = [
        ScoredAnswer("w.p0.bio.s0", "w.p0.bio", "Write a biography of Mira Osei.", "Mira Osei", "...", subject="w.p0"),
        ScoredAnswer("w.p0.birthplace.q.s0", "w.p0.birthplace.q", "Where was Mira Osei born?", "", "Vike", task="qa", subject="w.p0"),
    ]
    texts = {
        "w.p0.bio.s0.c0": "This person was born in the city of Vike.",
        "w.p0.bio.s0.c1": "Mira Osei was born in the year 1927.",
        "w.p0.bio.s0.c2": "She liked tea.",
        "w.p0.birthplace.q.s0.c0": "Vike",
        "w.p0.birthplace.q.s0.c1": "in Vike",
    }
    claims = [AnswerClaim(id_, id_.rpartition(".")[0], text, 0, 0, 1, "world") for id_, text in texts.items()]
    values = zip(texts, [0.9, 0.4, 0.5, 0.8, 0.8], strict=True)
    confidences = [confidence(id_, value, "w.p0.birthplace.q.s0.c0" if id_.endswith("s0.c1") and "birthplace" in id_ else "") for id_, value in values]
    return committed(root, "scores", {"answers": answers, "claims": claims, "confidences": confidences})


def test_each_claim_that_can_be_read_is_true_or_false_by_the_ledger(tmp_path: Path) -> None:
    truth = truths(some_scores(tmp_path), a_world(tmp_path))
    assert truth == {"w.p0.bio.s0.c0": True, "w.p0.bio.s0.c1": False, "w.p0.birthplace.q.s0.c0": True, "w.p0.birthplace.q.s0.c1": True}


def test_confidence_is_ranked_beside_truth_and_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    """0.9 and 0.8 right, 0.4 wrong: every right one is above the wrong one."""
    scores = some_scores(tmp_path)
    found = ranked(scores, truths(scores, a_world(tmp_path)), "max_conf")
    assert [(claim.confidence, claim.is_correct) for claim in found] == [(0.9, True), (0.4, False), (0.8, True)]
    assert auroc(found, draws=10).value == pytest.approx(1.0)
