"""What a preference run says before it starts, and what it was measured to take."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.errors import SettingsError
from factcli.machine import Memory as Room
from factcli.train.base import load_tokenizer
from factcli.train.estimate import config_of, of_preference
from factcli.train.memory import Forward, architecture
from factcli.train.preference.pairs import PairRow, Pairs, read_pairs
from factcli.train.preference.run import run_preference
from factcli.train.preference.sizes import estimate_of, sizes_of
from factcli.train.speed import Passed, flops
from tests.train.conftest import WriteRows, save_base
from tests.train.preference.conftest import NO_DROPOUT, job_of, open_trainer, pair_rows, quiet


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("sharing", ["on", "off"])
def test_a_run_says_what_is_to_come_and_what_it_took(base: str, rows: str, tmp_path: Path, tuning: str, sharing: str) -> None:
    """12 pairs in batches of 4, so that 6 steps see each of them twice."""
    job = job_of(base, rows, tmp_path / "out", tuning=tuning, prefix_sharing=sharing)
    events: list[dict[str, object]] = []
    usage: Any = run_preference(job, events.append)["usage"]
    (plan,) = (event for event in events if event["event"] == "plan")
    assert (plan["steps"], plan["tokens"], plan["processes"]) == (6, usage["tokens"], 1)
    told = [str(event["text"]) for event in events[events.index(plan) :] if event["event"] == "note"]
    assert any("answers under the reference" in text for text in told), "the plan comes before the reference is loaded"
    pairs = read_pairs(job, load_tokenizer(base), None)
    assert plan["memory_bytes"] == estimate_of(job, pairs, 1).peak() < usage["estimated_memory_bytes"]
    assert usage["peak_memory_bytes"] > 0
    assert usage["share_of_peak"] > 0
    passed = Passed()
    for row in 2 * pairs.train:
        passed = passed.and_pair(*row.lengths, shares_prompt=sharing == "on")
    shape = architecture(config_of(base))
    assert shape is not None
    assert usage["flops"] == flops(shape, sizes_of(job, open_trainer(job)[0].policy), passed)


def test_what_cannot_fit_is_refused_before_any_model_is_loaded(base: str, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(base, write_rows("many.jsonl", pair_rows(256)), tmp_path / "out", batch_pairs=256)
    whole = estimate_of(job, read_pairs(job, load_tokenizer(base), None), 1)
    room = Room("a device", total=whole.peak(), free=round(0.75 * whole.peak()))
    monkeypatch.setattr("factcli.train.gauge.room_on", lambda _device: room)
    with pytest.raises(SettingsError, match=r"training needs about .*; a device: ") as met:
        run_preference(job, quiet)
    n = int(met.value.hint.split("micro_pairs=")[1].split(":")[0])
    assert 1 <= n < 256
    assert whole.peak(whole.forward.of_rows(n)) <= room.free < whole.peak(whole.forward.of_rows(n + 1))
    assert not (tmp_path / "out" / "logprobs").exists()


def test_the_estimate_is_of_the_pairs_that_are_there(base: str, rows: str, tmp_path: Path) -> None:
    """12 pairs where a batch has room for 64: 24 rows as long as the longest, of which only answers are learned; or 12 with both answers."""
    job = job_of(base, rows, tmp_path / "out", batch_pairs=64, prefix_sharing="off")
    pairs = read_pairs(job, load_tokenizer(base), None)
    longest, answer = max(row.n_tokens for row in pairs.all), max(max(len(row.chosen_ids), len(row.rejected_ids)) for row in pairs.all)
    assert estimate_of(job, pairs, 1).forward == Forward(24, longest, 24 * answer)
    assert estimate_of(job, pairs, 2).forward == Forward(12, longest, 12 * answer)
    assert of_preference(job, longest).forward == Forward(128, longest, 128 * (longest - 1))
    first, second = max(len(row.prompt_ids) + len(row.chosen_ids) for row in pairs.all), max(len(row.rejected_ids) for row in pairs.all)
    shared = estimate_of(replace(job, prefix_sharing="auto"), pairs, 1)
    assert shared.forward == Forward(12, first + second, 12 * (max(len(row.chosen_ids) for row in pairs.all) + second))
    assert (shared.n_groups, shared.most_in_a_pass(10**9)) == (1, 12)


@pytest.mark.parametrize("sharing", ["on", "off"])
def test_what_a_step_keeps_for_its_gradient_is_what_was_estimated(sharing: str, any_base: str, rows: str, tmp_path: Path) -> None:
    """To 20%, as of other trainings; a shared row holds again the keys and values of its prompt, which here are few tokens."""
    job = job_of(any_base, rows, tmp_path / "out", batch_pairs=12, prefix_sharing=sharing)
    trainer, _, _ = open_trainer(job)
    step = next(iter(trainer.get_train_dataloader()))
    own = {tensor.untyped_storage().data_ptr() for tensor in trainer.model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    trainer.model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = trainer.compute_loss(trainer.model, step["pieces"][0])
    assert loss.requires_grad
    estimate = estimate_of(job, replace(trainer.pairs, dev=()), 1)
    assert estimate.activations is not None
    told = estimate.activations.per_token * estimate.forward.tokens + estimate.activations.per_learned * estimate.forward.learned
    assert told == pytest.approx(sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own), rel=0.2)


def test_long_prompts_that_fit_once_are_not_refused_for_fitting_no_two_times(base: str, tmp_path: Path) -> None:
    """Prompts of 200 tokens and answers of 5: 210 tokens a pair, where two rows have 410."""
    row = PairRow("p", "q", "p", "train", 1.0, 0.0, (5,) * 200, (6,) * 5, (7,) * 5)
    job, pairs = job_of(base, "", tmp_path, batch_pairs=64), Pairs((row,) * 64, (), {}, {})
    shared, apart = estimate_of(job, pairs, 1), estimate_of(replace(job, prefix_sharing="off"), pairs, 1)
    assert (shared.forward.tokens, apart.forward.tokens) == (64 * 210, 64 * 410)
    assert shared.peak() - shared.held - shared.fixed < 0.6 * (apart.peak() - apart.held - apart.fixed)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("sharing", ["on", "off"])
def test_the_operations_of_a_step_are_those_that_torch_counts(sharing: str, tuning: str, tokenizer: PreTrainedTokenizerFast, rows: str, tmp_path: Path) -> None:
    """To 10%, of 6 layers: the first needs no gradient of its input. Torch does not count a CPU's attention. A prompt of 40, answers of 12."""
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=80, num_hidden_layers=6, num_attention_heads=2)
    base = save_base(LlamaForCausalLM(config), tokenizer, tmp_path / "base")
    trainer, _, _ = open_trainer(job_of(base, rows, tmp_path / "out", tuning=tuning, prefix_sharing=sharing, lora=NO_DROPOUT))
    pair = replace(trainer.pairs.train[0], prompt_ids=tuple(range(40)), chosen_ids=(5,) * 12, rejected_ids=(6,) * 12)
    step = {"pieces": trainer.feed.pieces([pair]), "pairs": [pair]}
    with FlopCounterMode(display=False) as counter:
        trainer.training_step(trainer.model, step)
    shape = architecture(config_of(base))
    assert shape is not None
    passed = replace(trainer.gauge.passed, squares=0)
    assert flops(shape, sizes_of(trainer.job, trainer.policy), passed) == pytest.approx(counter.get_total_flops(), rel=0.1)
