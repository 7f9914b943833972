"""The products of a pass in which each row goes through its own adapter: the ways to make them, taking turns.

    python -m tests.bench products [--turns N]

Forwards and backwards through one site of a tiny model, CPU milliseconds of one thread: one batched product of equal groups; a product
for each group, which unequal ones need; and one product with all adapters whose other groups' part is set to zero.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from factcli.train.groups import UnequalGroups, parts_of

N, RANK, REPEATS = 5, 16, 20
Way = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # x (M, I), what is added to (M, O), A (K, R, I), B (K, O, R) -> (M, O)


@dataclass(frozen=True, slots=True)
class Case:
    """Tokens of each group in a pass, and the site's width."""

    name: str
    sizes: Sequence[int]
    n_in: int
    n_out: int

    @property
    def is_equal(self) -> bool:
        return len(set(self.sizes)) == 1


CASES = (
    Case("statements, 6 rows each", [384] * N, 128, 320),
    Case("passages, 12 rows each", [1536] * N, 128, 320),
    Case("skill, unequal", [230, 160, 190, 120, 200], 128, 320),
    Case("a wider model", [384] * N, 1024, 1024),
)


def batched(k: int, x_MI: Tensor, out_MO: Tensor, a_KRI: Tensor, b_KOR: Tensor) -> Tensor:
    h_KnR = torch.bmm(x_MI.view(k, -1, x_MI.shape[1]), a_KRI.transpose(1, 2))
    return torch.baddbmm(out_MO.view(k, -1, out_MO.shape[1]), h_KnR, b_KOR.transpose(1, 2)).view_as(out_MO)


def by_group(sizes: Sequence[int], x_MI: Tensor, out_MO: Tensor, a_KRI: Tensor, b_KOR: Tensor) -> Tensor:
    return UnequalGroups.apply(x_MI, out_MO, a_KRI, b_KOR, sizes, 1.0)


def masked(mask_MKR: Tensor, x_MI: Tensor, out_MO: Tensor, a_KRI: Tensor, b_KOR: Tensor) -> Tensor:
    h_MQ = (x_MI @ a_KRI.flatten(0, 1).t()) * mask_MKR
    return torch.addmm(out_MO, h_MQ, b_KOR.transpose(0, 1).flatten(1, 2).t())


def ways_of(case: Case) -> dict[str, Way]:
    mask_MKR = torch.zeros(sum(case.sizes), len(case.sizes) * RANK)
    for group, part in enumerate(parts_of(case.sizes)):
        mask_MKR[part, group * RANK : (group + 1) * RANK] = 1
    ways: dict[str, Way] = {"each group": partial(by_group, case.sizes), "all adapters, masked": partial(masked, mask_MKR)}
    return {"batched": partial(batched, len(case.sizes)), **ways} if case.is_equal else ways


def operands(case: Case) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    k, m = len(case.sizes), sum(case.sizes)
    shapes = ((m, case.n_in), (m, case.n_out), (k, RANK, case.n_in), (k, case.n_out, RANK))
    x, out, a, b = (torch.randn(shape, generator=draw).requires_grad_() for shape in shapes)
    return x, out, a, b


def milliseconds(way: Way, case: Case) -> float:
    given = operands(case)
    grad = torch.ones(sum(case.sizes), case.n_out)
    start = time.process_time()
    for _ in range(REPEATS):
        torch.autograd.grad(way(*given), given, grad)
    return 1000 * (time.process_time() - start) / REPEATS


def table(turns: int) -> str:
    torch.set_num_threads(1)
    lines = ["| pass | batched | each group | all adapters, masked |", "|---|---|---|---|"]
    for case in CASES:
        ways = ways_of(case)
        expected = next(iter(ways.values()))(*operands(case))
        assert all(torch.allclose(way(*operands(case)), expected, rtol=1e-3, atol=1e-3) for way in ways.values())
        found = [{name: milliseconds(way, case) for name, way in ways.items()} for _ in range(turns + 1)][1:]  # the first warms up
        cells = [_spread([turn[name] for turn in found]) if name in ways else "" for name in ("batched", "each group", "all adapters, masked")]
        lines.append(f"| {case.name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{turns} turns of {REPEATS} passes, {N} adapters of rank {RANK}, one thread."])


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
