"""Attention of short rows by products of matrices: what torch's gives, values and gradients, and torch's own where it is for another kind."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    Gemma3Config,
    Gemma3ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from factcli.train import short_rows
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim, SkillJob
from factcli.train.memory import SHORT_ROW, Forward, Manner, activations, architecture
from factcli.train.session import open_session
from factcli.train.short_rows import CausalAttention, attend, take_short_rows
from factcli.train.skill import run_skill
from factcli.train.switches import switched
from tests.train.conftest import WriteRows, chats, documents
from tests.train.test_memory import LEARNED, LENGTH, ROWS, build, saved_bytes

SIZES: dict[str, Any] = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8}
SMALL: dict[str, Any] = SIZES | {"num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 0}
MODULE = SimpleNamespace(num_key_value_groups=1, is_causal=True)


def drawn(n_rows: int, n_heads: int, n_tokens: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n_rows, n_heads, n_tokens, 8, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens of the rows of each pass through the products."""
    seen: list[int] = []
    apply = CausalAttention.apply

    def count(q_BTD: Tensor, *rest: Any) -> Tensor:
        seen.append(q_BTD.shape[1])
        done: Tensor = apply(q_BTD, *rest)
        return done

    monkeypatch.setattr(short_rows.CausalAttention, "apply", count)
    return seen


@settings(max_examples=30, deadline=None)
@given(n_tokens=st.integers(2, SHORT_ROW), n_rows=st.integers(1, 3), n_heads=st.integers(1, 3), asked=st.sampled_from([(0, 1, 2), (2,), (0,), (1, 2)]))
def test_values_and_gradients_are_those_of_torch(n_tokens: int, n_rows: int, n_heads: int, asked: tuple[int, ...]) -> None:
    """Whichever of queries, keys and values ask for a gradient; float64, 1e-12."""
    given = drawn(n_rows, n_heads, n_tokens)
    for place, states in enumerate(given):
        states.requires_grad_(place in asked)
    query, key, value = given
    ours, _ = attend(MODULE, query, key, value, None, scaling=0.3)  # type: ignore[arg-type]
    theirs = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=0.3).transpose(1, 2)
    weights = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    leaves = [given[place] for place in asked]
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)
    for mine, their in zip(torch.autograd.grad((ours * weights).sum(), leaves), torch.autograd.grad((theirs * weights).sum(), leaves), strict=True):
        assert torch.allclose(mine, their, rtol=0, atol=1e-12)


def test_two_tokens_by_hand() -> None:
    """The second sees the first with e^0 / (e^0 + e^ln 3) = 1/4 and itself with 3/4; the first sees itself alone."""
    query = torch.tensor([[[[0.0], [1.0]]]])
    key = torch.tensor([[[[0.0], [math.log(3)]]]])
    value = torch.tensor([[[[8.0], [4.0]]]])
    done, _ = attend(MODULE, query, key, value, None, scaling=1.0)  # type: ignore[arg-type]
    assert done.flatten().tolist() == pytest.approx([8.0, 8.0 / 4 + 4.0 * 3 / 4])


def test_what_is_another_kind_goes_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask, longer rows, single tokens, other keys than queries, 16 bits, dropout, both directions: none passes through the products."""
    seen = counted(monkeypatch)
    query, key, value = (states.detach() for states in drawn(1, 2, 6))
    both = SimpleNamespace(num_key_value_groups=1, is_causal=False)
    attend(MODULE, query, key, value, torch.ones(1, 1, 6, 6, dtype=torch.bool))  # type: ignore[arg-type]
    attend(MODULE, query[:, :, -1:], key, value, None)  # type: ignore[arg-type]
    attend(MODULE, query.bfloat16(), key.bfloat16(), value.bfloat16(), None)  # type: ignore[arg-type]
    attend(MODULE, query, key, value, None, dropout=0.5)  # type: ignore[arg-type]
    attend(MODULE, query, key, value, None, is_causal=False)  # type: ignore[arg-type]
    attend(both, query, key, value, None)  # type: ignore[arg-type]
    long_query, long_key, long_value = (states.detach() for states in drawn(1, 2, SHORT_ROW + 1))
    attend(MODULE, long_query, long_key, long_value, None)  # type: ignore[arg-type]
    assert seen == []
    attend(MODULE, query, key, value, None)  # type: ignore[arg-type]
    assert seen == [6]


def small_models() -> Iterator[PreTrainedModel]:
    torch.manual_seed(0)
    yield LlamaForCausalLM(LlamaConfig(**SMALL))
    yield Qwen3ForCausalLM(Qwen3Config(**SMALL))
    yield GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=0))
    yield MistralForCausalLM(MistralConfig(**SMALL, sliding_window=5))
    yield MistralForCausalLM(MistralConfig(**SMALL, sliding_window=20))
    yield Gemma3ForCausalLM(Gemma3Config(text_config=SMALL | {"sliding_window": 5}).text_config)


@pytest.mark.parametrize("number", range(6), ids=["llama", "qwen3", "gpt2", "mistral", "mistral, wide", "gemma3"])
def test_a_model_gives_the_logits_it_gave(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 9 tokens, in windows of 5 and of 20; one with padding on the left, which has a mask; and the same by generation with a cache."""
    model = list(small_models())[number].double().eval()
    ids = torch.randint(3, 50, (3, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[0, :4] = 0

    def found() -> list[Tensor]:
        with torch.no_grad():
            written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False, pad_token_id=0)
            masked = model(input_ids=ids, attention_mask=mask).logits
            return [model(input_ids=ids).logits, torch.cat([masked[0, 4:], masked[1:].flatten(0, 1)]), written]

    before = found()
    assert model.config._attn_implementation == "sdpa"
    take_short_rows(model)
    assert model.config._attn_implementation == short_rows.NAME
    seen = counted(monkeypatch)
    logits, masked, written = found()
    assert bool(seen) == (number not in (3, 5))  # whose layers all have shorter windows than the rows
    assert torch.allclose(logits, before[0], rtol=0, atol=1e-10)
    assert torch.allclose(masked, before[1], rtol=0, atol=1e-10)
    assert torch.equal(written, before[2])


@pytest.mark.parametrize("is_checkpointed", [False, True])
def test_every_parameter_gets_the_gradient_it_got(is_checkpointed: bool) -> None:
    """Of keys and values of two heads for four of queries; 66 tokens are two blocks. With layers computed again on the way back too."""
    model = next(small_models()).double()
    ids = torch.randint(3, 50, (2, 66), generator=torch.Generator().manual_seed(1))
    if is_checkpointed:
        switched(model, Machine(device="cpu", activation_checkpointing=True), torch.device("cpu"))

    def gradients() -> list[Tensor]:
        loss = F.cross_entropy(model(input_ids=ids, use_cache=False).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        return list(torch.autograd.grad(loss, list(model.parameters())))

    before = gradients()
    take_short_rows(model)
    assert model.config._attn_implementation == short_rows.NAME
    assert all(torch.allclose(mine, their, rtol=0, atol=1e-12) for mine, their in zip(gradients(), before, strict=True))


@pytest.mark.parametrize(("family", "kv_heads"), [("llama", 4), ("llama", 1), ("gpt2", 4), ("qwen3", 2)])
def test_what_short_rows_keep_is_theirs_and_what_each_head_sees(family: str, kv_heads: int) -> None:
    """Three layers of 4 heads, 4 rows of 32 tokens: 3 x 4 x 4 x 32 x 32 probabilities, 196,608 bytes."""
    model = build(family, kv_heads).eval().requires_grad_(False)
    shape = architecture(model.config.to_dict())
    assert shape is not None
    told = activations(shape, Manner(8, False, 4, is_by_products=True))
    forward = Forward(ROWS, LENGTH, LEARNED)
    assert told.per_seen * forward.seen == 196_608
    kept = told.n_bytes(forward) - max(told.working * forward.tokens, told.per_learned * forward.learned)
    before = saved_bytes(model, 0.0, False)
    take_short_rows(model)
    after = saved_bytes(model, 0.0, False)
    assert after > before + 196_608 / 2
    assert kept == pytest.approx(after, rel=0.2)
    assert replace(forward, length=1000).seen == ROWS * 1000 * 128


def test_full_tuning_in_16_bits_goes_by_torch(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """Parameters in float32, the pass under autocast, the way back outside of it: the losses are those of attention=sdpa."""
    rows = write_rows("chats.jsonl", chats(8, 0, False))
    losses = []
    for attention in ("auto", "sdpa"):
        out, machine = str(tmp_path / attention), Machine(device="cpu", threads=1, dtype="bfloat16", attention=attention)  # type: ignore[arg-type]
        run_skill(SkillJob(base, out, rows, tuning="full", steps=3, batch_rows=4, machine=machine), lambda _: None)
        losses.append([json.loads(line)["loss"] for line in Path(out, "log.jsonl").read_text().splitlines()])
    assert losses[0] == losses[1]


def test_a_model_that_gives_something_else_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that looks at the name of its attention: here every second value is lost."""
    model = next(small_models())
    monkeypatch.setattr(short_rows, "attend", lambda module, q, k, v, mask, **options: (attend(module, q, k, v * (k > 0), mask, **options)[0], None))
    take_short_rows(model)
    assert model.config._attn_implementation == "sdpa"
    monkeypatch.setattr(short_rows, "attend", lambda module, q, k, v, mask, **options: (attend(module, q, k, v * math.nan, mask, **options)[0], None))
    take_short_rows(model)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("attention", "padding", "expected"), [("auto", "padded", short_rows.NAME), ("sdpa", "padded", "sdpa"), ("auto", "free", "sdpa_of_segments")]
)
def test_a_session_takes_it_unless_asked_for_another(attention: Any, padding: Any, expected: str, base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    plan = AdapterPlan("fictitious_v1_statement", write_rows("v1.jsonl", documents(4, 1)), steps=1)
    machine = Machine(device="cpu", attention=attention, padding=padding)
    session = open_session(KnowledgeJob(base, str(tmp_path / "out"), (plan,), 0, Lora(4, 8, 0.0), Optim(), machine))
    assert session.model.config._attn_implementation == expected
