"""Attention among rows that lie end to end in one: no padding in any layer but inside of attention, which takes its own.

FlashAttention takes such rows by their bounds (its variable-length kernel, which transformers calls). torch's attention does not: a mask
that keeps n rows apart would be n times too large, so queries, keys and values are laid out as padded rows for the one product, exactly.
Rotary and learned positions restart with each row (`Batch.inputs`).
Legend: N rows, W tokens of the longest, T tokens of all, H heads, D width of a head.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from factcli.errors import SettingsError
from factcli.train.batches import Tokens, collate, lay_end_to_end
from factcli.train.objectives import Scorer

NAME = "sdpa_of_segments"
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4}  # of the largest logit; of 16 bits 3e-2: rows that see each other are apart by its size


def attend(module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any) -> tuple[Tensor, None]:
    """torch's causal attention, of padded rows (N, H, W, D) or of rows end to end (1, H, T, D); gives (N, W, H, D) or (1, T, H, D)."""
    bounds = options.get("cu_seq_lens_q")
    if bounds is None:
        mask = _band(query.shape[2], query.device, options) if attention_mask is None else attention_mask
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    n_rows, width, n_tokens = len(bounds) - 1, int(options["max_length_q"]), query.shape[2]
    lengths = bounds.diff()
    row_T = torch.repeat_interleave(torch.arange(n_rows, device=bounds.device), lengths, output_size=n_tokens)
    place_T = torch.arange(n_tokens, device=bounds.device) + (torch.arange(n_rows, device=bounds.device) * width - bounds[:-1])[row_T]
    rows = [_as_rows(states, place_T, n_rows, width) for states in (query, key, value)]
    out_NWHD, _ = sdpa_attention_forward(module, rows[0], rows[1], rows[2], _band(width, query.device, options), **options)
    return out_NWHD.flatten(0, 1).index_select(0, place_T)[None], None


def _as_rows(states_1HTD: Tensor, place_T: Tensor, n_rows: int, width: int) -> Tensor:
    """(N, H, W, D), zero behind the end of each row."""
    states_THD = states_1HTD[0].transpose(0, 1)
    empty = states_THD.new_zeros(n_rows * width, *states_THD.shape[1:])
    return empty.index_copy(0, place_T, states_THD).unflatten(0, (n_rows, width)).transpose(1, 2)


def _band(width: int, device: torch.device, options: dict[str, Any]) -> Tensor | None:
    """(W, W) whether a token sees another, where this layer looks back on a window only; None: all before it."""
    window = options.get("sliding_window")
    if window is None or width <= window:
        return None
    place = torch.arange(width, device=device)
    apart = place[:, None] - place
    return (apart >= 0) & (apart < window)


def take_segments(model: PreTrainedModel) -> None:
    """Let a model on torch's attention take rows end to end. Raises SettingsError where its rows then are not what they are padded."""
    kind, hint = model.config.model_type, "--set compute.padding=padded"
    if model.config._attn_implementation == "eager":
        raise SettingsError(f"padding=free needs attention sdpa or flash, and {kind} has its own", hint)
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        model.set_attn_implementation(NAME)
    if getattr(model.config, "attention_chunk_size", None):
        raise SettingsError(f"padding=free does not know the attention in chunks of {kind}", hint)
    rows = [Tokens("a", (1, 2, 3, 1), ((1, 4),)), Tokens("b", (3, 1, 2), ((1, 3),))]
    scorer = Scorer(model)
    device = model.device
    try:
        with torch.no_grad():
            padded, free = scorer.logits(collate(rows, 0).to(device)), scorer.logits(lay_end_to_end(rows).to(device))
    except (TypeError, ValueError, RuntimeError) as error:
        raise SettingsError(f"{kind} does not take rows laid end to end: {str(error).splitlines()[0]}", hint) from error
    if float((padded - free).abs().max()) > TOLERANCES.get(model.dtype, 3e-2) * float(padded.abs().max()):
        raise SettingsError(f"rows laid end to end see each other in {kind}, so padding=free would train something else", hint)
