"""Pre-training a world's base model as a job: it goes on where a killed run was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.stages.world import WorldConfig
from factcli.train.job import Machine, PretrainJob
from factcli.train.loop import Event
from factcli.train.pretrain import run_pretrain
from factcli.world.settings import ModelSettings, PretrainSettings
from tests.train.conftest import KilledError, had_run

SETTINGS = WorldConfig(
    spec={"seed": 3, "n_head": 12, "n_mid": 6, "n_tail": 6, "n_unseen": 6, "n_demo": 6},
    model=ModelSettings(hidden_size=16, n_layers=1, n_heads=2, intermediate_size=32),
    pretrain=PretrainSettings(steps=6, n_extensions=0, documents_per_step=8, warmup_steps=2, gate_every_steps=3, gate_people=6, log_every_steps=1),
)


def die_at_step_4(event: Event) -> None:
    if (event["event"], event["step"]) == ("step", 4):
        raise KilledError


def test_a_killed_and_resumed_pretraining_is_bit_identical_and_counts_all_its_seconds(tmp_path: Path) -> None:
    world = tmp_path / "world.json"
    world.write_text(SETTINGS.model_dump_json(include={"spec", "model", "pretrain"}))
    job = PretrainJob(str(tmp_path / "whole"), str(world), machine=Machine(device="cpu", threads=1, checkpoint_every_s=0.0))
    whole = run_pretrain(job, lambda _event: None)
    again = replace(job, out=str(tmp_path / "killed"))
    with pytest.raises(KilledError):
        run_pretrain(again, die_at_step_4)
    had_run(tmp_path / "killed", 1000.0)
    resumed = run_pretrain(again, lambda _event: None)
    assert (resumed["steps"], resumed["measured"], resumed["usage"]["tokens"]) == (6, whole["measured"], whole["usage"]["tokens"])
    assert resumed["usage"]["seconds"] > 1000.0 > whole["usage"]["seconds"]
    weights = [load_file(tmp_path / run / "model/model.safetensors") for run in ("whole", "killed")]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())
    assert (tmp_path / "whole/log.jsonl").read_text() == (tmp_path / "killed/log.jsonl").read_text()
