"""The optional dense index: one unit vector a passage, in float32, searched exactly and block by block. Extra `dense`.

Nothing is approximated: a query costs one pass over all vectors (1.5 kB a passage for 384 dimensions), memory-mapped.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from factcli.errors import InputError
from factcli.knowledge import embedders
from factcli.knowledge.embedders import model_digest
from factcli.knowledge.pack import npy
from factcli.knowledge.pack.bm25 import top_of

FOLDER, VECTORS, MODEL = "dense", "vectors.npy", "model.json"
BLOCK_ROWS = 65_536
ENCODED_AT_ONCE = 4096  # passages; within, the model makes batches by length


def write(folder: Path, embedder: Path, texts: Iterable[str], n_texts: int) -> None:
    """Writes folder/dense: the vectors of all passages in order, and what made them."""
    model = _model(embedder)
    target = folder / FOLDER
    target.mkdir()
    n_dimensions = int(np.asarray(_encoded(model, ["x"])).shape[1])
    with npy.writing(target / VECTORS, np.float32, (n_texts, n_dimensions)) as append:
        for block in _blocks(texts, ENCODED_AT_ONCE):
            append(_encoded(model, block))
    (target / MODEL).write_text(json.dumps(model_digest(embedder)), encoding="utf-8")


class DenseReader:
    """The vectors of a pack, and the model that a query goes through. Raises InputError for another model than the pack's."""

    def __init__(self, folder: Path, embedder: Path | None) -> None:
        place = folder / FOLDER
        if not (place / VECTORS).is_file():
            raise InputError(f"{folder} has no dense index", "build the pack with --embedder DIRECTORY")
        if embedder is None:
            raise InputError("a dense search needs its model", "give the directory that the pack was built with: --embedder DIRECTORY")
        if model_digest(embedder) != json.loads((place / MODEL).read_text(encoding="utf-8")):
            raise InputError(f"{embedder} is another model than the one that {folder} was built with", "vectors of two models cannot be compared")
        self._model = _model(embedder)
        self._vectors_ND = npy.read(place / VECTORS)

    def best(self, query: str, k: int) -> list[tuple[int, float]]:
        """(passage, cosine) of the k nearest; equal ones in the order of the passages."""
        return self.nearest(_encoded(self._model, [query])[0], k)

    def nearest(self, vector_D: npt.NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        found: list[tuple[int, float]] = []
        for start in range(0, len(self._vectors_ND), BLOCK_ROWS):
            cosine_N = np.asarray(self._vectors_ND[start : start + BLOCK_ROWS]) @ vector_D
            found += [(start + int(place), float(cosine_N[place])) for place in top_of(cosine_N + 2, k)]  # + 2: all above 0
        return sorted(found, key=lambda item: (-item[1], item[0]))[: max(0, k)]


def _model(directory: Path) -> Any:
    return embedders.load(directory, "a dense index", device="cpu")


def _encoded(model: Any, texts: list[str]) -> npt.NDArray[np.float32]:
    return np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True), dtype=np.float32)


def _blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(texts)
    while block := list(islice(rest, size)):
        yield block
