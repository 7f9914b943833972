"""Plain SFT is what TRL's SFTTrainer does: the same rows, start and rates give the same losses and the same adapter."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from factcli.train.skill import run_skill
from tests.bench.plain_sft import apart, job_of, ours, plan_of
from tests.bench.trl_run import run
from tests.train.conftest import WriteRows, chats

pytestmark = pytest.mark.slow


def test_plain_sft_has_the_loss_curve_and_the_adapter_of_trls_trainer(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """12 steps of 8 rows of two lengths, clipped; float32: 1e-4 of the losses, and of weights of 0.2 what a step or so of Adam's noise makes."""
    rows = [row | {"split": "train"} for task in ("qa", "bio") for row in chats(14, 0, False, task)]
    job = job_of(base, write_rows("chats.jsonl", rows), tmp_path, batch_rows=8, steps=12)
    mine = ours(job).losses
    theirs = run(plan_of(job, tmp_path))
    assert len(mine) == len(theirs) == 12
    assert apart(mine, theirs) < 1e-4
    assert mine[-1] < 0.9 * mine[0]
    run_skill(job, lambda _: None)
    adapters = [load_file(tmp_path / folder / "adapter_model.safetensors") for folder in ("ours/adapter", "theirs")]
    assert adapters[0].keys() == adapters[1].keys()
    assert max(float((tensor - adapters[1][key]).abs().max()) for key, tensor in adapters[0].items()) < 5e-3
    assert max(float(tensor.abs().max()) for tensor in adapters[0].values()) > 0.1
