"""Liger's kernels train what the model's own layers do: on a GPU, and on a CPU through Triton's interpreter. Skipped by name where not installed."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import BackendError
from factcli.train.batches import collate
from factcli.train.job import Lora, Optim, SkillJob, save
from factcli.train.objectives import Scorer
from factcli.train.skill import run_skill
from factcli.train.switches import switched
from tests.train.conftest import WriteRows, chats, llama
from tests.train.processes import environment, written
from tests.train.test_skill import refs
from tests.train.test_switches import CPU, MACHINE, quiet, token_rows

# Runs a job as the worker does, Liger's kernels one program after another in NumPy. Triton 3.9's interpreter lacks two things that they
# need: arguments that are floats, and CUDA's own rsqrt. The model's layers are told of a GPU, which the switch asks for; tensors stay.
INTERPRETED = """
import sys

import liger_kernel.ops.rms_norm as norm
import numpy
import torch
import triton.language as tl
from triton.runtime import interpreter

from factcli.train import session, worker

convert, switched = interpreter._implicit_cvt, session.switched
def with_floats(argument):
    if isinstance(argument, float):
        return tl.tensor(interpreter.TensorHandle(numpy.array([argument], dtype=numpy.float32), tl.float32), tl.float32)
    return convert(argument)
interpreter._implicit_cvt = with_floats
norm.rsqrt = lambda numbers: tl.rsqrt(numbers)
session.switched = lambda model, machine, device: switched(model, machine, torch.device("cuda"))
sys.exit(worker.main(sys.argv[1:]))
"""


@pytest.fixture
def mixed(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    """Rows of two versions in each batch, each row through its own knowledge."""
    rows = [row for version in (1, 10) for row in chats(8, version, True, "qa")]
    return SkillJob(
        base, str(tmp_path / "own"), write_rows("chats.jsonl", rows), batches="multi_version", version_sampling="all",
        knowledge=refs(tmp_path / "know", (1, 10)), seed=3, lora=Lora(4, 8, 0.0), optim=Optim(lr=1e-3), machine=MACHINE, steps=3, batch_rows=4,
    )  # fmt: skip


def test_liger_is_refused_by_name_where_it_is_not_installed() -> None:
    if importlib.util.find_spec("liger_kernel") is not None:
        pytest.skip("liger_kernel is installed")
    with pytest.raises(BackendError, match="liger_kernel") as met:
        switched(llama(300), replace(MACHINE, liger=True), CPU)
    assert "pip install liger-kernel" in met.value.hint


@pytest.mark.slow
def test_liger_computes_what_the_model_does() -> None:
    pytest.importorskip("liger_kernel")
    if not torch.cuda.is_available():
        pytest.skip("liger's kernels need a GPU")
    device = torch.device("cuda")
    batch = collate(token_rows(), 0).to(device)
    plain = Scorer(llama(300).to(device)).logits(batch)
    fused = Scorer(switched(llama(300).to(device), replace(MACHINE, liger=True), device)).logits(batch)
    assert torch.allclose(plain, fused, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_skill_over_two_versions_is_the_same_through_ligers_kernels(mixed: SkillJob, tmp_path: Path) -> None:
    """float32: losses and gradients' norms to 1e-5 of themselves, kernels sum in another order; the learned B, of up to three steps of 1e-3, to 1e-4."""
    for package in ("liger_kernel", "triton"):
        pytest.importorskip(package)
    run_skill(mixed, quiet)
    fused = replace(mixed, out=str(tmp_path / "fused"), machine=replace(MACHINE, liger=True))
    command = [sys.executable, written(tmp_path, INTERPRETED), str(save(fused, tmp_path / "job.json"))]
    interpreted = {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment() | interpreted, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    for own, other in zip(steps_of(mixed), steps_of(fused), strict=True):
        assert other["loss"] == pytest.approx(own["loss"], rel=1e-5)
        assert other["grad_norm"] == pytest.approx(own["grad_norm"], rel=1e-5)
    own_B, other_B = (torch.cat([tensor.flatten() for key, tensor in weights_of(job).items() if "lora_B" in key]) for job in (mixed, fused))
    assert own_B.abs().max() > 1e-3  # it has learned
    assert (own_B - other_B).abs().max() < 1e-4


def steps_of(job: SkillJob) -> list[dict[str, float]]:
    return [json.loads(line) for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]


def weights_of(job: SkillJob) -> dict[str, torch.Tensor]:
    return load_file(next(Path(job.out).glob("adapter*/**/adapter_model.safetensors")))
