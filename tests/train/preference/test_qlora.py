"""Learning beside a base in 4 bits: bitsandbytes holds it, also on a CPU; reference and policy are of the same base."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import SettingsError
from factcli.train.preference.policy import load_policy
from factcli.train.preference.run import run_preference
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import EACH_STEP, job_of, lines, open_trainer, quiet, run_until_killed, trained
from tests.train.preference.test_run import sft_adapter

needs_four_bit = pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")


def test_a_base_in_4_bits_without_bitsandbytes_is_refused_before_loading(rows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "bitsandbytes" else find(name, *rest))
    with pytest.raises(SettingsError, match="tuning qlora needs what is not installed: bitsandbytes"):
        run_preference(job_of("nowhere", rows, tmp_path / "out", tuning="qlora"), quiet)


@needs_four_bit
@pytest.mark.slow
def test_reference_and_policy_are_of_the_same_base_in_4_bits(base: str, rows: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """The first loss is log 2 by the certificate, the recorded numbers are not those of the unquantised base, and the base stays to the bit."""
    start = sft_adapter(base, write_rows, tmp_path / "sft")
    job = job_of(base, rows, tmp_path / "nf4", start=start, tuning="qlora", logprobs=str(tmp_path / "store"))
    run_preference(job, quiet)
    proofs = [json.loads(line) for line in (tmp_path / "nf4" / "proofs.jsonl").read_text().splitlines()]
    assert len(proofs) == 5
    assert all(proof["holds"] for proof in proofs)
    assert proofs[0]["numbers"]["format"] == "nf4+float32"
    run_preference(replace(job, out=str(tmp_path / "float"), tuning="lora"), quiet)
    packed, whole = ([row["chosen"] for row in lines(tmp_path / name / "reference.jsonl")] for name in ("nf4", "float"))
    assert all(abs(ours - theirs) > 1e-4 * abs(theirs) for ours, theirs in zip(packed, whole, strict=True))
    assert len(list((tmp_path / "store").iterdir())) == 2  # each of its own


@needs_four_bit
@pytest.mark.slow
def test_what_is_trained_over_4_bits_keeps_the_bits_of_the_start(base: str, rows: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """TRL would turn it into bfloat16."""
    start = sft_adapter(base, write_rows, tmp_path / "sft")
    trainer, _, _ = open_trainer(job_of(base, rows, tmp_path / "out", start=start, tuning="qlora"))
    before = load_file(Path(start) / "adapter_model.safetensors")
    for name, parameter in trainer.policy.trained().items():
        assert torch.equal(parameter, before[name.replace(".default.", ".")]), name
    packed = [module for module in load_policy(trainer.job, torch.device("cpu")).base.modules() if type(module).__name__ == "Linear4bit"]
    assert packed


@needs_four_bit
@pytest.mark.slow
def test_a_killed_run_over_4_bits_ends_with_the_same_bits(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "whole", machine=EACH_STEP, tuning="qlora", sample_prompts=1, sample_max_tokens=2, eval_every_pairs=8)
    whole = trained(job)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 3)
    again = trained(killed)
    assert all(torch.equal(whole[key], again[key]) for key in whole)
