"""A prompt that passes once for both answers: the same log-probabilities and gradients as with a prompt for each, and who cannot."""

import json
import math
import re
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from factcli.errors import SettingsError
from factcli.train.job import Lora, Objective
from factcli.train.job.preference import NOT_OF_LOGITS, SMOOTHED
from factcli.train.preference import prefix
from factcli.train.preference.losses import LOSSES, Logps, pair_losses
from factcli.train.preference.pairs import PairRow
from factcli.train.preference.policy import load_policy, silence_dropout
from factcli.train.preference.prefix import answers_of, obstacle, saving_of, share_prefix, take_shared_prefixes, why_apart
from factcli.train.preference.run import run_preference
from factcli.train.preference.scoring import batch_of, score_answers, summed_logps
from tests.train.conftest import FAMILIES, WriteRows, save_base
from tests.train.preference.conftest import job_of, lines, open_trainer, pair_rows, quiet

SIZES: dict[str, Any] = {"vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
WIDE: dict[str, Any] = SIZES | {"num_key_value_heads": 2, "max_position_embeddings": 40, "initializer_range": 0.2}


def row(name: str, n_prompt: int, n_chosen: int, n_rejected: int) -> PairRow:
    """Ids that are all over the vocabulary; the answers differ."""
    ids = [(7 * i + 3 * len(name) + n_prompt) % 80 + 3 for i in range(n_prompt + n_chosen + n_rejected)]
    prompt, chosen, rejected = ids[:n_prompt], ids[n_prompt : n_prompt + n_chosen], ids[n_prompt + n_chosen :]
    return PairRow(name, name, name, "train", 1.0, 0.3, tuple(prompt), tuple(chosen), tuple(rejected))


ROWS = [row("a", 9, 4, 7), row("bb", 2, 6, 1), row("ccc", 5, 1, 3), row("dddd", 17, 12, 20)]


def ready(model: PreTrainedModel, trains: bool = True) -> PreTrainedModel:
    model = model.eval().requires_grad_(trains)
    take_shared_prefixes(model)
    score_answers(model)
    return model


def tied_llama(_vocab: int) -> PreTrainedModel:
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**WIDE, tie_word_embeddings=True))


def qwen3(_vocab: int) -> PreTrainedModel:
    torch.manual_seed(4)
    return Qwen3ForCausalLM(Qwen3Config(**WIDE, head_dim=8))


ALL_FAMILIES: dict[str, Callable[[int], PreTrainedModel]] = {**FAMILIES, "tied-llama": tied_llama, "qwen3": qwen3}


def precise(model: PreTrainedModel) -> PreTrainedModel:
    """In float64 throughout: norms of this kind go through float32 whatever their model is in."""
    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = types.MethodType(lambda self, x: self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.variance_epsilon), module)
    return model.double()


def learned(model: Any, shares_prefix: bool, objective: Objective) -> tuple[Tensor, list[Tensor]]:
    """Log-probabilities of all answers, and the gradients of the pairs' loss against a made-up reference."""
    batch = answers_of(ROWS, 0, shares_prefix)
    logps = summed_logps(model, batch)
    chosen_B, rejected_B = logps.chunk(2)
    n_chosen_B, n_rejected_B = torch.tensor(batch.counts, dtype=logps.dtype).chunk(2)
    noise_B = torch.linspace(-1, 1, len(ROWS), dtype=logps.dtype)
    given = Logps(chosen_B, rejected_B, chosen_B.detach() + noise_B, rejected_B.detach() - noise_B, n_chosen_B, n_rejected_B)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    loss = pair_losses(objective, given, torch.tensor([pair.margin for pair in ROWS], dtype=logps.dtype)).mean()
    return logps.detach(), list(torch.autograd.grad(loss, parameters))


def furthest(ones: Any, others: Any) -> float:
    """Largest difference, of the largest value of its tensor or of a millionth of the largest of all (a key's bias has no gradient but rounding)."""
    least = 1e-6 * max(float(other.abs().max()) for other in others)
    return max(float((one - other).abs().max()) / max(float(other.abs().max()), least) for one, other in zip(ones, others, strict=True))


@pytest.mark.parametrize("family", list(ALL_FAMILIES))
@pytest.mark.parametrize(("number", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_a_shared_prompt_gives_the_log_probabilities_and_gradients_of_two(family: str, number: torch.dtype, bound: float) -> None:
    """Prompts of 2 to 17 tokens, answers of 1 to 20; rotary and learned positions, heads tied and not, grouped keys. Every parameter is trained."""
    model = ALL_FAMILIES[family](320)
    model = ready(precise(model) if number == torch.float64 else model)
    silence_dropout(model.train())
    (logps, gradients), (wanted, wanted_gradients) = (learned(model, shared, Objective()) for shared in (True, False))
    assert ((logps - wanted) / wanted).abs().max() < bound
    sizes = torch.stack([gradient.double().norm() for gradient in wanted_gradients])
    off = torch.stack([(one.double() - other.double()).norm() for one, other in zip(gradients, wanted_gradients, strict=True)])
    assert off.norm() / sizes.norm() < bound
    assert furthest(gradients, wanted_gradients) < 30 * bound  # of the worst single number


@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_loss_has_the_same_gradient(loss: str, base: str, rows: str, tmp_path: Path) -> None:
    """Through an adapter, with margins, lengths and the fine-tuning term where the loss takes them; float64, to 1e-11."""
    smoothing = {"label_smoothing": 0.1} if loss in SMOOTHED else {}
    apart = {} if loss in NOT_OF_LOGITS else {"margin": 0.5, "length_penalty": 0.01}
    objective = Objective(loss=loss, sft_weight=0.3, **smoothing, **apart)  # type: ignore[arg-type]
    policy = load_policy(job_of(base, rows, tmp_path / "out"), torch.device("cpu"))
    model = precise(policy.model)
    (logps, gradients), (wanted, wanted_gradients) = (learned(model, shared, objective) for shared in (True, False))
    assert torch.allclose(logps, wanted, rtol=1e-12, atol=0)
    assert furthest(gradients, wanted_gradients) < 1e-11


def test_rows_lie_as_they_should() -> None:
    """Prompts of 2 and 1 tokens; first answers of 1 and 2, so that the first block is 3 wide; second of 2 and 1, so that the other is 2 wide."""
    batch = share_prefix([((1, 2), (3,), (4, 5)), ((6,), (7, 8), (9,))], 0)
    assert batch.ids_NT.tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]]
    assert batch.at_S.tolist() == [1, 5, 6, 1, 3, 5]  # both answers' first tokens are predicted at the prompt's end: 1 and 5 + 0
    assert batch.target_S.tolist() == [3, 7, 8, 4, 5, 9]
    assert batch.counts == (1, 2, 2, 1)
    assert batch.layout is not None
    assert batch.layout.place_NT.tolist() == [[0, 1, 2, 2, 3], [0, 1, 2, 1, 0]]
    assert batch.layout.mask.int().tolist() == [[[[1, 1, 1, 0], [1, 1, 1, 1]]], [[[1, 0, 1, 0], [1, 0, 1, 1]]]]


def test_other_rows_pass_to_the_bit_as_they_did() -> None:
    """Padded rows and greedy answers of a model that takes shared prompts are those of one that does not."""
    plain, taking = FAMILIES["llama"](320), FAMILIES["llama"](320)
    take_shared_prefixes(taking)
    for model in (plain, taking):
        score_answers(model)
    batch = batch_of([(pair.prompt_ids, pair.chosen_ids) for pair in ROWS], 0)
    assert torch.equal(summed_logps(plain, batch), summed_logps(taking, batch))
    ids, mask = torch.tensor([[0, 0, 5, 6], [7, 8, 9, 10]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    made = [model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=8, pad_token_id=0) for model in (plain, taking)]
    assert torch.equal(*made)


def test_the_last_place_of_a_model_is_enough() -> None:
    """A pair of 17 + 20 tokens has 49 in its row; a model of 37 learned positions takes it, as its longest text has 37."""
    model = ready(GPT2LMHeadModel(GPT2Config(vocab_size=90, n_embd=32, n_layer=1, n_head=4, n_positions=37)), trains=False)
    shared, apart = (summed_logps(model, answers_of(ROWS, 0, is_shared)) for is_shared in (True, False))
    assert torch.allclose(shared, apart, rtol=1e-6)


def mistral(window: int) -> PreTrainedModel:
    torch.manual_seed(5)
    return ready(MistralForCausalLM(MistralConfig(**WIDE, sliding_window=window)), trains=False)


def bloom() -> PreTrainedModel:
    return ready(BloomForCausalLM(BloomConfig(vocab_size=90, hidden_size=32, n_layer=1, n_head=4)), trains=False)


def mamba() -> PreTrainedModel:
    return ready(MambaForCausalLM(MambaConfig(vocab_size=90, hidden_size=32, num_hidden_layers=1, state_size=4)), trains=False)


def with_flash() -> PreTrainedModel:
    model = ready(tied_llama(90), trains=False)
    model.config._attn_implementation_internal = "flash_attention_2"
    return model


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda: mistral(36), r"mistral looks back on 36 tokens \(sliding_window\), and pair dddd has 37"),
        (bloom, "bloom runs attention eager"),
        (mamba, "mamba runs attention eager"),
        (with_flash, "llama runs attention flash_attention_2, which does not take such rows"),
    ],
)
def test_a_model_that_cannot_is_refused_or_passes_each_answer_with_its_prompt(model: Callable[[], PreTrainedModel], why: str, tmp_path: Path) -> None:
    job = job_of("", "", tmp_path)
    assert re.search(why, why_apart(job, model(), ROWS, 0, "float32"))
    with pytest.raises(SettingsError, match=f"prefix_sharing is on, and {why}"):
        why_apart(replace(job, prefix_sharing="on"), model(), ROWS, 0, "float32")
    assert why_apart(replace(job, prefix_sharing="off"), model(), ROWS, 0, "float32") == "prefix_sharing is off"


def test_a_window_that_no_pair_outgrows_is_none() -> None:
    """The longest text has 17 + 20 = 37 tokens, its row 49."""
    model = mistral(37)
    assert obstacle(model, ROWS, 0, "float32") == ""
    shared, apart = (summed_logps(model, answers_of(ROWS, 0, is_shared)) for is_shared in (True, False))
    assert torch.allclose(shared, apart, rtol=1e-6)


def test_in_16_bits_a_prompt_that_is_not_seen_is_found_and_rounding_is_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready(tied_llama(90).bfloat16(), trains=False)
    assert obstacle(model, ROWS, 0, "bfloat16") == ""
    usual = prefix._layout

    def blind(rows: Any, n_first: int, n_second: int) -> Any:
        layout = usual(rows, n_first, n_second)
        mask = layout.mask.clone()
        mask[..., :-n_second] = False
        return replace(layout, mask=mask)

    monkeypatch.setattr(prefix, "_layout", blind)
    assert "log-probabilities of llama would differ by" in obstacle(model, ROWS, 0, "bfloat16")


def test_a_model_whose_numbers_would_differ_is_found_by_trying() -> None:
    """Positions of its own, which no name tells: what it is given is left out."""
    model = tied_llama(90)
    usual = model.model.forward

    def without_places(*args: Any, **given: Any) -> Any:
        return usual(*args, **{name: value for name, value in given.items() if name != "position_ids"})

    model.model.forward = without_places
    assert "log-probabilities of llama would differ by" in obstacle(ready(model, trains=False), ROWS, 0, "float32")


@pytest.mark.parametrize(("n_prompt", "is_shared"), [(2, True), (1, False)])
def test_auto_shares_where_a_tenth_of_the_tokens_is_left_out(n_prompt: int, is_shared: bool, tmp_path: Path) -> None:
    """Answers of 8 tokens each: 2 of 2 x 2 + 16 tokens are a tenth; 1 of 18 is 6%."""
    pairs = [row("a", n_prompt, 8, 8), row("b", n_prompt, 8, 8)]
    assert saving_of(pairs) == n_prompt / (2 * n_prompt + 16)
    model = ready(tied_llama(90), trains=False)
    assert why_apart(job_of("", "", tmp_path), model, pairs, 0, "float32") == ("" if is_shared else "it would leave out 6% of the tokens, and pays from 10% on")
    assert why_apart(job_of("", "", tmp_path, prefix_sharing="on"), model, pairs, 0, "float32") == ""


@pytest.mark.parametrize("tuning", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_a_run_learns_the_same_either_way(any_base: str, rows: str, tmp_path: Path, tuning: str) -> None:
    """Losses of six steps and of both evaluations. Weights are not compared: AdamW moves one whose gradient is rounding by its rate all the same."""
    losses = {}
    for setting in ("on", "off"):
        run_preference(job_of(any_base, rows, tmp_path / setting, tuning=tuning, prefix_sharing=setting), quiet)
        said = json.loads((tmp_path / setting / "result.json").read_text(encoding="utf-8"))
        assert said["prefix_sharing"] == {"on": "on", "off": "off: prefix_sharing is off"}[setting]
        losses[setting] = [step["loss"] for step in lines(tmp_path / setting / "steps.jsonl")]
    assert losses["on"] == pytest.approx(losses["off"], rel=1e-3)
    if tuning == "full":
        config = json.loads((tmp_path / "on" / "model" / "config.json").read_text(encoding="utf-8"))
        assert "sdpa_of_shared_prefix" not in json.dumps(config)
        assert load_file(tmp_path / "on" / "model" / "model.safetensors")


def test_the_losses_of_a_step_are_the_same_to_a_millionth(any_base: str, rows: str, tmp_path: Path) -> None:
    """The trainer's own loss and gradient of one step of 4 pairs, in pieces of 3, with the default bounds of its proofs."""
    found = []
    for setting in ("on", "off"):
        trainer, _, _ = open_trainer(job_of(any_base, rows, tmp_path / setting, prefix_sharing=setting, objective=Objective(sft_weight=0.5)))
        step = next(iter(trainer.get_train_dataloader()))
        loss = trainer.training_step(trainer.model, step)
        gradients = [parameter.grad.double().flatten() for parameter in trainer.policy.trained().values() if parameter.grad is not None]
        found.append((float(loss), torch.cat(gradients), trainer.tokens))
    (loss, gradient, tokens), (wanted, wanted_gradient, wanted_tokens) = found
    assert math.isclose(loss, wanted, rel_tol=1e-6)
    assert float((gradient - wanted_gradient).norm() / wanted_gradient.norm()) < 1e-6
    assert tokens == wanted_tokens  # of both sequences, however they pass: speeds can be compared


def test_dropout_is_drawn_once_for_a_shared_prompt(base: str, rows: str, tmp_path: Path) -> None:
    """With the same answer on both sides: a shared prompt gives its first token one log-probability, a prompt for each gives it two."""
    policy = load_policy(job_of(base, rows, tmp_path, lora=Lora(r=4, alpha=8.0, dropout=0.5)), torch.device("cpu"))
    with torch.no_grad():
        for name, parameter in policy.trained().items():
            parameter.fill_(0.3) if "lora_B" in name else None
    model = policy.model.train()
    same = replace(ROWS[0], chosen_ids=(5,), rejected_ids=(5,))
    for is_shared in (True, False):
        torch.manual_seed(1)
        chosen, rejected = summed_logps(model, answers_of([same], 0, is_shared)).tolist()
        assert (chosen == rejected) == is_shared


@pytest.mark.parametrize(("n_prompt", "saving", "most"), [(4, 0.1, 1.05), (16, 0.25, 0.9)])
def test_what_a_pass_keeps(n_prompt: int, saving: float, most: float) -> None:
    """Bytes that autograd saves. Keys and values that the second block sees are held again: where sharing leaves out a tenth of the tokens
    that makes up for it (to 5%), where it leaves out a quarter a tenth less is held.
    """
    pairs = [row("a", n_prompt, 16, 16), row("bb", n_prompt, 16, 16)]
    assert saving_of(pairs) == saving
    kept = []
    for is_shared in (True, False):
        model, found = ready(tied_llama(90)), {}
        own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}

        def keep(tensor: Tensor, found: dict[int, Tensor] = found) -> Tensor:
            found[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            summed_logps(model, answers_of(pairs, 0, is_shared))
        kept.append(sum(tensor.untyped_storage().nbytes() for place, tensor in found.items() if place not in own))
    assert kept[0] < most * kept[1]


def test_the_setting_is_checked_before_anything_is_trained(tokenizer: Any, write_rows: WriteRows, tmp_path: Path) -> None:
    """A window of 8 tokens under pairs of more: `on` ends the run by name, `auto` trains."""
    torch.manual_seed(6)
    config = MistralConfig(**{**WIDE, "vocab_size": len(tokenizer), "max_position_embeddings": 256}, sliding_window=8, bos_token_id=1, eos_token_id=2)
    base = save_base(MistralForCausalLM(config), tokenizer, tmp_path / "base")
    rows = write_rows("pairs.jsonl", pair_rows(8))
    with pytest.raises(SettingsError, match=r"prefix_sharing is on, and mistral looks back on 8 tokens"):
        run_preference(job_of(base, rows, tmp_path / "on", prefix_sharing="on", steps=1), quiet)
    said: list[dict[str, object]] = []
    run_preference(job_of(base, rows, tmp_path / "auto", steps=1), said.append)
    assert any("a prompt of their own: mistral looks back on 8 tokens" in str(event.get("text")) for event in said)
