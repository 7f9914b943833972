"""The next token of each row of a batch, drawn with numbers that belong to the row: what else is in the batch changes nothing."""

from collections.abc import Iterable, Sequence
from random import Random

import torch
from torch import Tensor

from factcli.backends.requests import Request


class Draw:
    """How one row draws its next tokens: greedily, or by numbers of its own seed. `prompt`: the ids that a repetition penalty is of too."""

    def __init__(self, request: Request, ask: int, prompt: Iterable[int] = ()) -> None:
        self.temperature = request.sampling.temperature
        self.top_p = request.sampling.top_p
        self.repetition_penalty = request.sampling.repetition_penalty or 1.0  # 1 changes nothing
        self.seen = set(prompt)
        self._random = Random(request.seed_of_try(ask))  # no seed: the system's entropy

    def number(self) -> float:
        return self._random.random()


def choose(logits_BV: Tensor, draws: Sequence[Draw]) -> Tensor:
    """(B,) token ids: the likeliest where temperature is 0, else the one in whose share of the probability the number falls."""
    penalised_BV = penalised(logits_BV, draws)
    chosen_B = penalised_BV.argmax(-1)
    drawn = [row for row, draw in enumerate(draws) if draw.temperature > 0]
    if drawn:
        chosen_B[drawn] = _drawn(penalised_BV[drawn], [draws[row] for row in drawn])
    for draw, token in zip(draws, chosen_B.tolist(), strict=True):
        draw.seen.add(token)
    return chosen_B


def penalised(logits_BV: Tensor, draws: Sequence[Draw]) -> Tensor:
    """The logits with those of tokens seen before divided by the row's penalty, or multiplied where they are negative.

    Keskar et al. 2019 (https://arxiv.org/abs/1909.05858, eq. 2) in the form of transformers and vLLM.
    """
    rows = [row for row, draw in enumerate(draws) if draw.repetition_penalty != 1 and draw.seen]
    if not rows:
        return logits_BV
    changed_BV = logits_BV.clone()
    for row in rows:
        seen_S = torch.tensor(sorted(draws[row].seen), device=logits_BV.device)
        logits_S, penalty = logits_BV[row, seen_S], draws[row].repetition_penalty
        changed_BV[row, seen_S] = torch.where(logits_S < 0, logits_S * penalty, logits_S / penalty)
    return changed_BV


def _drawn(logits_RV: Tensor, draws: Sequence[Draw]) -> Tensor:
    """(R,) token ids, each by the next number of its row."""
    temperature_R, top_p_R, number_R = (
        torch.tensor([value(draw) for draw in draws], device=logits_RV.device, dtype=torch.float64)
        for value in (lambda draw: draw.temperature, lambda draw: draw.top_p, Draw.number)
    )
    share_RV, order_RV = (logits_RV.double() / temperature_R[:, None]).softmax(-1).sort(dim=-1, descending=True, stable=True)
    before_RV = share_RV.cumsum(-1) - share_RV
    kept_RV = share_RV * (before_RV < top_p_R[:, None])  # the likeliest token is always kept
    upto_RV = kept_RV.cumsum(-1)
    place_R = (upto_RV <= number_R[:, None] * upto_RV[:, -1:]).sum(-1).clamp(max=kept_RV.count_nonzero(-1) - 1)
    return order_RV.gather(-1, place_R[:, None])[:, 0]
