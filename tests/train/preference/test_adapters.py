"""Which adapter learns, from which bits, and against which: others confuse them silently."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from factcli.errors import InputError, TrainingError
from factcli.train import job as jobs
from factcli.train.job import Machine, Objective, Optim
from factcli.train.preference.policy import reference_model
from factcli.train.preference.reference import Store, wanted_of
from factcli.train.preference.run import prepare, run_preference
from factcli.train.preference.scoring import batch_of, summed_logps
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import EACH_STEP, job_of, lines, open_trainer, quiet, run_until_killed
from tests.train.preference.test_run import sft_adapter

CPU = torch.device("cpu")


@pytest.fixture
def start(base: str, write_rows: WriteRows, tmp_path: Path) -> str:
    """An adapter of `fact sft` in a directory named k1."""
    return sft_adapter(base, write_rows, tmp_path / "k1")


def test_the_policy_begins_with_the_logits_of_the_start(base: str, rows: str, start: str, tmp_path: Path) -> None:
    """Bit for bit, before the first step: neither merged, nor begun anew, nor cast."""
    trainer, _, _ = open_trainer(job_of(base, rows, tmp_path / "out", start=start))
    ids = torch.tensor([list(row.prompt_ids)[:8] for row in trainer.pairs.train[:4]])
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        bare = plain(ids).logits
        theirs = PeftModel.from_pretrained(plain, start).eval()(ids).logits
        ours = trainer.model.eval()(ids).logits
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, bare)


def test_one_adapter_is_there_and_it_is_what_learns(base: str, rows: str, start: str, tmp_path: Path) -> None:
    """TRL adds a copy `ref`; with a frozen second adapter beside `default` it would train that one."""
    trainer, _, _ = open_trainer(job_of(base, rows, tmp_path / "out", start=start))
    assert list(trainer.model.peft_config) == ["default"]
    assert trainer.model.active_adapters == ["default"]
    trained = trainer.policy.trained()
    assert trained
    assert all(".default." in name for name in trained)


def test_a_directory_of_several_adapters_is_no_start(base: str, rows: str, tmp_path: Path) -> None:
    """PEFT saves adapters of other names in folders below: nothing is guessed."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=2, target_modules=["q_proj"]), adapter_name="know")
    model.add_adapter("skill", LoraConfig(r=2, target_modules=["q_proj"]))
    model.save_pretrained(tmp_path / "two")
    with pytest.raises(InputError):
        run_preference(job_of(base, rows, tmp_path / "out", start=str(tmp_path / "two")), quiet)


@pytest.mark.slow
def test_names_that_begin_alike_are_not_mixed_up(base: str, rows: str, start: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """The policy continues k1, the reference is k10: what is on record is k10's, and the run does not touch either."""
    other = str(tmp_path / "k10" / "adapter")
    run_preference(job_of(base, rows, tmp_path / "k10", steps=2, seed=9), quiet)
    files = {place: (Path(place) / "adapter_model.safetensors").read_bytes() for place in (start, other)}
    job = job_of(base, rows, tmp_path / "out", start=start, reference="adapter", reference_location=other, steps=2)
    trainer, _, _ = open_trainer(job)
    run_preference(job, quiet)
    row = trainer.pairs.train[0]
    with reference_model(replace(job, reference="init", reference_location="", start=other), CPU) as model:
        wanted = float(summed_logps(model, batch_of([(row.prompt_ids, row.chosen_ids)], 0)))
    assert lines(tmp_path / "out" / "reference.jsonl")[0]["chosen"] == pytest.approx(wanted, rel=1e-5)
    assert files == {place: (Path(place) / "adapter_model.safetensors").read_bytes() for place in (start, other)}


@pytest.mark.slow
def test_a_resumed_run_proves_what_an_uninterrupted_one_does(base: str, rows: str, start: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "whole", start=start, machine=EACH_STEP)
    run_preference(job, quiet)
    killed = replace(job, out=str(tmp_path / "killed"))
    run_until_killed(killed, 3)
    run_preference(killed, quiet)
    assert lines(tmp_path / "killed" / "proofs.jsonl") == lines(tmp_path / "whole" / "proofs.jsonl")


@pytest.mark.parametrize("tuning", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_a_run_in_bfloat16_is_certified(base: str, rows: str, tmp_path: Path, tuning: str) -> None:
    """The loss to 1e-5 of the recorded numbers, and each answer to the bound that was measured."""
    machine = Machine(dtype="bfloat16", device="cpu")
    run_preference(job_of(base, rows, tmp_path / "out", tuning=tuning, machine=machine, steps=2, optim=Optim(lr=1e-3)), quiet)
    agreed, loss, *_ = lines(tmp_path / "out" / "proofs.jsonl")
    assert agreed["numbers"]["format"] == {"lora": "bfloat16", "full": "float32+autocast"}[tuning]
    assert agreed["numbers"]["largest_relative_difference"] <= agreed["numbers"]["bound"] == 5e-2
    assert loss["numbers"]["relative_difference"] <= 1e-5


@pytest.mark.slow  # what is refused in float32 is tested by default
@pytest.mark.parametrize("other", ["base", "neighbour"])
def test_in_bfloat16_another_model_on_record_is_refused(base: str, rows: str, start: str, tmp_path: Path, other: str) -> None:
    """Rounding is large there; the bare base, and an adapter a few steps of DPO away, are further off."""
    machine = Machine(dtype="bfloat16", device="cpu")
    job = job_of(base, rows, tmp_path / "out", start=start, machine=machine, steps=2, logprobs=str(tmp_path / "store"))
    run_preference(job_of(base, rows, tmp_path / "near", start=start, steps=3, optim=Optim(lr=2e-3, weight_decay=0.0)), quiet)
    false = replace(job, start="" if other == "base" else str(tmp_path / "near" / "adapter"), out=str(tmp_path / "false"))
    run_preference(false, quiet)
    (written,) = Path(job.logprobs).iterdir()
    ground = prepare(job, quiet)
    wrong = prepare(false, quiet)
    said = Store(written).read()
    keys = {wrong.identity.key(*answer): ground.identity.key(*answer) for answer in wanted_of(wrong.identity, wrong.pairs.all).values()}
    Store(Path(job.logprobs) / ground.identity.digest[:32]).append({keys[key]: value for key, value in said.items()})
    with pytest.raises(TrainingError, match="the reference is not what the policy starts from"):
        run_preference(job, quiet)


def test_a_job_file_says_what_the_job_says(base: str, rows: str, tmp_path: Path) -> None:
    objective = Objective(loss="ipo", beta=0.2, margin=1.0, sft_weight=0.1)
    job = job_of(base, rows, tmp_path / "out", objective=objective, reference="adapter", reference_location="a", max_length_difference="mean", epochs=1.5)
    assert jobs.load(jobs.save(job, tmp_path / "job.json")) == job
