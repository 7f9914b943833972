"""A sweep on the page: its table where a model that it chose is shown, and by itself."""

from dataclasses import replace

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.stages import report
from factcli.stages.sweep.settings import TABLES, SweepConfig
from factcli.sweeprows import SweepCell
from tests.stages.report_chain import Chain, commit, make_chain
from tests.stages.test_report import Outline, draw

CHOSEN = SweepCell(
    "lr=0.001", ("lr=0.001",), (), ("prereq-tune@1",), ("eval-prereq-tune@1",), "qa.accuracy", 0.75, 0.4, 0.9, (0.75,), 8, 4,
    None, None, None, None, None, None, True, False, True, 15.0, "",
)  # fmt: skip
OTHER = replace(
    CHOSEN, id="lr=0.1", models=("sft-real@1",), value=0.5, difference=-0.25, difference_low=-0.5, difference_high=0.1, p_value=0.5, p_holm=0.5,
    is_best=False, is_chosen=False,
)  # fmt: skip
FAILED = replace(OTHER, id="lr=9", value=None, low=None, high=None, difference=None, p_value=None, p_holm=None, failed="fact sft ended with 5: no number")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("swept") / "data")


@pytest.fixture(scope="module")
def sweep(chain: Chain) -> Artifact:
    summary = {"models": ["prereq-tune@1"], "evaluations": ["eval-prereq-tune@1"], "notes": ["another draw may take another"]}
    rows = {"cells": [OTHER, FAILED, CHOSEN]}
    return commit(chain.root, "sweep", "sweep", "sweep-sft", SweepConfig(), {"cell1": chain.tuned}, rows, TABLES, Outcome("lr=0.001 of 3 cells", summary))


def test_the_cells_of_a_sweep_stand_on_the_page_the_best_first_and_failed_ones_with_their_reason(chain: Chain, sweep: Artifact) -> None:
    outline = Outline(draw([*chain.evals, sweep], chain.root))
    rows = outline.table("Every cell of the grid, by qa.accuracy")
    assert list(rows)[1:] == ["lr=0.001", "lr=0.1", "lr=9"]
    assert rows["lr=0.001"][0].startswith("75.0%")
    assert rows["lr=0.001"][3] == "chosen, best"
    assert rows["lr=0.1"][1].startswith("○ \N{MINUS SIGN}25.0")
    assert rows["lr=0.1"][2] == "0.500"
    assert rows["lr=9"][3] == "fact sft ended with 5: no number"


def test_a_page_takes_the_sweeps_that_chose_a_model_on_it(chain: Chain, sweep: Artifact) -> None:
    assert report.choosing([sweep], chain.evals) == [sweep]
    assert report.choosing([sweep], [chain.base, chain.real]) == []


def test_a_sweep_alone_shows_the_cell_that_it_chose(chain: Chain, sweep: Artifact) -> None:
    plan = report.plan(report.ReportConfig(), [sweep], chain.root, None)
    assert set(plan.inputs) == {"eval-prereq-tune", "eval-base", "sweep-sft"}
