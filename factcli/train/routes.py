"""How rows pass through adapters inside one forward pass.

Legend: N rows, T positions, I inputs, O outputs of a site, R rank, K stacked adapters, P numbers of an adapter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from factcli.errors import SettingsError
from factcli.train.groups import GroupsBesideOne, UnequalGroups, is_equal
from factcli.train.seeds import seed_of

if TYPE_CHECKING:
    from factcli.train.adapters import Adapter

Pieces = dict[str, tuple[Tensor, Tensor]]  # site -> (A, B)


class Route(Protocol):
    """Adds the delta of one or more adapters to the output of a site."""

    def add(self, site: str, x: Tensor, out: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class DropoutKey:
    """Makes dropout on, and the same wherever an adapter trains: alone, stacked or resumed.

    Masks are drawn from (adapter's seed, its name, step, part, site). `widths`: the number of positions of an
    adapter's own rows, where the batch is padded to a wider one; masks cover only these.
    """

    step: int
    part: int = 0  # which micro-batch of the step
    widths: Mapping[str, int] = field(default_factory=dict)


class PlainRoute:
    """All rows through one adapter, or through several at once as one of their summed rank.

    `n_rows`: of the batch, for a key that has widths: some models (OPT) hand a site the tokens of all rows in one dimension.
    """

    def __init__(self, adapters: Sequence["Adapter"], dropout: DropoutKey | None, n_rows: int | None = None) -> None:
        self.adapters = adapters
        self.dropout = dropout
        self.n_rows = n_rows
        self.pieces = Cut(adapters, joined if len(adapters) > 1 else cut)

    def add(self, site: str, x: Tensor, out: Tensor) -> Tensor:
        pieces = self.pieces.at(x.dtype)
        if site not in pieces:
            return out
        a_RI, b_OR = pieces[site]
        if len(self.adapters) == 1:
            x = dropped(x, self.adapters[0], self.dropout, site, self.n_rows)
            a_RI, b_OR, scale = a_RI[0], b_OR[0], self.adapters[0].shape.scale
        else:
            scale = 1.0  # `joined` has multiplied each B by its own
        h = x.reshape(-1, x.shape[-1]) @ a_RI.t()
        return torch.addmm(out.reshape(-1, out.shape[-1]), h, b_OR.t(), alpha=scale).view_as(out)


def plain_routes(adapters: Sequence["Adapter"], dropout: DropoutKey | None, n_rows: int | None = None) -> list[PlainRoute]:
    """Routes for a sum of adapters; those without dropout and on the same sites share one product of matrices."""
    together: dict[object, list[Adapter]] = {}
    for adapter in adapters:
        is_noisy = dropout is not None and adapter.shape.dropout > 0
        sites = tuple(slot.site for slot in adapter.slots)
        together.setdefault(adapter.name if is_noisy else sites, []).append(adapter)
    return [PlainRoute(group, dropout, n_rows) for group in together.values()]


class GroupedRoute:
    """Each row through its own adapter: rows sorted by adapter, equal groups in one batched product.

    `lengths`: tokens of each row where they lie end to end; what is sorted then are tokens. `beside`: of the one that all rows go through too.
    `stack`: of the column's adapters, where an earlier pass has made it.
    """

    def __init__(
        self,
        column: Sequence["Adapter"],
        dropout: DropoutKey | None,
        lengths: Sequence[int] = (),
        beside: PlainRoute | None = None,
        stack: "Cut | None" = None,
    ) -> None:
        self.adapters = distinct(column)
        check_stackable(self.adapters)
        ends = list(accumulate(lengths or [1] * len(column)))
        places = [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]
        members = [[place for adapter, own in zip(column, places, strict=True) if adapter is one for place in own] for one in self.adapters]
        self.sizes = [len(own) for own in members]
        order = [place for own in members for place in own]
        self.order = None if order == list(range(len(order))) else torch.tensor(order)
        self.dropout = dropout
        self.pieces = stack or Cut(self.adapters, cut)
        self.beside = beside

    def add(self, site: str, x: Tensor, out: Tensor) -> Tensor:
        pieces = self.pieces.at(x.dtype)
        if site not in pieces:
            return out if self.beside is None else self.beside.add(site, x, out)
        n = sum(self.sizes)  # rows; or tokens, each then a row of one position
        x_N, out_N = x.reshape(n, -1, x.shape[-1]), out.reshape(n, -1, out.shape[-1])
        if self.order is None:
            return self._sorted(site, x_N, out_N, *pieces[site]).view_as(out)
        order = self.order.to(x.device)
        done = self._sorted(site, x_N[order], out_N[order], *pieces[site])
        return done[torch.argsort(order)].view_as(out)

    def _sorted(self, site: str, x_NTI: Tensor, out_NTO: Tensor, a_KRI: Tensor, b_KOR: Tensor) -> Tensor:
        if self.dropout is not None and any(adapter.shape.dropout for adapter in self.adapters):
            parts = zip(x_NTI.split(self.sizes), self.adapters, strict=True)
            x_NTI = torch.cat([dropped(part, adapter, self.dropout, site) for part, adapter in parts])
        scale = self.adapters[0].shape.scale
        sizes = [rows * x_NTI.shape[1] for rows in self.sizes]
        x_MI, out_MO = x_NTI.reshape(-1, x_NTI.shape[-1]), out_NTO.reshape(-1, out_NTO.shape[-1])
        shared = {} if self.beside is None else self.beside.pieces.at(x_NTI.dtype)
        if self.beside is not None and site in shared:
            a_RI, b_OR = (matrix[0] for matrix in shared[site])
            return GroupsBesideOne.apply(x_MI, out_MO, a_KRI, b_KOR, scale, a_RI, b_OR, self.beside.adapters[0].shape.scale, sizes).view_as(out_NTO)
        if not is_equal(sizes):
            return UnequalGroups.apply(x_MI, out_MO, a_KRI, b_KOR, sizes, scale).view_as(out_NTO)
        k = len(self.sizes)
        h_KnR = torch.bmm(x_MI.reshape(k, -1, x_MI.shape[-1]), a_KRI.transpose(1, 2))
        return torch.baddbmm(out_MO.reshape(k, -1, out_MO.shape[-1]), h_KnR, b_KOR.transpose(1, 2), alpha=scale).view_as(out_NTO)


def distinct(column: Sequence["Adapter"]) -> list["Adapter"]:
    """In order of first row."""
    return list(dict.fromkeys(column))


class Cut:
    """The matrices of some adapters per site, made anew when a vector or the need for gradients has changed."""

    def __init__(self, adapters: Sequence["Adapter"], make: Callable[[Sequence["Adapter"], torch.dtype], Pieces]) -> None:
        self.adapters = adapters
        self.make = make
        self._state: object = None
        self._pieces: Pieces = {}

    def at(self, dtype: torch.dtype) -> Pieces:
        vectors = [(adapter.vector._version, adapter.vector.data_ptr()) for adapter in self.adapters]
        state = (dtype, torch.is_grad_enabled(), *vectors)
        if state != self._state:
            self._state, self._pieces = state, self.make(self.adapters, dtype)
        return self._pieces


def cut(adapters: Sequence["Adapter"], dtype: torch.dtype) -> Pieces:
    """The stacked vectors [K, P], cut into (A [K, R, I], B [K, O, R]) per site."""
    vectors: list[Tensor] = [adapter.vector.to(dtype) for adapter in adapters]
    stack_KP = torch.stack(vectors) if len(vectors) > 1 else vectors[0].unsqueeze(0)
    slots = adapters[0].slots
    parts = stack_KP.split([slot.size for slot in slots], dim=1)
    matrices = [part.unflatten(1, (slot.rows, slot.columns)) for part, slot in zip(parts, slots, strict=True)]
    return {slots[i].site: (matrices[i], matrices[i + 1]) for i in range(0, len(slots), 2)}


def joined(adapters: Sequence["Adapter"], dtype: torch.dtype) -> Pieces:
    """(A [sum of R, I], scaled B [O, sum of R]) per site: one product instead of one per adapter."""
    each = [(cut([adapter], dtype), adapter.shape.scale) for adapter in adapters]
    return {
        site: (
            torch.cat([pieces[site][0][0] for pieces, _ in each]),
            torch.cat([pieces[site][1][0] * scale for pieces, scale in each], dim=1),
        )
        for site in each[0][0]
    }


def is_one_step(column: Sequence["Adapter"], shared: Sequence["Adapter"], dropout: DropoutKey | None) -> bool:
    """Each row's own adapter, frozen, and one that all share, without noise: GroupsBesideOne serves them."""
    if len(shared) != 1 or any(adapter.vector.requires_grad for adapter in column):
        return False
    return dropout is None or not any(adapter.shape.dropout for adapter in (*column, *shared))


def check_stackable(adapters: Sequence["Adapter"]) -> None:
    first = adapters[0]
    for other in adapters[1:]:
        same = (first.shape.r, first.shape.alpha) == (other.shape.r, other.shape.alpha)
        if not same or first.slots != other.slots:
            raise SettingsError(
                f"adapters {first.name!r} (r {first.shape.r}, alpha {first.shape.alpha:g}) and {other.name!r} "
                f"(r {other.shape.r}, alpha {other.shape.alpha:g}) cannot share a batch",
                hint="rows of one batch need adapters of one rank, alpha and set of target modules",
            )


def dropped(x: Tensor, adapter: "Adapter", key: DropoutKey | None, site: str, n_rows: int | None = None) -> Tensor:
    """x with the adapter's dropout; x itself where there is none. `n_rows`: what x holds, where its shape does not say it."""
    p = adapter.shape.dropout
    if key is None or p == 0:
        return x
    if n_rows is not None and adapter.name in key.widths:
        x = x.reshape(n_rows, -1, x.shape[-1])
    width = key.widths.get(adapter.name, x.shape[-2])
    generator = torch.Generator(x.device)
    generator.manual_seed(seed_of(adapter.seed, adapter.name, "dropout", key.step, key.part, site))
    keep = keep_mask((*x.shape[:-2], width, x.shape[-1]), p, generator)
    mask = torch.nn.functional.pad(keep, (0, 0, 0, x.shape[-2] - width))
    return x * mask.to(x.dtype) / (1 - p)


def keep_mask(shape: Sequence[int], p: float, generator: torch.Generator) -> Tensor:
    """True with probability 1 - p, to 1/65536. Sixteen random bits an element: 4 x as fast as bernoulli_ on a CPU."""
    size = torch.Size(shape)
    words = torch.empty((size.numel() + 3) // 4, dtype=torch.int64, device=generator.device)
    words.random_(-(2**63), None, generator=generator)
    bits = words.view(torch.int16)[: size.numel()]
    return (bits >= round(p * 65536) - 32768).view(size)
