"""The product of groups of unequally many tokens with an adapter each, which no batched product takes.

Legend: M tokens of all groups, one group after the other, I inputs, O outputs of a site, R rank, K groups.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


class UnequalGroups(torch.autograd.Function):
    """out + scale x (x A^T) B^T, (M, O), each group by its own A [R, I] and B [O, R]. `sizes`: tokens of each group.

    Written out, as every group writes into its part of one result: torch.cat would copy the results of all, forwards and backwards.
    """

    @staticmethod
    def forward(ctx: Any, x_MI: Tensor, out_MO: Tensor, a_KRI: Tensor, b_KOR: Tensor, sizes: Sequence[int], scale: float) -> Tensor:
        h_MR, done_MO = x_MI.new_empty(len(x_MI), a_KRI.shape[1]), torch.empty_like(out_MO)
        for part, a, b in zip(parts_of(sizes), a_KRI, b_KOR, strict=True):
            torch.mm(x_MI[part], a.t(), out=h_MR[part])
            torch.addmm(out_MO[part], h_MR[part], b.t(), alpha=scale, out=done_MO[part])
        trained = (x_MI, h_MR) if any(ctx.needs_input_grad[2:4]) else ()  # frozen adapters need neither
        ctx.save_for_backward(a_KRI, b_KOR, *trained)
        ctx.sizes, ctx.scale = sizes, scale
        return done_MO

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_MO = grads[0].contiguous()
        a_KRI, b_KOR, *trained = ctx.saved_tensors
        parts = list(parts_of(ctx.sizes))
        h_MR = grad_MO.new_empty(len(grad_MO), a_KRI.shape[1])
        for part, b in zip(parts, b_KOR, strict=True):
            torch.mm(grad_MO[part], b, out=h_MR[part])
        h_MR *= ctx.scale
        x_MI = grad_MO.new_empty(len(grad_MO), a_KRI.shape[2])
        for part, a in zip(parts, a_KRI, strict=True):
            torch.mm(h_MR[part], a, out=x_MI[part])
        if not trained:
            return x_MI, grad_MO, None, None, None, None
        inputs_MI, inner_MR = trained
        grad_a = torch.stack([h_MR[part].t() @ inputs_MI[part] for part in parts])
        grad_b = torch.stack([grad_MO[part].t() @ inner_MR[part] for part in parts]) * ctx.scale
        return x_MI, grad_MO, grad_a, grad_b, None, None


def parts_of(sizes: Sequence[int]) -> Iterator[slice]:
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size
