"""Pre-training a world's base model as a job: it goes on where a killed run was."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import SettingsError
from factcli.machine import Memory as Room
from factcli.stages.world import WorldConfig
from factcli.train.estimate import ways_out
from factcli.train.job import Machine, PretrainJob, save
from factcli.train.loop import Event
from factcli.train.memory import Activations, Estimate, Forward, Memory
from factcli.train.pretrain import run_pretrain
from factcli.train.worker import run_job
from factcli.world.model import Pretrainer
from factcli.world.settings import ModelSettings, PretrainSettings
from tests.train.conftest import KilledError, had_run

SETTINGS = WorldConfig(
    spec={"seed": 3, "n_head": 12, "n_mid": 6, "n_tail": 6, "n_unseen": 6, "n_demo": 6},
    model=ModelSettings(hidden_size=16, n_layers=1, n_heads=2, intermediate_size=32),
    pretrain=PretrainSettings(steps=6, n_extensions=0, documents_per_step=8, warmup_steps=2, gate_every_steps=3, gate_people=6, log_every_steps=1),
)


def die_at_step_4(event: Event) -> None:
    if (event["event"], event.get("step")) == ("step", 4):
        raise KilledError


@pytest.fixture
def job(tmp_path: Path) -> PretrainJob:
    world = tmp_path / "world.json"
    world.write_text(SETTINGS.model_dump_json(include={"spec", "model", "pretrain"}))
    return PretrainJob(str(tmp_path / "whole"), str(world), machine=Machine(device="cpu", threads=1, checkpoint_every_s=0.0))


def test_a_killed_and_resumed_pretraining_is_bit_identical_and_counts_all_its_seconds(job: PretrainJob, tmp_path: Path) -> None:
    whole = run_pretrain(job, lambda _event: None)
    again = replace(job, out=str(tmp_path / "killed"))
    with pytest.raises(KilledError):
        run_pretrain(again, die_at_step_4)
    had_run(tmp_path / "killed", 1000.0)
    resumed = run_pretrain(again, lambda _event: None)
    assert (resumed["steps"], resumed["measured"], resumed["usage"]["tokens"]) == (6, whole["measured"], whole["usage"]["tokens"])
    assert resumed["usage"]["seconds"] > 1000.0 > whole["usage"]["seconds"]
    assert resumed["usage"]["flops"] < whole["usage"]["flops"], "of the last part"
    weights = [load_file(tmp_path / run / "model/model.safetensors") for run in ("whole", "killed")]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
    assert (tmp_path / "whole/log.jsonl").read_text() == (tmp_path / "killed/log.jsonl").read_text()


def test_memory_that_ends_in_a_step_names_what_a_world_can_be_told(job: PretrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own words from the third batch on; of rows in a pass, which pre-training does not cut, nothing is said."""
    draw, steps = Pretrainer.batch, []

    def batch(trainer: Pretrainer, step: int) -> Any:
        steps.append(step)
        if len(steps) > 2:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes.")
        return draw(trainer, step)

    monkeypatch.setattr(Pretrainer, "batch", batch)
    events: list[Event] = []
    assert run_job(str(save(job, tmp_path / "job.json")), events.append) == 5
    told = events[-1]
    assert (told["event"], told["error"]) == ("failed", "TrainingError")
    assert "pretrain.documents_per_step" in told["hint"]
    assert "micro_rows" not in told["hint"]


def test_pretraining_says_what_is_to_come_and_what_it_took(job: PretrainJob) -> None:
    """6 steps of 8 documents of which all tokens but the first are learned. Hidden 16, inner 32, one layer; all of it is trained."""
    events: list[Event] = []
    usage = run_pretrain(job, events.append)["usage"]
    plan: Any = next(event for event in events if event["event"] == "plan")
    assert plan["steps"] == 6
    assert plan["tokens"] == pytest.approx(usage["tokens"], rel=0.3), "six times the tokens of the first step"
    assert 0 < plan["memory_bytes"] < usage["estimated_memory_bytes"]
    assert min(usage["peak_memory_bytes"], usage["share_of_peak"]) > 0
    n, tokens = 6 * 8, 6 * 8 + usage["tokens"]
    per_token = 6 * (4 * 16 * 16 + 3 * 16 * 32) * tokens
    assert usage["flops"] == per_token + 6 * 16 * 704 * usage["tokens"] + 6 * 16 * round(tokens**2 / n)


def test_a_pretraining_that_cannot_fit_is_refused_with_the_rows_that_would(job: PretrainJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libraries it would take 1.7 MB, of which the model's 14 thousand parameters hold 0.2."""
    monkeypatch.setattr("factcli.train.pretrain.library_bytes", lambda _job: 0)
    monkeypatch.setattr("factcli.train.gauge.room_on", lambda _device: Room("a device", 10**9, 1_200_000))
    with pytest.raises(SettingsError, match="training needs about 2 MB") as met:
        run_pretrain(job, lambda _event: None)
    assert re.search(r"pretrain\.documents_per_step=\): [12] of the \d rows fit; or a smaller model", met.value.hint or ""), met.value.hint
    assert not list(Path(job.out).rglob("*.safetensors"))


def test_where_not_one_row_fits_a_smaller_model_is_the_way_out(job: PretrainJob) -> None:
    """1,000 parameters hold 16,000 bytes."""
    estimate = Estimate(Memory(1000), Activations(10, 4, 1), Forward(3, 112, 300), trains_all=True)
    assert ways_out(job, estimate, Room("a device", 10**9, 16_000)) == ["a smaller model (--size, --set model.hidden_size=, --set model.n_layers=)"]
