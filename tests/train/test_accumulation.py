"""Gradients that are added up over several passes: eight passes of one row equal one pass of eight."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factcli.train import session as sessions
from factcli.train.job import Lora, Machine, Optim, SkillJob
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats
from tests.train.test_processes import SAME, apart, log_of, quiet

MACHINE = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SkillJob:
    """Three steps of eight rows, in float64; answers of 4 to 20 characters."""
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())
    rows = write_rows("chats.jsonl", [*chats(7, 1, True), *chats(4, 1, True, "bio")])
    shape: dict[str, Any] = {"lora": Lora(4, 8, 0.0), "optim": Optim(lr=1e-2, warmup_share=0.0), "machine": MACHINE}
    return SkillJob(base, str(tmp_path / "whole"), rows, steps=3, batch_rows=8, seed=5, **shape)


def test_passes_of_one_row_equal_one_of_eight_whatever_their_lengths(job: SkillJob, tmp_path: Path) -> None:
    """The mean is over the tokens of the batch, not over the means of its passes."""
    run_skill(job, quiet)
    small = replace(job, out=str(tmp_path / "small"), machine=replace(MACHINE, micro_rows=1))
    run_skill(small, quiet)
    assert apart(Path(job.out), Path(small.out)) < SAME
    assert [row["loss"] for row in log_of(small.out)] == pytest.approx([row["loss"] for row in log_of(job.out)], rel=1e-6)


def test_eight_micro_batches_of_one_row_equal_one_of_eight_where_answers_are_equally_long(job: SkillJob, write_rows: WriteRows, tmp_path: Path) -> None:
    """The mean of their means is the mean over all tokens if each has as many."""
    rows = write_rows("equal.jsonl", [row | {"answer": "Lima"} for row in chats(11, 1, True)])
    whole = replace(job, rows=rows)
    run_skill(whole, quiet)
    small = replace(whole, out=str(tmp_path / "small"), batch_rows=1, micro_batches=8)
    run_skill(small, quiet)
    assert apart(Path(whole.out), Path(small.out)) < SAME
    assert [row["loss"] for row in log_of(small.out)] == pytest.approx([row["loss"] for row in log_of(whole.out)], rel=1e-6)
