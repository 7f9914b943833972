"""Log-probabilities of answers under a model, one number each: float32 logits of the answer's positions, summed in float64.

Both go through the model's own `forward`, so that DDP, autocast and PEFT see it; only answer positions reach the output head.
"""

import functools
import types
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from factcli.train.batches import Tokens, collate
from factcli.train.objectives import Batch, Scorer


def score_answers(model: PreTrainedModel) -> None:
    """Teach a causal language model `forward(answers=Batch)`, which gives (S,) log-probabilities; without it, it does what it did."""
    scorer = Scorer(model)
    usual = model.forward

    @functools.wraps(type(model).forward)  # `generate` reads the signature
    def forward(_self: PreTrainedModel, *args: Any, answers: Batch | None = None, **kwargs: Any) -> Any:
        return usual(*args, **kwargs) if answers is None else -F.cross_entropy(scorer.logits(answers), answers.target_S, reduction="none")

    model.forward = types.MethodType(forward, model)


def batch_of(sequences: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int) -> Batch:
    """(prompt, answer) each, padded on the right; the answer is what is scored."""
    return collate([Tokens("", (*prompt, *answer), ((len(prompt), len(prompt) + len(answer)),)) for prompt, answer in sequences], pad)


def summed_logps(model: nn.Module, batch: Batch) -> Tensor:
    """(N,) sums over each answer, added up in float64, in the format of the logits. `model` has been through `score_answers`."""
    logp_S = model(answers=batch)
    rows_S = torch.repeat_interleave(torch.tensor(batch.counts)).to(logp_S.device)
    zeros_N = torch.zeros(len(batch.counts), dtype=torch.float64, device=logp_S.device)
    return zeros_N.index_add(0, rows_S, logp_S.double()).to(logp_S.dtype)
