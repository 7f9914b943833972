"""Reference log-probabilities: computed once, whoever asks, and equal to TRL's."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from factcli.errors import InputError, TrainingError
from factcli.train.base import load_tokenizer
from factcli.train.digests import reference_digest
from factcli.train.job import PreferenceJob
from factcli.train.preference.pairs import read_pairs
from factcli.train.preference.policy import reference_model
from factcli.train.preference.reference import CHUNK_ANSWERS, Share, Store, compute, identify, logps_of, missing_of, wanted_of
from factcli.train.preference.run import run_preference
from tests.train.conftest import FAMILIES, WriteRows, gpt2, llama, save_base
from tests.train.preference.conftest import job_of, lines, pair_rows, quiet

CPU = torch.device("cpu")


def computed(job: PreferenceJob, folder: Path, processes: int = 1, stop_after: int | None = None, shares_prefix: bool = False) -> dict[str, float]:
    """What the store holds after so many processes have computed what was missing; each stops after some chunks, as if killed."""
    tokenizer = load_tokenizer(job.base)
    pairs = read_pairs(job, tokenizer, None)
    identity = identify(job, tokenizer, "float32")
    wanted = wanted_of(identity, pairs.all)
    missing = missing_of(wanted, Store(folder).read())[: None if stop_after is None else stop_after * CHUNK_ANSWERS]
    with reference_model(job, CPU) as model:
        for process in range(processes):
            compute(model, {key: wanted[key] for key in missing}, Store(folder), 0, Share(process, processes, shares_prefix))
    return Store(folder).read()


@pytest.fixture
def many(base: str, write_rows: WriteRows, tmp_path: Path) -> PreferenceJob:
    return job_of(base, write_rows("many.jsonl", pair_rows(60)), tmp_path / "out")


def test_sums_are_trls_to_a_millionth(any_base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """60 pairs, by TRL's own `compute_ref_log_probs` in batches of 8: relative 1e-6 of the summed log-probability in float32."""
    job = job_of(any_base, write_rows("pairs.jsonl", pair_rows(60)), tmp_path / "out")
    tokenizer = load_tokenizer(any_base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    pairs = read_pairs(job, tokenizer, None).train
    ours = logps_of(identify(job, tokenizer, "float32"), pairs, computed(job, tmp_path / "store"))

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
            return dataset

    columns = {name: [list(getattr(p, name)) for p in pairs] for name in ("prompt_ids", "chosen_ids", "rejected_ids")}
    arguments = DPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none", max_length=None)
    trainer = Tokenised(AutoModelForCausalLM.from_pretrained(any_base), args=arguments, train_dataset=Dataset.from_dict(columns), processing_class=tokenizer)
    for first in range(0, 60, 8):
        part = pairs[first : first + 8]
        batch = trainer.data_collator([{name: list(getattr(p, name)) for name in columns} for p in part])
        with torch.no_grad():
            chosen, rejected = trainer.compute_ref_log_probs(trainer.ref_model, batch)
        for row, *theirs in zip(part, chosen.tolist(), rejected.tolist(), strict=True):
            assert ours[row.id] == pytest.approx(theirs, rel=1e-6)


def test_adding_rows_computes_only_the_new_ones(many: PreferenceJob, write_rows: WriteRows, tmp_path: Path) -> None:
    first = computed(many, tmp_path / "store")
    more = replace(many, rows=write_rows("more.jsonl", pair_rows(80)))
    both = computed(more, tmp_path / "store")
    assert all(both[key] == value for key, value in first.items())
    written = [len(json.loads(line)["logps"]) for path in (tmp_path / "store").iterdir() for line in path.read_text().splitlines()]
    assert sum(written) == len(both) > len(first)  # none twice


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_another_number_of_processes_computes_the_same_once(many: PreferenceJob, tmp_path: Path, processes: int) -> None:
    alone = computed(many, tmp_path / "alone")
    assert computed(many, tmp_path / "several", processes) == alone
    assert len(list((tmp_path / "several").iterdir())) == processes
    assert computed(many, tmp_path / "several", 1) == alone
    assert len(list((tmp_path / "several").iterdir())) == processes  # nothing was missing


def test_a_killed_computation_ends_with_the_same_bits(many: PreferenceJob, tmp_path: Path) -> None:
    """Killed after two chunks, in the middle of writing a third."""
    alone = computed(many, tmp_path / "alone")
    computed(many, tmp_path / "killed", stop_after=3)
    (shard,) = (tmp_path / "killed").iterdir()
    shard.write_bytes(shard.read_bytes()[:-20])
    assert len(Store(tmp_path / "killed").read()) == 2 * CHUNK_ANSWERS
    assert computed(many, tmp_path / "killed") == alone


def test_runs_share_what_is_known(base: str, rows: str, tmp_path: Path) -> None:
    store = str(tmp_path / "shared")
    job = job_of(base, rows, tmp_path / "a", steps=1, logprobs=store)
    notes: list[object] = []
    for name in ("a", "b"):
        run_preference(replace(job, out=str(tmp_path / name), seed=len(notes)), notes.append)
    assert sum("under the reference" in str(note) for note in notes) == 1


def tampered(job: PreferenceJob, by: float, is_sealed: bool) -> None:
    """Change one recorded number of the store, with or without a checksum that fits."""
    from factcli.artifact.manifest import sha256_of

    (shard,) = Path(job.logprobs).glob("*/*.jsonl")
    changed = []
    for line in shard.read_text().splitlines():
        content = json.loads(line)
        content["logps"] = {key: value + by for key, value in content["logps"].items()}
        if is_sealed:
            content["sha256"] = sha256_of(content["logps"])
        changed.append(json.dumps(content) + "\n")
    shard.write_text("".join(changed))


@pytest.mark.slow
def test_a_changed_store_is_refused_or_computed_again(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "a", steps=1, logprobs=str(tmp_path / "store"))
    run_preference(job, quiet)
    tampered(job, 0.01, is_sealed=False)
    run_preference(replace(job, out=str(tmp_path / "b")), quiet)  # the line is false, so it is computed again
    assert lines(tmp_path / "b" / "reference.jsonl") == lines(tmp_path / "a" / "reference.jsonl")
    for path in Path(job.logprobs).glob("*/*.jsonl"):
        path.unlink()
    run_preference(replace(job, out=str(tmp_path / "c")), quiet)
    tampered(job, 0.01, is_sealed=True)
    with pytest.raises(TrainingError, match="the reference is not what the policy starts from: pair p"):
        run_preference(replace(job, out=str(tmp_path / "d")), quiet)
    assert not (tmp_path / "d" / "adapter").exists()


def test_a_reference_that_the_job_did_not_record_is_refused(base: str, rows: str, tmp_path: Path) -> None:
    job = job_of(base, rows, tmp_path / "out", steps=1)
    right = reference_digest(base, "", "init", "")
    with pytest.raises(InputError, match="the reference has changed: its digest is"):
        run_preference(replace(job, reference_digest="0" * 64), quiet)
    run_preference(replace(job, reference_digest=right), quiet)


def test_a_reference_of_another_architecture_is_refused(base: str, rows: str, tokenizer, tmp_path: Path) -> None:
    other = save_base(gpt2(len(tokenizer)), tokenizer, tmp_path / "gpt2")
    with pytest.raises(InputError, match="another architecture than the base"):
        run_preference(job_of(base, rows, tmp_path / "out", reference="model", reference_location=other), quiet)


def test_a_reference_with_another_tokenizer_is_refused(base: str, rows: str, tokenizer, tmp_path: Path) -> None:
    import copy

    swapped = copy.deepcopy(tokenizer)
    swapped.eos_token = "<pad>"
    other = save_base(llama(len(tokenizer)), swapped, tmp_path / "swapped")
    with pytest.raises(InputError, match="another tokenizer than the base"):
        run_preference(job_of(base, rows, tmp_path / "out", reference="model", reference_location=other), quiet)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_its_own_can_be_the_reference(family: str, rows: str, tokenizer, tmp_path: Path) -> None:
    """The same weights elsewhere are the start; other weights are not, and the first loss is not log 2."""
    model = FAMILIES[family](len(tokenizer))
    base, same = (save_base(model, tokenizer, tmp_path / name) for name in ("base", "same"))
    run_preference(job_of(base, rows, tmp_path / "a", steps=1, reference="model", reference_location=same), quiet)
    assert len(lines(tmp_path / "a" / "proofs.jsonl")) == 6
    with torch.no_grad():
        model.get_input_embeddings().weight[5] += 0.1
    other = save_base(model, tokenizer, tmp_path / "other")
    run_preference(job_of(base, rows, tmp_path / "b", steps=1, reference="model", reference_location=other), quiet)
    assert len(lines(tmp_path / "b" / "proofs.jsonl")) == 5


def test_answers_that_share_their_prompt_have_the_same_sums(any_base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """60 pairs, relative 1e-6; killed after two lines and by two processes, to the bit. Prompts of three answers too."""
    job = job_of(any_base, write_rows("pairs.jsonl", pair_rows(60, per_question=3)), tmp_path / "out")
    apart, shared = (computed(job, tmp_path / name, shares_prefix=name == "shared") for name in ("apart", "shared"))
    assert shared.keys() == apart.keys()
    assert all(shared[key] == pytest.approx(apart[key], rel=1e-6) for key in apart)
    computed(job, tmp_path / "killed", shares_prefix=True)
    (shard,) = (tmp_path / "killed").iterdir()
    shard.write_text("".join(shard.read_text().splitlines(keepends=True)[:2]))
    assert 16 < len(Store(tmp_path / "killed").read()) <= 32
    assert computed(job, tmp_path / "killed", processes=2, shares_prefix=True) == shared
