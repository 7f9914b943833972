"""The BM25 index of a pack: counted in one go over a stream of words, in the files that bm25s loads memory-mapped.

Lucene's variant, as bm25s has it: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), and of a word that stands tf times in a passage of l words
tf / (tf + k1 (1 - b + b l / l_mean)); a score is the sum of their products over the words of the query, repeats counted again.

bm25s's own indexer holds every passage as a list of Python numbers (about 6 kB a passage). This one appends word ids to a scratch file
and transposes it shard by shard (about 2 kB a passage of one shard); document frequencies and mean length are those of all shards,
so that shards give the scores of one index. A test holds the two indexers together.
"""

import json
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from factcli.knowledge.few import Weights
from factcli.knowledge.pack import npy
from factcli.knowledge.pack.words import words

FOLDER = "bm25"
BUFFER = 1 << 20  # word ids kept back before they are written
DATA, INDICES, INDPTR, PARAMS = "data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy", "params.index.json"
COMPILED_FROM = 20_000  # passages; below, numba's second of compiling costs more than it saves
COUNTS = "counts.npy"  # in scratch


class _Vocabulary(dict[str, int]):
    """Word -> its column; a new word gets the next."""

    def __missing__(self, word: str) -> int:
        self[word] = column = len(self)
        return column


class Bm25Writer:
    """Takes passages in order, then writes the index."""

    def __init__(self, scratch: Path, shard_passages: int) -> None:
        """`shard_passages` 0: one shard."""
        self._scratch = scratch
        self._shard_passages = shard_passages
        self._file = (scratch / "words.i32").open("wb")
        self._ids = array("i")
        self._lengths = array("i")
        self.vocabulary = _Vocabulary()

    def add(self, text: str) -> None:
        found = words(text)
        self._ids.extend(map(self.vocabulary.__getitem__, found))
        self._lengths.append(len(found))
        if len(self._ids) >= BUFFER:
            self._flush()

    def write(self, folder: Path, weights: Weights) -> int:
        """Writes folder/0000, folder/0001, ... and gives their number."""
        self._flush()
        self._file.close()
        lengths = np.frombuffer(self._lengths, dtype=np.int32) if self._lengths else np.zeros(0, np.int32)
        size = self._shard_passages or max(1, len(lengths))
        starts = list(range(0, max(1, len(lengths)), size))
        ends_of_words = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        frequencies = np.zeros(len(self.vocabulary), np.int64)
        for number, start in enumerate(starts):
            frequencies += self._count(folder / f"{number:04d}", lengths[start : start + size], int(ends_of_words[start]))
        idf = np.log1p((len(lengths) - frequencies + 0.5) / (frequencies + 0.5))
        mean = float(lengths.mean()) if len(lengths) else 1.0
        for number, start in enumerate(starts):
            self._weigh(folder / f"{number:04d}", lengths[start : start + size], idf, max(mean, 1e-9), weights)
        return len(starts)

    def _flush(self) -> None:
        self._ids.tofile(self._file)
        del self._ids[:]

    def _count(self, folder: Path, lengths: npt.NDArray[np.int32], offset: int) -> npt.NDArray[np.int64]:
        """Write which passages of a shard have a word and, in scratch, how often; gives the passages of each word."""
        from scipy.sparse import csr_matrix

        n_words = int(lengths.sum(dtype=np.int64))
        ids = np.fromfile(self._scratch / "words.i32", dtype=np.int32, count=n_words, offset=4 * offset)
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        starts = starts.astype(np.int32) if n_words < 2**31 else starts  # scipy works in the type of both
        counts = csr_matrix((np.ones(n_words, np.uint16), ids, starts), shape=(len(lengths), len(self.vocabulary))).tocsc()
        del ids
        counts.sum_duplicates()
        folder.mkdir(parents=True)
        npy.write(folder / INDICES, counts.indices, np.int32)
        npy.write(folder / INDPTR, counts.indptr, np.int64)
        npy.write(self._scratch / f"{folder.name}.{COUNTS}", counts.data, np.uint16)
        return np.diff(counts.indptr).astype(np.int64)

    def _weigh(self, folder: Path, lengths: npt.NDArray[np.int32], idf: npt.NDArray[np.float64], mean: float, weights: Weights) -> None:
        """Write a shard's scores, a block of words at a time."""
        path = self._scratch / f"{folder.name}.{COUNTS}"
        counts, indices, indptr = npy.read(path), npy.read(folder / INDICES), np.asarray(npy.read(folder / INDPTR))
        held_down = weights.k1 * (1 - weights.b + weights.b * lengths / mean)
        word = 0
        with npy.writing(folder / DATA, np.float32, counts.shape) as append:
            while word < len(idf):
                after = max(word + 1, int(np.searchsorted(indptr, indptr[word] + BUFFER, side="right")) - 1)
                part = slice(int(indptr[word]), int(indptr[after]))
                tf = counts[part].astype(np.float64)
                append(np.repeat(idf[word:after], np.diff(indptr[word : after + 1])) * tf / (tf + held_down[indices[part]]))
                word = after
        path.unlink()
        (folder / PARAMS).write_text(json.dumps(_params(len(lengths), weights)), encoding="utf-8")


def _params(n_docs: int, weights: Weights) -> dict[str, Any]:
    """What bm25s reads before the arrays."""
    same = {"delta": 0.5, "method": "lucene", "idf_method": "lucene", "dtype": "float32", "int_dtype": "int32", "backend": "numpy"}
    return {"k1": weights.k1, "b": weights.b, **same, "num_docs": n_docs}


class Bm25Reader:
    """The shards, memory-mapped. Nothing is read but what a query needs."""

    def __init__(self, folder: Path, n_shards: int, compiled_from: int = COMPILED_FROM) -> None:
        from bm25s import BM25

        self.shards = [BM25.load(folder / f"{number:04d}", mmap=True, load_vocab=False) for number in range(n_shards)]
        self._firsts = np.cumsum([0, *(shard.scores["num_docs"] for shard in self.shards)]).tolist()
        self._is_compiled = self._firsts[-1] >= compiled_from
        if self._is_compiled:
            _compile(self.shards)

    def best(self, ids: Sequence[int], k: int) -> list[tuple[int, float]]:
        """(passage, score) of the k best that have any of the words; equal scores in the order of the passages."""
        found: list[tuple[int, float]] = []
        if not ids or k < 1:
            return found
        for first, shard in zip(self._firsts, self.shards, strict=False):
            scores = shard.get_scores_from_ids(ids)
            top = _compiled_top()(scores, k) if self._is_compiled else top_of(scores, k)
            found += [(first + int(place), float(scores[place])) for place in top if place >= 0]
        return sorted(found, key=lambda item: (-item[1], item[0]))[:k]


def top_of(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """The places of the k highest scores above 0, highest first, equal ones in order."""
    places = np.flatnonzero(scores > 0)
    if len(places) > k:
        least = np.partition(scores[places], len(places) - k)[len(places) - k]
        places = places[scores[places] >= least]
    return places[np.argsort(-scores[places], kind="stable")][:k]


def _compile(shards: Sequence[Any]) -> None:
    """bm25s's scorer compiled once for all shards (about a second), not once for each."""
    shards[0].compile(activate_numba=True)
    for shard in shards[1:]:
        shard._compute_relevance_from_scores = shards[0]._compute_relevance_from_scores


@cache
def _compiled_top() -> Any:
    """`top_of` in one pass over the scores, with -1 where there are fewer than k."""
    from numba import njit

    def top(scores: Any, k: int) -> Any:
        places = np.full(k, -1, np.int64)
        values = np.zeros(k, np.float32)
        for place in range(len(scores)):
            if scores[place] <= values[k - 1]:
                continue
            at = k - 1
            while at > 0 and values[at - 1] < scores[place]:
                values[at], places[at] = values[at - 1], places[at - 1]
                at -= 1
            values[at], places[at] = scores[place], place
        return places

    return njit(nogil=True)(top)
