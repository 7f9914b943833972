"""What is asked of a run between its steps: a checkpoint, or a checkpoint and its end."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from factcli.train.asking import REQUEST, Asked, Interrupted, Wish, listening
from factcli.train.checkpoint import Checkpoints, Snapshot
from factcli.train.loop import Progress, run_steps


@dataclass
class Counting:
    """A stage of ten steps; before some of them something happens to its process."""

    happens: dict[int, object] = field(default_factory=dict)
    total: int = 10
    is_done: bool = False

    def advance(self, step: int) -> Progress:
        what = self.happens.get(step)
        if isinstance(what, Path):
            what.touch()
        elif isinstance(what, signal.Signals):
            os.kill(os.getpid(), what)
        return Progress(0.5, 1, ())

    def snapshot(self) -> Snapshot:
        return Snapshot({"x": torch.zeros(1)}, {})


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", "a", 1e9, tmp_path / "log.jsonl")


def saved(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.glob("*"))


def test_sigusr1_asks_for_a_checkpoint_and_the_run_goes_on(checkpoints: Checkpoints) -> None:
    run_steps(Counting({3: signal.SIGUSR1}), 0, checkpoints, lambda _event: None)
    assert saved(checkpoints) == ["step-00000004"]


def test_a_file_asks_for_one_checkpoint_and_is_taken_away(checkpoints: Checkpoints, tmp_path: Path) -> None:
    stage = Counting({3: tmp_path / REQUEST})
    run_steps(stage, 0, checkpoints, lambda _event: None)
    assert saved(checkpoints) == ["step-00000004"]
    assert not (tmp_path / REQUEST).exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_wins_over_a_checkpoint(number: signal.Signals, checkpoints: Checkpoints, tmp_path: Path) -> None:
    (tmp_path / REQUEST).touch()
    with pytest.raises(Interrupted, match="after step 1 of 10"):
        run_steps(Counting({0: number}), 0, checkpoints, lambda _event: None)
    assert saved(checkpoints) == ["step-00000001"]


def test_nothing_is_asked_twice_and_handlers_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with listening(tmp_path) as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert [asked.wish(), asked.wish(), asked.wish(is_due=True)] == [Wish.SAVE, Wish.NOTHING, Wish.SAVE]
    assert signal.getsignal(signal.SIGUSR1) == before
    assert Asked().wish() == Wish.NOTHING
