"""Probes on the page: response types by words beside a threshold, and what was forgotten."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome, open_artifact
from factcli.judge.metrics import Metric
from factcli.judge.typed_answers import FittedThreshold, RiskAtCoverage, TypedAnswer, TypeShare, describe, figures, risk_coverage, shares
from factcli.stages import report
from tests.judge.test_typed_answers import ANSWERS
from tests.stages.report_chain import Chain, commit, make_chain
from tests.stages.test_report import Outline, draw
from tests.stages.test_report_benchmarks import Choosing


def probe(chain: Chain, stage: str, name: str, rows: dict[str, Sequence[Any]], types: dict[str, type], summary: dict[str, Any]) -> Artifact:
    inputs = {"world": chain.world, "model": open_artifact("prereq-tune", chain.root)}
    return commit(chain.root, f"eval {stage}", "eval", name, Choosing(), inputs, rows, types, Outcome(f"{name} in a line", summary))


def response_types(chain: Chain) -> Artifact:
    """Four answers: certain and right, certain and wrong, unsure and right, unknown; the base has the first and third right."""
    rows = {
        "answers": ANSWERS, "types": list(shares(ANSWERS)), "risk_coverage": risk_coverage(ANSWERS), "metrics": figures(ANSWERS),
        "thresholds": [describe("certain", 0.85, "precision", 0.8, ANSWERS)],
    }  # fmt: skip
    types = {"answers": TypedAnswer, "types": TypeShare, "risk_coverage": RiskAtCoverage, "metrics": Metric, "thresholds": FittedThreshold}
    return probe(chain, "response-types", "types", rows, types, {"model": "prereq-tune", "threshold_model": "sft-real"})


def forgetting(chain: Chain) -> Artifact:
    metrics = [Metric("forgetting.kept", "all", 0.75, 0.5, 0.9, 8, 8), Metric("forgetting.gained", "all", 0.25, 0.1, 0.4, 4, 4)]
    return probe(chain, "forgetting", "forgetting", {"metrics": metrics}, {"metrics": Metric}, {"model": "prereq-tune", "before": "base"})


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("probes") / "data")


@pytest.fixture(scope="module")
def outline(chain: Chain) -> Outline:
    return Outline(draw([*chain.evals, response_types(chain), forgetting(chain)], chain.root))


def test_types_by_words_stand_by_what_the_base_knows(outline: Outline) -> None:
    """Of two that the base has right one is certain and one unsure; of two that it has wrong one is certain and one unknown."""
    rows = outline.table("Types by words of prereq-tune.")
    assert [head.partition(" n = ")[0] for head in rows["The base"]] == ["certain", "right when certain", "unsure", "right when unsure", "unknown"]
    assert [cell.split()[0] for cell in rows["has it right"]] == ["50.0%", "100.0%", "50.0%", "100.0%", "0.0%"]
    assert [cell.split()[0] for cell in rows["has it wrong"]] == ["50.0%", "0.0%", "0.0%", "–", "50.0%"]


def test_both_risk_curves_and_their_difference_stand_as_numbers(outline: Outline) -> None:
    """All four answered: the refusal and one other are wrong, by words and by probability alike."""
    rows = outline.table("The curves as numbers")
    assert [cell.split()[0] for cell in rows["100% answered"]] == ["50.0%", "50.0%", "○"]
    drawn = [values.get("aria-label", "") for tag, values in outline.tags if tag == "svg"]
    assert any(told.startswith("Risk by coverage. words of prereq-tune from") for told in drawn)


def test_what_was_forgotten_stands_by_pair_of_models(outline: Outline) -> None:
    assert [cell.split()[0] for cell in outline.table("Over all questions.")["prereq-tune after base"]] == ["75.0%", "25.0%"]


def test_probes_join_the_newest_evaluations_and_are_no_page_alone(chain: Chain, tmp_path: Path) -> None:
    probes = [forgetting(chain), response_types(chain)]
    chosen = report.newest_of_each([*probes, chain.tuned, chain.real, chain.base])
    assert {one.name for one in probes} < {one.name for one in chosen}
    with pytest.raises(report.InputError, match="nothing to report"):
        report.plan(report.ReportConfig(), probes, chain.root, None)
