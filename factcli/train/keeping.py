"""A frozen base kept in memory from job to job of the warm process: cells of a sweep, like steps of a recipe, mostly stand on one.

Knowledge and skill jobs change nothing of it (their proofs hold them to that); a job that trains every parameter, and preferences, which
wrap the model in modules of their own, load theirs anew. It is kept only while there is room for another copy beside it: what is trained
is evaluated next, in another process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from factcli.train.adapters import AdapterBank
from factcli.train.gauge import room_on

ROOM = 2.0  # times the base's own bytes that must be free: a second copy, and as much to work in


@dataclass(slots=True)
class Kept:
    """The base that was loaded last. `bank`: what a running job has plugged into it."""

    key: tuple[object, ...] | None = None
    model: PreTrainedModel | None = None
    bank: AdapterBank | None = None

    def drop(self) -> None:
        self.key = self.model = self.bank = None


_KEPT: ContextVar[Kept | None] = ContextVar("base that is kept", default=None)


@contextmanager
def keeping() -> Iterator[Kept]:
    """Within it `frozen_base` gives the base of the job before, where it is the same."""
    kept = Kept()
    before = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(before)


def frozen_base(base: str, how: tuple[object, ...], load: Callable[[], PreTrainedModel]) -> PreTrainedModel:
    """What `load` gives, or the one that is kept of the same files in the same way (device, number format).

    Nobody else holds one that is kept: jobs of a process run one after the other.
    """
    kept = _KEPT.get()
    files = files_of(base)
    if kept is None or not files:
        return load()
    key = (base, *how, *files)
    if kept.model is None or kept.key != key:
        kept.drop()  # first: two bases may not fit
        kept.model, kept.key = load(), key
    return kept.model


def lend(bank: AdapterBank) -> None:
    """Say what was plugged in, so that `settle` takes it off again."""
    kept = _KEPT.get()
    if kept is not None and bank.model is kept.model:
        kept.bank = bank


def settle() -> None:
    """After a job: adapters off; without room for another copy the base goes too."""
    kept = _KEPT.get()
    if kept is None or kept.model is None:
        return
    if kept.bank is not None:
        kept.bank.detach()
        kept.bank = None
    n_bytes = sum(parameter.nbytes for parameter in kept.model.parameters())
    room = room_on(kept.model.device)
    if room is None or room.free < ROOM * n_bytes:
        kept.drop()


def drop() -> None:
    """Before a job that loads a base of its own."""
    kept = _KEPT.get()
    if kept is not None:
        kept.drop()


def files_of(base: str) -> tuple[tuple[str, int, int], ...]:
    """(name, bytes, time of the last change) of every file of a directory; of a hub name none: it may mean another commit tomorrow."""
    folder = Path(base)
    found = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in found)
