"""LoRA adapters beside a frozen base model: several at once, whole batch or row by row.

Deltas are added by forward hooks; the base's modules are neither replaced nor changed. An adapter owns one
flat float32 vector in which its A [r, in] and B [out, r] of all sites lie one after the other: one tensor
to optimise, clip, save and reduce. The pieces are views cut out in the forward pass, and the vectors of K
adapters are stacked only there. PEFT's own switching is not used: it silently unfreezes adapters and
cannot route rows in training.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from factcli.errors import SettingsError, nearest
from factcli.train.adapter_files import Shape, read_adapter, write_adapter
from factcli.train.job import check_name
from factcli.train.routes import Cut, DropoutKey, GroupedRoute, PlainRoute, Route, cut, distinct, is_one_step, plain_routes
from factcli.train.seeds import seed_of
from factcli.train.sites import Site, find_sites


@dataclass(frozen=True, slots=True)
class Slot:
    """One matrix in the flat vector; `side` is "A" [r, in] or "B" [out, r]."""

    site: str
    side: str
    rows: int
    columns: int

    @property
    def size(self) -> int:
        return self.rows * self.columns


class Adapter:
    """One named adapter: its shape, where its matrices lie in its vector, and the vector."""

    def __init__(self, name: str, shape: Shape, seed: int, sites: Sequence[Site]) -> None:
        self.name = name
        self.shape = shape
        self.seed = seed
        pairs = [(Slot(s.name, "A", shape.r, s.n_in), Slot(s.name, "B", s.n_out, shape.r)) for s in sites]
        self.slots = tuple(slot for pair in pairs for slot in pair)
        self.vector = nn.Parameter(torch.zeros(sum(slot.size for slot in self.slots)))

    def matrices(self) -> dict[tuple[str, str], Tensor]:
        """(site, side) -> view into the vector, without gradient."""
        pieces = self.vector.detach().split([slot.size for slot in self.slots])
        return {(s.site, s.side): p.view(s.rows, s.columns) for s, p in zip(self.slots, pieces, strict=True)}

    def initialise(self) -> None:
        """PEFT's start: A uniform as kaiming with a = sqrt(5), B zero, so that the first delta is 0."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.name, "init"))
        for (_, side), matrix in self.matrices().items():
            if side == "A":
                nn.init.kaiming_uniform_(matrix, a=math.sqrt(5), generator=generator)


class AdapterBank:
    """The adapters of one model, and which of them are plugged in.

    Attach one bank to a model at a time; `detach` takes its hooks off again.
    """

    def __init__(self, model: PreTrainedModel, targets: str | Sequence[str] = "all-linear") -> None:
        self.model = model
        self.sites = {site.name: site for site in find_sites(model, targets)}
        self.adapters: dict[str, Adapter] = {}
        self.active_rows_log: tuple[tuple[str, ...], ...] = ()
        self._routes: tuple[Route, ...] = ()
        self._stack: Cut | None = None
        self._hooks = [site.module.register_forward_hook(self._hook(site.name)) for site in self.sites.values()]

    def add(self, name: str, r: int, alpha: float, dropout: float, seed: int) -> Adapter:
        """A new adapter that changes nothing yet (B is zero); its A depends on (seed, name) only."""
        adapter = self.place(name, Shape(r, alpha, dropout), seed, tuple(self.sites))
        adapter.initialise()
        adapter.vector.data = adapter.vector.data.to(self.device)
        return adapter

    def place(self, name: str, shape: Shape, seed: int, sites: Sequence[str]) -> Adapter:
        """An all-zero adapter on some of the bank's sites, on the CPU."""
        if check_name(name) in self.adapters:
            raise SettingsError(f"there is an adapter {name!r} already")
        self.adapters[name] = Adapter(name, shape, seed, [self.sites[site] for site in sites])
        return self.adapters[name]

    def load(self, name: str, directory: Path, dropout: float | None = None) -> Adapter:
        """An adapter from a PEFT directory, frozen; `dropout` None keeps the one it was trained with."""
        adapter = read_adapter(self, name, directory)
        adapter.vector.data = adapter.vector.data.to(self.device)
        self.freeze(name, adapter.shape.dropout if dropout is None else dropout)
        return adapter

    def save(self, name: str, directory: Path, base: str) -> Path:
        """Write an adapter as an ordinary PEFT directory; `base` is what it says it belongs to."""
        return write_adapter(self.model, self.get(name), directory, base)

    def remove(self, name: str) -> None:
        self.get(name)
        del self.adapters[name]
        self._stack = None

    def detach(self) -> None:
        """Take the hooks off: the model is as it was before the bank."""
        for hook in self._hooks:
            hook.remove()

    def get(self, name: str) -> Adapter:
        if name not in self.adapters:
            raise SettingsError(f"no adapter {name!r}{nearest(name, self.adapters)}")
        return self.adapters[name]

    def freeze(self, name: str, dropout: float = 0.0) -> None:
        """No gradient from here on, and its own dropout set (0: a frozen part is not noisy)."""
        adapter = self.get(name)
        adapter.vector.requires_grad_(False)
        adapter.shape = replace(adapter.shape, dropout=dropout)

    def digest(self, name: str) -> str:
        """sha256 over the sites, shapes and bytes of an adapter."""
        adapter = self.get(name)
        digest = hashlib.sha256(repr((adapter.slots, adapter.shape.r, float(adapter.shape.alpha))).encode())
        digest.update(adapter.vector.detach().cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def device(self) -> torch.device:
        first = next(iter(self.sites.values()))
        return next(first.module.parameters()).device

    @contextmanager
    def active(self, names: Sequence[str], dropout: DropoutKey | None = None) -> Iterator[None]:
        """Inside, all rows go through the sum of these adapters. `dropout` only while training."""
        adapters = [self.get(name) for name in names]
        with self._plugged(tuple(plain_routes(adapters, dropout)), (tuple(names),)):
            yield

    @contextmanager
    def active_rows(self, rows: Sequence[Sequence[str]], dropout: DropoutKey | None = None, lengths: Sequence[int] = ()) -> Iterator[None]:
        """Inside, row i of the batch goes through the sum of the adapters `rows[i]`. `lengths`: of rows that lie end to end.

        Adapters that all rows name take the plain path. Of the others each row names the same number, and
        those at one place of the list have one rank, alpha and set of sites, so that they can be stacked.
        """
        shared = [name for name in rows[0] if all(name in row for row in rows)]
        rest = [[name for name in row if name not in shared] for row in rows]
        if len({len(row) for row in rest}) != 1:
            raise SettingsError("rows of one batch name different numbers of adapters")
        columns = [[self.get(row[place]) for row in rest] for place in range(len(rest[0]))]
        common = [self.get(name) for name in shared]
        routes: list[Route] = [*plain_routes(common, dropout, 1 if lengths else len(rows))]
        if len(columns) == 1 and is_one_step(columns[0], common, dropout):
            routes = [GroupedRoute(columns[0], dropout, lengths, PlainRoute(common, dropout), self._stack_of(columns[0]))]
        else:
            routes += [GroupedRoute(column, dropout, lengths) for column in columns]
        with self._plugged(tuple(routes), tuple(tuple(row) for row in rows)):
            yield

    def _stack_of(self, column: Sequence[Adapter]) -> Cut:
        """Of frozen adapters, as the last pass that had the same made it: one is held at a time, as it is as large as they are."""
        adapters = distinct(column)
        if self._stack is None or self._stack.adapters != adapters:
            self._stack = Cut(adapters, cut)
        return self._stack

    @contextmanager
    def _plugged(self, routes: tuple[Route, ...], log: tuple[tuple[str, ...], ...]) -> Iterator[None]:
        before = self._routes, self.active_rows_log
        self._routes, self.active_rows_log = routes, log
        try:
            yield
        finally:
            self._routes, self.active_rows_log = before

    def _hook(self, site: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def add_deltas(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            for route in self._routes:
                output = route.add(site, inputs[0], output)
            return output

        return add_deltas
