"""Products of groups of tokens with an adapter each.

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
        h_MR = products(x_MI, a_KRI.transpose(1, 2), sizes)
        done_MO = torch.empty_like(out_MO)
        for part, b in zip(parts_of(sizes), b_KOR, strict=True):
            torch.addmm(out_MO[part], h_MR[part], b.t(), alpha=scale, out=done_MO[part])
        trained = (x_MI, h_MR) if any(ctx.needs_input_grad[2:4]) else ()  # frozen adapters need neither
        ctx.save_for_backward(a_KRI, b_KOR, *trained)
        ctx.sizes, ctx.scale = sizes, scale
        return done_MO

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_MO = grads[0].contiguous()
        a_KRI, b_KOR, *trained = ctx.saved_tensors
        h_MR = products(grad_MO, b_KOR, ctx.sizes).mul_(ctx.scale)
        grad_x = products(h_MR, a_KRI, ctx.sizes) if ctx.needs_input_grad[0] else None  # the first layer's inputs learn nothing
        if not trained:
            return grad_x, grad_MO, None, None, None, None
        inputs_MI, inner_MR = trained
        parts = list(parts_of(ctx.sizes))
        grad_a = torch.stack([h_MR[part].t() @ inputs_MI[part] for part in parts])
        grad_b = torch.stack([grad_MO[part].t() @ inner_MR[part] for part in parts]) * ctx.scale
        return grad_x, grad_MO, grad_a, grad_b, None, None


class GroupsBesideOne(torch.autograd.Function):
    """What each group's own frozen adapter adds, and what one adds that all share and that learns: (out + both), (M, O).

    In one step, as each would read and write results and gradients as wide as the layer. `a_KRI`, `b_KOR`, `scale`: of the groups;
    `shared_a` [R', I], `shared_b` [O, R'], `shared_scale`: of the shared one.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x_MI: Tensor,
        out_MO: Tensor,
        a_KRI: Tensor,
        b_KOR: Tensor,
        scale: float,
        shared_a: Tensor,
        shared_b: Tensor,
        shared_scale: float,
        sizes: Sequence[int],
    ) -> Tensor:
        shared_h = x_MI @ shared_a.t()
        done_MO = torch.addmm(out_MO, shared_h, shared_b.t(), alpha=shared_scale)
        add_products(done_MO, products(x_MI, a_KRI.transpose(1, 2), sizes), b_KOR.transpose(1, 2), sizes, scale)
        ctx.save_for_backward(x_MI, shared_h, a_KRI, b_KOR, shared_a, shared_b)
        ctx.sizes, ctx.scale, ctx.shared_scale = sizes, scale, shared_scale
        return done_MO

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_MO = grads[0].contiguous()
        x_MI, shared_h, a_KRI, b_KOR, shared_a, shared_b = ctx.saved_tensors
        shared_grad = (grad_MO @ shared_b).mul_(ctx.shared_scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = shared_grad @ shared_a
            add_products(grad_x, products(grad_MO, b_KOR, ctx.sizes), a_KRI, ctx.sizes, ctx.scale)
        grad_b = (grad_MO.t() @ shared_h).mul_(ctx.shared_scale)
        return grad_x, grad_MO, None, None, None, shared_grad.t() @ x_MI, grad_b, None, None


def products(x_MI: Tensor, w_KIO: Tensor, sizes: Sequence[int]) -> Tensor:
    """(M, O): each group's tokens times its own matrix."""
    done_MO = x_MI.new_empty(len(x_MI), w_KIO.shape[2])
    if is_equal(sizes):
        torch.bmm(x_MI.view(len(sizes), -1, x_MI.shape[1]), w_KIO, out=done_MO.view(len(sizes), -1, w_KIO.shape[2]))
        return done_MO
    for part, w_IO in zip(parts_of(sizes), w_KIO, strict=True):
        torch.mm(x_MI[part], w_IO, out=done_MO[part])
    return done_MO


def add_products(onto_MO: Tensor, x_MI: Tensor, w_KIO: Tensor, sizes: Sequence[int], scale: float) -> None:
    """The same times `scale`, added in place."""
    if is_equal(sizes):
        k = len(sizes)
        onto_MO.view(k, -1, onto_MO.shape[1]).baddbmm_(x_MI.view(k, -1, x_MI.shape[1]), w_KIO, alpha=scale)
        return
    for part, w_IO in zip(parts_of(sizes), w_KIO, strict=True):
        onto_MO[part].addmm_(x_MI[part], w_IO, alpha=scale)


def is_equal(sizes: Sequence[int]) -> bool:
    return len(set(sizes)) == 1


def parts_of(sizes: Sequence[int]) -> Iterator[slice]:
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size
