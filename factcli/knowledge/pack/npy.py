"""Arrays in numpy's own file format, written block by block.

With plain writes, so that a full disk is an error that names itself: writing through a memory map would end the process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@contextmanager
def writing(path: Path, dtype: Any, shape: tuple[int, ...]) -> Iterator[Callable[[npt.NDArray[Any]], None]]:
    """A function that appends a block of rows; all blocks together must have the `shape`."""
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        yield lambda block: _append(file, np.ascontiguousarray(block, dtype=dtype))


def write(path: Path, array: npt.NDArray[Any], dtype: Any) -> None:
    with writing(path, dtype, array.shape) as append:
        append(array)


def read(path: Path) -> npt.NDArray[Any]:
    """Memory-mapped, and without pickles."""
    loaded: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return loaded


def _append(file: Any, block: npt.NDArray[Any]) -> None:
    if block.size:
        file.write(block.view(np.uint8).data)
