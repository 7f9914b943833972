"""The next token of each row of a batch, drawn with numbers that belong to the row: what else is in the batch changes nothing."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from factcli.backends.requests import Request


class Draw:
    """How one row draws its next tokens: greedily, or by numbers of its own seed."""

    def __init__(self, request: Request, ask: int) -> None:
        self.temperature = request.sampling.temperature
        self.top_p = request.sampling.top_p
        self._random = Random(request.seed_of_try(ask))  # no seed: the system's entropy

    def number(self) -> float:
        return self._random.random()


def choose(logits_BV: Tensor, draws: Sequence[Draw]) -> Tensor:
    """(B,) token ids: the likeliest where temperature is 0, else the one in whose share of the probability the number falls."""
    chosen_B = logits_BV.argmax(-1)
    drawn = [row for row, draw in enumerate(draws) if draw.temperature > 0]
    if not drawn:
        return chosen_B
    rows_R = torch.tensor(drawn, device=logits_BV.device)
    temperature_R, top_p_R, number_R = (
        torch.tensor([value(draws[row]) for row in drawn], device=logits_BV.device, dtype=torch.float64)
        for value in (lambda draw: draw.temperature, lambda draw: draw.top_p, Draw.number)
    )
    share_RV, order_RV = (logits_BV[rows_R].double() / temperature_R[:, None]).softmax(-1).sort(dim=-1, descending=True, stable=True)
    before_RV = share_RV.cumsum(-1) - share_RV
    kept_RV = share_RV * (before_RV < top_p_R[:, None])  # the likeliest token is always kept
    upto_RV = kept_RV.cumsum(-1)
    place_R = (upto_RV <= number_R[:, None] * upto_RV[:, -1:]).sum(-1).clamp(max=kept_RV.count_nonzero(-1) - 1)
    chosen_B[rows_R] = order_RV.gather(-1, place_R[:, None])[:, 0]
    return chosen_B
