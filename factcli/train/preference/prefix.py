"""Two answers to one prompt in one row, so that the prompt is computed once for both (arXiv 2410.20305).

A row is | prompt, first answer, padding | second answer, padding |. Positions of the second block go on from the prompt's end. In attention
the first block is causal as ever and needs no mask; the second sees the prompt and itself. One mask over the whole row would do too, but
costs more than the prompt saves where answers are long (docs/scaling.md). What a pair gives is what its two padded rows give, but for
rounding; dropout is drawn once for the prompt that both share, where two rows draw it twice.
Legend: B pairs, H heads, T tokens of a row, R of its second block, P of the longest prompt, D width of a head.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from factcli.errors import SettingsError
from factcli.train.job import PreferenceJob
from factcli.train.objectives import Batch, Layout
from factcli.train.preference.pairs import PairRow
from factcli.train.preference.scoring import batch_of, summed_logps

NAME = "sdpa_of_shared_prefix"
LEAST_SAVING = 0.1  # share of the tokens, from which on the rows of pairs took less time on a CPU: `python -m tests.bench prefix-sharing`
BOUND_32_BITS = 1e-4  # of |sum| + tokens, ten times what certificate.py bounds rounding by; a prompt that is not seen is off by more than 1e-2
BOUND_16_BITS = 5e-3  # rounding was seen to be off by up to 3e-4
Ids = Sequence[int]


def answers_of(rows: Sequence[PairRow], pad: int, shares_prefix: bool) -> Batch:
    """All chosen answers, then all rejected ones, in either layout."""
    if shares_prefix:
        return share_prefix([(row.prompt_ids, row.chosen_ids, row.rejected_ids) for row in rows], pad)
    return batch_of([*((row.prompt_ids, row.chosen_ids) for row in rows), *((row.prompt_ids, row.rejected_ids) for row in rows)], pad)


def share_prefix(rows: Sequence[tuple[Ids, Ids, Ids]], pad: int) -> Batch:
    """(prompt, first answer, second answer) each; the second may be empty. `counts` are of all first answers, then of all second ones."""
    n_first, n_second = max(len(prompt) + len(first) for prompt, first, _ in rows), max(1, *(len(second) for *_, second in rows))
    width = n_first + n_second
    ids = [[*_padded([*prompt, *first], n_first, pad), *_padded(second, n_second, pad)] for prompt, first, second in rows]
    ends = [i * width + len(prompt) - 1 for i, (prompt, *_) in enumerate(rows)]  # where both answers' first tokens are predicted
    at_first = [range(end, end + len(first)) for end, (_, first, _) in zip(ends, rows, strict=True)]
    starts = [i * width + n_first for i in range(len(rows))]
    at_second = [[end, *range(start, start + len(second) - 1)] if second else [] for end, start, (*_, second) in zip(ends, starts, rows, strict=True)]
    answers = [*(first for _, first, _ in rows), *(second for *_, second in rows)]
    return Batch(
        torch.tensor(ids),
        torch.tensor([*chain(*at_first, *at_second)], dtype=torch.long),
        torch.tensor([*chain(*answers)], dtype=torch.long),
        tuple(map(len, answers)),
        layout=_layout(rows, n_first, n_second),
    )


def _padded(ids: Ids, width: int, pad: int) -> list[int]:
    return [*ids, *[pad] * (width - len(ids))]


def _layout(rows: Sequence[tuple[Ids, Ids, Ids]], n_first: int, n_second: int) -> Layout:
    """Padding of the second block is at place 0, as a model may have no place after its longest text; it sees itself, so that no row of a softmax is empty."""
    n_prompt_B1, n_second_B1 = (torch.tensor([[len(row[part])] for row in rows]) for part in (0, 2))
    second_R = torch.arange(n_second)
    place_BR = torch.where(second_R < n_second_B1, n_prompt_B1 + second_R, 0)
    place_BT = torch.cat([torch.arange(n_first).expand(len(rows), -1), place_BR], 1)
    sees_prompt_BP = torch.arange(int(n_prompt_B1.max())) < n_prompt_B1
    sees_own_RR = torch.ones(n_second, n_second, dtype=torch.bool).tril()
    mask_BRK = torch.cat([sees_prompt_BP[:, None].expand(-1, n_second, -1), sees_own_RR.expand(len(rows), -1, -1)], 2)
    return Layout(place_BT, mask_BRK[:, None])


def attend(module: nn.Module, query_BHTD: Tensor, key_BHTD: Tensor, value_BHTD: Tensor, mask: Tensor | None, **options: Any) -> tuple[Tensor, None]:
    """torch's attention; of rows in two blocks, which a mask (B, 1, R, P + R) with fewer rows than queries marks, block by block."""
    if mask is None or mask.shape[-2] == query_BHTD.shape[2]:
        return sdpa_attention_forward(module, query_BHTD, key_BHTD, value_BHTD, mask, **options)
    n_second = mask.shape[-2]
    n_first, n_prompt = query_BHTD.shape[2] - n_second, mask.shape[-1] - n_second
    first = (states[:, :, :n_first] for states in (query_BHTD, key_BHTD, value_BHTD))
    seen = (torch.cat([states[:, :, :n_prompt], states[:, :, n_first:]], 2) for states in (key_BHTD, value_BHTD))
    out_first, _ = sdpa_attention_forward(module, *first, None, **options)
    out_second, _ = sdpa_attention_forward(module, query_BHTD[:, :, n_first:], *seen, mask, **options)
    return torch.cat([out_first, out_second], 1), None


def take_shared_prefixes(model: PreTrainedModel) -> None:
    """Let a model on torch's attention take rows in two blocks; all other rows pass as they did. One on another attention stays as it is."""
    if model.config._attn_implementation == "sdpa" and model._can_set_attn_implementation():
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def saving_of(pairs: Sequence[PairRow]) -> float:
    """Share of the tokens of both sequences that a prompt computed once leaves out."""
    return sum(len(row.prompt_ids) for row in pairs) / sum(row.n_all_tokens for row in pairs)


def why_not_tried(job: PreferenceJob, pairs: Sequence[PairRow]) -> str:
    """Why sharing is not even tried, whatever the model; an empty string where it is."""
    if job.prefix_sharing == "off":
        return "prefix_sharing is off"
    saving = saving_of(pairs)
    if job.prefix_sharing == "auto" and saving < LEAST_SAVING:
        return f"it would leave out {saving:.0%} of the tokens, and pays from {LEAST_SAVING:.0%} on"
    return ""


def why_apart(job: PreferenceJob, model: nn.Module, pairs: Sequence[PairRow], pad: int, numbers: str) -> str:
    """Why each answer passes with a prompt of its own; an empty string where one prompt is computed for both.

    `model` has been through `take_shared_prefixes` and `score_answers`. SettingsError where sharing is asked for and the model cannot.
    """
    if why := why_not_tried(job, pairs):
        return why
    why = obstacle(model, pairs, pad, numbers)
    if why and job.prefix_sharing == "on":
        raise SettingsError(f"prefix_sharing is on, and {why}", "--set prefix_sharing=auto, or off: each answer then passes with its prompt")
    return why


def obstacle(model: Any, pairs: Sequence[PairRow], pad: int, numbers: str) -> str:
    """Why this model cannot compute a prompt once for two answers, or an empty string."""
    config, kind = model.config.get_text_config(), model.config.model_type
    longest = max(pairs, key=lambda row: row.n_tokens)
    if config._attn_implementation != NAME:
        return f"{kind} runs attention {config._attn_implementation}, which does not take such rows"
    if unknown := set(getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}:
        return f"{kind} has layers of {sorted(unknown)[0]}"
    for name in ("sliding_window", "attention_chunk_size"):
        window = getattr(config, name, None)
        if window and window < longest.n_tokens:
            return f"{kind} looks back on {window} tokens ({name}), and pair {longest.id} has {longest.n_tokens}"
    return _difference(model, [longest, min(pairs, key=lambda row: row.n_tokens)], pad, numbers)


def _difference(model: Any, rows: Sequence[PairRow], pad: int, numbers: str) -> str:
    """What tells models that carry a state, or have masks or positions of their own: the pairs give something else than they do apart."""
    was_training = model.training
    model.eval()
    n_tokens = torch.tensor([*(len(row.chosen_ids) for row in rows), *(len(row.rejected_ids) for row in rows)])
    try:
        with torch.no_grad():
            apart, shared = (summed_logps(model, answers_of(rows, pad, is_shared).to(model.device)).double().cpu() for is_shared in (False, True))
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{model.config.model_type} does not take such rows: {(str(error).splitlines() or [type(error).__name__])[0]}"
    finally:
        model.train(was_training)
    off = float(((apart - shared).abs() / (apart.abs() + n_tokens)).max())
    if off <= (BOUND_32_BITS if numbers == "float32" else BOUND_16_BITS):
        return ""
    return f"log-probabilities of {model.config.model_type} would differ by {off:.0e} where a prompt is shared"
