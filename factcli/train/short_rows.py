"""Causal attention of short rows on a CPU, as batched products of matrices: faster there than torch's kernel, which is made for long ones.

Queries go in blocks, each over the keys up to its end, so that much of what causality hides is never computed. Probabilities are kept for
the way back; where nothing below learns, queries and keys get no gradient, which torch's kernel computes all the same.
Legend: N rows, H heads, T tokens, D width of a head, B rows x heads, Q queries of a block, E keys up to its end.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from factcli.train.memory import SHORT_ROW

NAME = "sdpa_of_short_rows"
BLOCK = 64  # queries
ANOTHERS = ("softcap", "position_bias", "cache")  # options of models that attend in another way
TOLERANCE = 1e-4  # of the largest logit


class CausalAttention(torch.autograd.Function):
    """softmax(scale q k^T) v over the keys up to each query; all (B, T, D)."""

    @staticmethod
    def forward(ctx: Any, q_BTD: Tensor, k_BTD: Tensor, v_BTD: Tensor, scale: float) -> Tensor:
        n_tokens = q_BTD.shape[1]
        hidden_TT = q_BTD.new_full((n_tokens, n_tokens), float("-inf")).triu_(1)
        done_BTD = torch.empty_like(q_BTD)
        seen = []
        for start, end in blocks_of(n_tokens):
            p_BQE = torch.baddbmm(hidden_TT[start:end, :end], q_BTD[:, start:end], k_BTD[:, :end].transpose(1, 2), alpha=scale)
            torch.softmax(p_BQE, -1, out=p_BQE)
            done_BTD[:, start:end] = p_BQE @ v_BTD[:, :end]
            seen.append(p_BQE)
        ctx.save_for_backward(q_BTD, k_BTD, v_BTD, *seen)
        ctx.scale = scale
        return done_BTD

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_BTD = grads[0]
        q_BTD, k_BTD, v_BTD, *seen = ctx.saved_tensors
        is_looked_at = any(ctx.needs_input_grad[:2])
        dq_BTD = torch.empty_like(q_BTD) if is_looked_at else None
        dk_BTD = dv_BTD = None
        for (start, end), p_BQE in reversed([*zip(blocks_of(q_BTD.shape[1]), seen, strict=True)]):  # the last block sees all keys
            grad_BQD = grad_BTD[:, start:end]
            if ctx.needs_input_grad[2]:
                dv_BTD = _added(dv_BTD, p_BQE.transpose(1, 2) @ grad_BQD)
            if dq_BTD is not None:
                ds_BQE = torch._softmax_backward_data(grad_BQD @ v_BTD[:, :end].transpose(1, 2), p_BQE, -1, p_BQE.dtype).mul_(ctx.scale)
                dq_BTD[:, start:end] = ds_BQE @ k_BTD[:, :end]
                dk_BTD = _added(dk_BTD, ds_BQE.transpose(1, 2) @ q_BTD[:, start:end])
        return dq_BTD, dk_BTD, dv_BTD, None


def _added(onto_BTD: Tensor | None, part_BED: Tensor) -> Tensor:
    """The sum, of which a part is for the first E tokens."""
    if onto_BTD is None:
        return part_BED
    onto_BTD[:, : part_BED.shape[1]] += part_BED
    return onto_BTD


def blocks_of(n_tokens: int) -> Iterator[tuple[int, int]]:
    """(first, behind the last) query of each block."""
    for start in range(0, n_tokens, BLOCK):
        yield start, min(start + BLOCK, n_tokens)


def attend(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any) -> tuple[Tensor, None]:
    """(N, T, H, D) of queries, keys and values (N, H, T, D); torch's attention, but for short rows in which each token sees all before it."""
    if attention_mask is not None or not is_short(module, query, key, value, options):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    n_rows, n_heads, n_tokens, width = query.shape
    key, value = (repeat_kv(states, n_heads // states.shape[1]) for states in (key, value))
    scale = options.get("scaling") or width**-0.5
    flat = [states.reshape(n_rows * n_heads, n_tokens, width) for states in (query, key, value)]
    done_BTD: Tensor = CausalAttention.apply(*flat, scale)
    return done_BTD.view(n_rows, n_heads, n_tokens, width).transpose(1, 2).contiguous(), None


def is_short(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, options: dict[str, Any]) -> bool:
    if any(options.get(name) is not None for name in ANOTHERS) or options.get("dropout"):
        return False
    asked = options.get("is_causal")
    is_causal = getattr(module, "is_causal", True) if asked is None else asked
    # under autocast products come out in 16 bits, of which the way back, outside of it, knows nothing
    is_exact = query.dtype == key.dtype == value.dtype and query.dtype.itemsize >= 4 and not torch.is_autocast_enabled("cpu")
    is_whole = 1 < query.shape[2] == key.shape[2] <= SHORT_ROW and query.shape[3] == value.shape[3]
    return is_causal and is_exact and is_whole and query.device.type == "cpu"


def take_short_rows(model: PreTrainedModel) -> None:
    """Let a model on torch's attention, on a CPU, compute short rows so; one that then gives something else stays as it is."""
    if model.config._attn_implementation != "sdpa" or not model._can_set_attn_implementation() or model.device.type != "cpu":
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    before_NTV = _probed(model)
    model.set_attn_implementation(NAME)
    is_same = float((_probed(model) - before_NTV).abs().max()) <= TOLERANCE * float(before_NTV.abs().max())  # no NaN is
    if not is_same:
        model.set_attn_implementation("sdpa")


def _probed(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        logits_NTV: Tensor = model(input_ids=torch.tensor([[1, 2, 3, 2, 1]], device=model.device), use_cache=False).logits
    return logits_NTV
