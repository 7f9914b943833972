"""Evaluations of the same questions stand in one table, however they were asked and graded."""

from dataclasses import replace
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.errors import InputError
from factcli.judge.metrics import question_metrics
from factcli.progress import PlainReport
from factcli.stages import report
from factcli.stages.eval.settings import SHORT_TABLES, PopqaEvalConfig
from tests.stages.report_chain import answers_of, make_chain, make_popqa_eval


def draw(chosen: list[Artifact], root: Path) -> str:
    plan = report.plan(report.ReportConfig(), chosen, root, None)
    page, _ = make(plan, lambda draft: report.work(plan, draft, root, PlainReport()), root)
    return page.file("report.html").read_text(encoding="utf-8")


def test_how_was_asked_and_graded_makes_no_other_questions(tmp_path: Path) -> None:
    """An evaluation made before definitions were recorded, one that names its own, and one graded anew stand in one table."""
    chain = make_chain(tmp_path / "data")
    said = answers_of(chain.ground, lambda _: True)
    base = make_popqa_eval(chain.root, "popqa-base", chain.world, said)
    plan = Plan("eval popqa", 1, "eval", "popqa-new", PopqaEvalConfig(), {"questions": chain.world, "world": chain.world}, SHORT_TABLES)

    def evaluation(name: str, prompts: dict[str, str]) -> Artifact:
        def work(draft: Draft) -> Outcome:
            draft.write("all", 0, {"answers": said, "metrics": question_metrics(said)})
            return Outcome(name, {"model": "base", "ask": "task"})

        return make(replace(plan, name=name, prompts=prompts), work, chain.root)[0]

    named = evaluation("popqa-named", {"benchmark popqa v1": "d"})
    anew = evaluation("popqa-anew", {"benchmark popqa v1": "d", "rescore": "1", "gold g.tsv": "e", "eval/grade": "f", "grader model": "m"})
    assert "popqa-anew" in draw([base, named, anew], chain.root)
    with pytest.raises(InputError, match="popqa-other@1 was asked other questions"):
        draw([base, evaluation("popqa-other", {"questions.tsv": "d"})], chain.root)
