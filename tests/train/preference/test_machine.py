"""What a preference run takes of its machine: the switches of `compute`, and what it says where memory ends."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from factcli.errors import BackendError, SettingsError, TrainingError
from factcli.machine import Memory as Room
from factcli.train.estimate import of_preference, refuse
from factcli.train.job import Lora
from factcli.train.preference.feed import Piece
from factcli.train.preference.run import run_preference
from factcli.train.preference.trainer import PreferenceTrainer
from tests.train.preference.conftest import EACH_STEP, job_of, quiet, trained

ENDED = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 65536000000 bytes"


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_layers_computed_again_leave_the_same_bits(dropout: float, any_base: str, rows: str, tmp_path: Path) -> None:
    """PEFT's dropout is drawn from torch's own state, which the second computation must find as the first did."""
    job = job_of(any_base, rows, tmp_path / "kept", lora=Lora(r=4, alpha=8.0, dropout=dropout))
    kept = trained(job)
    again = trained(replace(job, out=str(tmp_path / "again"), machine=replace(job.machine, activation_checkpointing=True)))
    assert kept.keys() == again.keys()
    assert all(torch.equal(kept[key], again[key]) for key in kept)


def test_compiled_norms_leave_the_same_to_rounding(base: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler itself is not run here: what it is asked for is each norm of policy and reference."""
    compiled: list[str] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(type(self).__name__))
    trained(job_of(base, rows, tmp_path / "out", steps=1, machine=replace(EACH_STEP, compile=True)))
    assert set(compiled) == {"LlamaRMSNorm"}
    assert len(compiled) % 5 == 0  # two in each of two layers, and the last; of each model that was loaded


def test_what_a_switch_needs_is_refused_by_name(base: str, rows: str, tmp_path: Path) -> None:
    with pytest.raises((BackendError, SettingsError), match="liger"):
        run_preference(job_of(base, rows, tmp_path / "out", machine=replace(EACH_STEP, liger=True)), quiet)


def test_where_memory_ends_the_most_pairs_that_fit_are_said(base: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of four of which two fit: they are tried, and named by the setting that `fact dpo` has."""
    passed, tried = PreferenceTrainer.compute_loss, []

    def of_two(self: PreferenceTrainer, model: Any, piece: Piece, *more: Any, **named: Any) -> Any:
        if model.training:
            tried.append(len(piece.rows))
            if len(piece.rows) > 2:
                raise RuntimeError(ENDED)
        return passed(self, model, piece, *more, **named)

    monkeypatch.setattr(PreferenceTrainer, "compute_loss", of_two)
    with pytest.raises(TrainingError, match=r"memory ended in a pass of 4 pairs: .*; 2 pairs fit") as met:
        run_preference(job_of(base, rows, tmp_path / "out"), quiet)
    assert met.value.hint.startswith("--set micro_pairs=2: ")
    assert tried == [4, 2, 2]
    assert not list((tmp_path / "out").glob("adapter*"))


def test_what_cannot_fit_is_refused_with_pairs_and_switches_that_would(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "out", batch_pairs=64)
    whole = of_preference(job, 100)
    room = Room("a device", total=whole.peak(), free=round(0.6 * whole.peak()))
    with pytest.raises(SettingsError, match="training needs about") as met:
        refuse(job, whole, room)
    n = int(met.value.hint.split("micro_pairs=")[1].split(":")[0])
    assert 1 <= n < 64
    assert of_preference(replace(job, machine=replace(job.machine, micro_rows=n)), 100).peak() <= room.free
    again = replace(job, machine=replace(job.machine, activation_checkpointing=True))
    assert (of_preference(again, 100).peak() <= room.free) == ("compute.activation_checkpointing=true" in met.value.hint)
    assert "micro_rows" not in met.value.hint
