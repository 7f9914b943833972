"""What is said where memory ends in the middle of training: the largest batch that fits, found by halving. No torch is imported to tell."""

import gc
import sys
from collections.abc import Callable
from typing import TypeVar

from factcli.errors import TrainingError
from factcli.train.job import Unit

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Of a GPU torch.OutOfMemoryError; of a CPU torch's allocator says so in a RuntimeError, Python in a MemoryError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def within_memory(run: Callable[[int], T], n_rows: int, is_alone: bool = True, unit: Unit = "rows") -> T:
    """What `run` gives for a pass of n_rows. Where memory ends, TrainingError with the largest half, quarter, ... that passes.

    `run(n)` passes the first n rows forwards and backwards. The step is lost, and the run ends: what was saved stays. One of several
    processes tries no halves: its passes may be the others' too, and those wait for it already.
    """
    try:
        return run(n_rows)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        said = first_words(error)
    # outside of `except`: the error's frames held the pass in memory
    raise shortage(n_rows, said, largest_half(run, n_rows) if is_alone else None, unit)


def largest_half(run: Callable[[int], object], n_rows: int) -> int:
    """The first of n/2, n/4, ..., 1 rows that passes; 0 where not even one does."""
    n_rows //= 2
    while n_rows and not _passes(run, n_rows):
        n_rows //= 2
    return n_rows


def _passes(run: Callable[[int], object], n_rows: int) -> bool:
    """Twice: the gradients of the first pass are held in the second, as they are in every later step."""
    _free()
    try:
        run(n_rows)
        run(n_rows)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def _free() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def shortage(n_rows: int, said: str, fits: int | None = None, unit: Unit = "rows") -> TrainingError:
    """`fits`: rows that passed; None where that was not tried."""
    message = f"memory ended in a pass of {n_rows} {unit}: {said}" if n_rows else f"memory ended: {said}"
    if unit == "documents":
        return TrainingError(message, "fewer documents in a step need less (--set pretrain.documents_per_step=), and so does a smaller model (--size)")
    if fits is None:
        return TrainingError(message, f"fewer {unit} in a pass are the same training in more passes: --set micro_{unit}=1 needs least")
    if not fits:
        return TrainingError(f"{message}; not even one {unit[:-1]} fits", "a lower max_length, a smaller base or --mode qlora")
    return TrainingError(f"{message}; {fits} {unit} fit", f"--set micro_{unit}={fits}: the largest batch that fits, the same training in more passes")


def first_words(error: BaseException) -> str:
    """What the allocator says, on one line and without its traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
