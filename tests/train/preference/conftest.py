"""Pairs to learn from, and jobs on the tiny bases."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from factcli.train.checkpoint import Checkpoints, Snapshot
from factcli.train.job import Lora, Machine, Objective, Optim, PreferenceJob
from factcli.train.preference import run as module
from factcli.train.preference.policy import load_policy
from factcli.train.preference.prefix import why_apart
from factcli.train.preference.reference import Identity, logps_of, reference_logps
from factcli.train.preference.run import prepare, run_preference
from factcli.train.preference.trainer import PreferenceTrainer
from tests.train.conftest import CITIES, WriteRows

RunPairs = Callable[..., dict[str, Any]]
EACH_STEP = Machine(dtype="float32", device="cpu", checkpoint_every_s=0.0)
NO_DROPOUT = Lora(r=4, alpha=8.0, dropout=0.0)


def pair_rows(n: int, n_dev: int = 0, per_question: int = 2) -> list[dict[str, object]]:
    """n train and n_dev dev pairs, several to a question; answers of different lengths."""
    rows: list[dict[str, object]] = []
    for i in range(n + n_dev):
        question = i // per_question
        chosen, rejected = CITIES[question % 8], CITIES[(question + 1 + i % per_question) % 8]
        tail = " , in the city" if i % 3 == 0 else ""
        row = {"id": f"p{i}", "question_id": f"q{question}", "prompt": f"Where was person {question} born?", "chosen": chosen + tail, "rejected": rejected}
        rows.append({**row, "split": "train" if i < n else "dev", "weight": 1.0, "margin": 0.25 * (i % 4)})
    return rows


def job_of(base: str, rows: str, out: Path, **changes: Any) -> PreferenceJob:
    """Six float32 steps of four pairs with a fast new adapter, unless told otherwise."""
    settings: dict[str, Any] = {
        "lora": NO_DROPOUT,
        "optim": Optim(lr=1e-2, weight_decay=0.0, beta2=0.999, warmup_share=0.0, max_grad_norm=10.0),
        "machine": Machine(dtype="float32", device="cpu"),
        "objective": Objective(),
        "batch_pairs": 4,
        "seed": 3,
    }
    length = {} if "epochs" in changes or "steps" in changes else {"steps": 6}
    return PreferenceJob(base=base, out=str(out), rows=rows, **{**settings, **length, **changes})


@pytest.fixture
def rows(write_rows: WriteRows) -> str:
    return write_rows("pairs.jsonl", pair_rows(12, n_dev=4))


def quiet(_event: dict[str, object]) -> None:
    """An event that no test asks about."""


def trained(job: PreferenceJob) -> dict[str, Tensor]:
    """The weights that a job leaves."""
    run_preference(job, quiet)
    return load_file(Path(job.out) / ("model/model.safetensors" if job.tuning == "full" else "adapter/adapter_model.safetensors"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def open_trainer(job: PreferenceJob) -> tuple[PreferenceTrainer, Identity, dict[str, float]]:
    """The trainer of a job before its first step, and what the store says of its reference."""
    ground = prepare(job, quiet)
    known = reference_logps(job, ground.identity, ground.pairs, ground.arguments, 0, quiet)
    recorded = logps_of(ground.identity, ground.pairs.all, known)
    policy = load_policy(job, torch.device("cpu"))
    apart = why_apart(job, policy.model, ground.pairs.all, 0, ground.identity.numbers)
    return PreferenceTrainer(job, policy, ground.pairs, recorded, ground.tokenizer, ground.arguments, None, apart, ground.gauge), ground.identity, known


class KilledAfter(Checkpoints):
    """Checkpoints whose process dies by a signal as soon as the one of a step is written."""

    step, number = 0, signal.SIGKILL

    def save(self, step: int, snapshot: Snapshot) -> None:
        super().save(step, snapshot)
        if step == self.step:
            os.kill(os.getpid(), self.number)


def run_until_killed(job: PreferenceJob, step: int) -> None:
    """Run a job in a process of its own, which SIGKILL ends after a step."""

    def run() -> None:
        KilledAfter.step = step
        module.Checkpoints = KilledAfter  # type: ignore[misc]
        run_preference(job, quiet)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
