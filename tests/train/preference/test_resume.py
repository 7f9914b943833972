"""Runs that are killed, and go on."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import InputError
from factcli.train.asking import Interrupted
from factcli.train.job import Lora, Optim
from factcli.train.preference.run import run_preference
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import EACH_STEP, KilledAfter, job_of, lines, quiet, run_until_killed, trained

DROPOUT = Lora(r=4, alpha=8.0, dropout=0.2)


EVERY = [pytest.param(steps, name, marks=pytest.mark.slow) for name in ("adamw", "rmsprop") for steps in [(1,), (3,), (5,), (6,)]]


@pytest.mark.parametrize(("steps", "optimizer"), [((2, 4), "adamw"), *EVERY])
def test_a_killed_run_ends_with_the_same_bits(base: str, rows: str, tmp_path: Path, steps: tuple[int, ...], optimizer: str) -> None:
    """Also with dropout, in the middle of an epoch (3 steps each), and at the last step, whose results were not yet written."""
    job = job_of(
        base, rows, tmp_path / "whole", machine=EACH_STEP, lora=DROPOUT, optimizer=optimizer, eval_every_pairs=8, sample_prompts=1, sample_max_tokens=2
    )
    job = replace(job, optim=Optim(lr=3e-3, weight_decay=0.1, warmup_share=0.3))
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    for step in steps:
        run_until_killed(killed, step)
    again = trained(killed)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    for name in ("steps", "samples", "log", "reference"):
        assert lines(tmp_path / "killed" / f"{name}.jsonl") == lines(tmp_path / "whole" / f"{name}.jsonl")
    usages: list[Any] = [run_preference(one, quiet)["usage"] for one in (job, killed)]
    ours, last = usages
    assert last["tokens"] == ours["tokens"]
    assert last.get("flops", 0) < ours["flops"], "of the last part"


@pytest.mark.slow
def test_full_parameters_go_on_with_the_same_bits(any_base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(any_base, rows, tmp_path / "whole", machine=EACH_STEP, tuning="full", optim=Optim(lr=1e-3))
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 4)
    assert all(torch.equal(whole[key], tensor) for key, tensor in trained(killed).items())


@pytest.mark.slow
def test_two_trained_checkpoints_do_not_mix(base: str, rows: str, tmp_path: Path) -> None:
    """A run that continues an adapter resumes that adapter: with two in the model others load the first one's weights into the second."""
    trained(job_of(base, rows, tmp_path / "first"))
    job = job_of(base, rows, tmp_path / "whole", machine=EACH_STEP, start=str(tmp_path / "first" / "adapter"))
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 3)
    assert all(torch.equal(whole[key], tensor) for key, tensor in trained(killed).items())


def test_a_signal_ends_the_step_and_leaves_a_checkpoint(base: str, rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KilledAfter, "step", 2)
    monkeypatch.setattr(KilledAfter, "number", signal.SIGTERM)
    monkeypatch.setattr("factcli.train.preference.run.Checkpoints", KilledAfter)
    job = job_of(base, rows, tmp_path / "out", machine=EACH_STEP)
    with pytest.raises(Interrupted, match="after step 3 of 6"):
        run_preference(job, quiet)
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["step-00000003"]


@pytest.mark.slow
def test_a_resumed_run_keeps_the_reference(base: str, rows: str, tmp_path: Path, write_rows: WriteRows) -> None:
    """The adapter that is reference gets other weights between the kill and the next start."""
    trained(job_of(base, rows, tmp_path / "first"))
    place = tmp_path / "first" / "adapter"
    job = job_of(base, rows, tmp_path / "out", machine=EACH_STEP, reference="adapter", reference_location=str(place))
    run_until_killed(job, 2)
    trained(job_of(base, rows, tmp_path / "second", seed=5))
    (place / "adapter_model.safetensors").write_bytes((tmp_path / "second" / "adapter" / "adapter_model.safetensors").read_bytes())
    with pytest.raises(InputError, match="the reference has changed since the run began"):
        run_preference(job, quiet)


@pytest.mark.slow
def test_a_torn_checkpoint_is_passed_over(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "out", machine=EACH_STEP)
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 4)
    state = tmp_path / "killed" / "checkpoints" / "step-00000004" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1])
    assert json.loads((state.parent / "state.json").read_text())["step"] == 4
    assert all(torch.equal(whole[key], tensor) for key, tensor in trained(killed).items())
    assert load_file(tmp_path / "killed" / "adapter" / "adapter_model.safetensors").keys() == whole.keys()


@pytest.mark.slow
def test_a_killed_run_keeps_the_best_evaluation_that_an_uninterrupted_one_keeps(base: str, rows: str, tmp_path: Path) -> None:
    """A rate so high that a later evaluation is no better than the first, which came before the kill."""
    job = job_of(base, rows, tmp_path / "whole", steps=6, eval_every_pairs=8, keep="best", machine=EACH_STEP, optim=Optim(lr=0.3, weight_decay=0.0))
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 3)
    again = trained(killed)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
    kept = [run_preference(one, quiet)["kept_step"] for one in (job, killed)]
    assert kept[0] == kept[1] < 6
