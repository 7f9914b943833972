"""A disk that is full for a while costs the checkpoints of that while: the run goes on, and every row is in its log once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from factcli.errors import DivergedError
from factcli.train.checkpoint import Checkpoints
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim
from factcli.train.knowledge import KnowledgeStage, run_knowledge
from factcli.train.loop import Meter, Progress, run_steps
from factcli.train.preference.run import run_preference
from factcli.train.rowlog import RowLog, rows_of
from tests.artifact.processes import disk_of
from tests.train.conftest import WriteRows, documents, killed_at
from tests.train.preference.conftest import EACH_STEP, job_of, pair_rows, quiet, run_until_killed, trained
from tests.train.test_asking import Counting
from tests.train.test_processes import weights_in


@contextmanager
def full_at(steps: range, log: Path) -> Iterator[None]:
    """Inside, at the end of some steps, when checkpoints are written, a log has room for ten bytes more; longer files have none."""
    tick = Meter.tick
    with ExitStack() as full, pytest.MonkeyPatch.context() as patch:

        def ticking(meter: Meter, step: int, progress: Progress) -> None:
            tick(meter, step, progress)
            full.close()
            if step in steps:
                full.enter_context(disk_of(log.stat().st_size + 10))

        patch.setattr(Meter, "tick", ticking)
        yield


@pytest.fixture
def knowledge(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    """Two adapters, eight steps of each, a checkpoint after each."""
    plans = tuple(AdapterPlan(f"v{v}", write_rows(f"v{v}.jsonl", documents(4, v)), steps=8) for v in (1, 2))
    machine = Machine(device="cpu", threads=1, checkpoint_every_s=0.0)
    return KnowledgeJob(base, str(tmp_path / "whole"), plans, 5, Lora(4, 8, 0.1), Optim(lr=1e-2), machine, batch_rows=4, max_length=48)


def learned(job: KnowledgeJob) -> dict[str, Tensor]:
    run_knowledge(job, quiet)
    return weights_in(Path(job.out))


def test_adapters_are_trained_to_the_end_and_no_step_is_logged_twice(knowledge: KnowledgeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = learned(knowledge)
    job = replace(knowledge, out=str(tmp_path / "full"))
    with full_at(range(3, 5), tmp_path / "full/log.jsonl"):
        again = learned(job)
    assert [line.split(":")[0] for line in caplog.messages if "checkpoint" in line] == ["no checkpoint at step 3", "no checkpoint at step 4"]
    assert all(torch.equal(tensor, again[key]) for key, tensor in whole.items())
    assert (tmp_path / "full/log.jsonl").read_text() == (tmp_path / "whole/log.jsonl").read_text()
    assert [row["step"] for row in rows_of(tmp_path / "full/log.jsonl")] == [step for step in range(1, 9) for _ in job.adapters]


@pytest.mark.parametrize("kill_at", [4, 6])
def test_a_run_killed_on_a_full_disk_goes_on_to_the_same_bits(kill_at: int, knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the checkpoint before the disk was full, and from one after it."""
    whole = learned(knowledge)
    job = replace(knowledge, out=str(tmp_path / "killed"))
    with full_at(range(3, 5), tmp_path / "killed/log.jsonl"):
        killed_at(kill_at, KnowledgeStage, lambda: run_knowledge(job, quiet), monkeypatch)
    assert [path.name for path in (tmp_path / "killed/checkpoints").iterdir()] == [f"step-{2 if kill_at == 4 else 6:08d}"]
    again = learned(job)
    assert all(torch.equal(tensor, again[key]) for key, tensor in whole.items())
    assert (tmp_path / "killed/log.jsonl").read_text() == (tmp_path / "whole/log.jsonl").read_text()


@pytest.mark.parametrize("log", ["log.jsonl", "steps.jsonl"])
def test_preferences_are_learned_to_the_end(log: str, base: str, write_rows: WriteRows, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also where the run is killed after the disk had room again; with rows of evaluations and samples in the logs."""
    rows = write_rows("pairs.jsonl", pair_rows(12, n_dev=4))
    job = job_of(base, rows, tmp_path / "whole", machine=EACH_STEP, eval_every_pairs=8, sample_prompts=1, sample_max_tokens=2)
    whole = trained(job)
    for name in ("full", "killed"):
        with full_at(range(2, 4), tmp_path / name / log):
            if name == "killed":
                run_until_killed(replace(job, out=str(tmp_path / name)), 4)
            run_preference(replace(job, out=str(tmp_path / name)), quiet)
        again = trained(replace(job, out=str(tmp_path / name)))
        assert all(torch.equal(tensor, again[key]) for key, tensor in whole.items())
        for rows_file in ("steps.jsonl", "samples.jsonl", "log.jsonl"):
            assert (tmp_path / name / rows_file).read_text() == (tmp_path / "whole" / rows_file).read_text()
    assert "no checkpoint at step 2" in caplog.text


def test_rows_that_do_not_fit_are_written_later_and_whole(tmp_path: Path) -> None:
    rows = RowLog(tmp_path / "log.jsonl", is_writer=True)
    rows.cut(-1)
    rows.add({"step": 1})
    rows.flush()
    rows.add({"step": 2})
    with disk_of(20), pytest.raises(OSError, match="too large"):
        rows.flush()
    assert rows.path.read_text() == '{"step": 1}\n'
    rows.flush()
    assert rows.path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_a_line_that_a_kill_left_torn_is_left_out_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert rows_of(path) == [{"step": 1}, {"step": 2}]
    RowLog(path, is_writer=True).cut(3)
    assert path.read_text() == '{"step": 1}\n{"step": 2}\n'
    assert caplog.messages == [f"line 3 of {path} is torn: it is left out, with all behind it"] * 2


class Apart(Counting):
    def advance(self, _step: int) -> Progress:
        raise DivergedError("the loss is nan")


def test_a_full_disk_does_not_hide_why_a_run_came_apart(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a", 1e9, tmp_path / "log.jsonl")
    checkpoints.log([{"step": 1}])
    with disk_of(5), pytest.raises(DivergedError, match="the loss is nan"):
        run_steps(Apart(), 0, checkpoints, quiet)
