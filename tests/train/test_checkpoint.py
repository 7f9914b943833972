"""Checkpoints: whole or skipped, and only of the same job."""

import logging
from pathlib import Path

import pytest
import torch

from factcli.train.checkpoint import Checkpoints, Snapshot


def checkpoints(tmp_path: Path, job: str = "a") -> Checkpoints:
    made = Checkpoints(tmp_path / "checkpoints", job, 0.0, tmp_path / "log.jsonl")
    made.resume()
    return made


def snapshot(value: float) -> Snapshot:
    return Snapshot({"x": torch.full((3,), value)}, {"note": value})


def test_the_newest_comes_back_and_older_ones_go(tmp_path: Path) -> None:
    writer = checkpoints(tmp_path)
    writer.save(9, snapshot(1.0))
    writer.save(10, snapshot(2.0))
    found = checkpoints(tmp_path).resume()
    assert found is not None
    assert (found.step, found.snapshot.facts["note"]) == (10, 2.0)
    assert torch.equal(found.snapshot.tensors["x"], torch.full((3,), 2.0))
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


@pytest.mark.parametrize("file", ["state.safetensors", "state.json"])
def test_a_torn_checkpoint_is_skipped_with_a_word(file: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints(tmp_path).save(5, snapshot(1.0))
    good = tmp_path / "checkpoints/step-00000005"
    torn = good.with_name("step-00000008")
    torn.mkdir()
    for path in good.iterdir():
        (torn / path.name).write_bytes(path.read_bytes())
    (torn / file).write_bytes((torn / file).read_bytes()[:-4])
    with caplog.at_level(logging.WARNING):
        found = checkpoints(tmp_path).resume()
    assert found is not None
    assert found.step == 5
    assert "step-00000008" in caplog.text


def test_a_checkpoint_of_another_job_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints(tmp_path).save(5, snapshot(1.0))
    assert checkpoints(tmp_path, "b").resume() is None
    assert "of another job" in caplog.text


def test_the_log_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    writer = checkpoints(tmp_path)
    for step in range(1, 5):
        writer.log([{"step": step}])
        if step == 2:
            writer.save(2, snapshot(0.0))
    writer.flush()  # written, but the run dies before its checkpoint
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 4
    again = checkpoints(tmp_path)
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'
    again.log([{"step": 3}])
    again.flush()
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3


def test_a_checkpoint_that_cannot_be_written_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = checkpoints(tmp_path)
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    writer.save(1, snapshot(1.0))
    assert "no checkpoint at step 1" in caplog.text


def test_the_seconds_of_a_resumed_run_count_from_the_first_start(tmp_path: Path) -> None:
    """7 s to the checkpoint; 2 s after it are lost with their steps; then 5 s from another start: 12 s, and 13 at the next resume."""
    first, second, third = ([0.0], [100.0], [50.0])
    run = Checkpoints(tmp_path / "checkpoints", "a", 0.0, tmp_path / "log.jsonl", clock=lambda: first[0])
    assert run.resume() is None
    first[0] = 7.0
    run.save(1, snapshot(1.0))
    first[0] = 9.0
    assert run.seconds == 9.0
    run = Checkpoints(tmp_path / "checkpoints", "a", 0.0, tmp_path / "log.jsonl", clock=lambda: second[0])
    second[0] = 105.0
    assert run.resume() is not None
    assert run.seconds == 12.0
    second[0] = 106.0
    run.save(2, snapshot(2.0))
    run = Checkpoints(tmp_path / "checkpoints", "a", 0.0, tmp_path / "log.jsonl", clock=lambda: third[0])
    assert run.resume() is not None
    assert run.seconds == 13.0


def test_a_checkpoint_is_not_due_before_its_time(tmp_path: Path) -> None:
    rare = Checkpoints(tmp_path / "checkpoints", "a", 1e9, tmp_path / "log.jsonl")
    assert not rare.is_due
    assert checkpoints(tmp_path).is_due
