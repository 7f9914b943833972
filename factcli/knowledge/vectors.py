"""Names with vectors: the titles nearest to given names, and words near a random point (spec §4.2, §4.7).

Vectors come from a file (`.safetensors` with a tensor `vectors` (N, D) and the N names as a JSON list in the metadata
`names`; or text lines `name<TAB>number number ...`), or from a sentence-transformers model in a local directory.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from factcli.errors import InputError
from factcli.knowledge import embedders
from factcli.knowledge.cleaning import clean_title

Matrix = npt.NDArray[np.float64]
N_NEAR, N_TAKEN = 10, 3  # the ancestor's: of the ten words nearest to a random point, three make a topic


@dataclass(frozen=True, slots=True)
class Space:
    """N names and their vectors, (N, D)."""

    names: tuple[str, ...]
    vectors_ND: Matrix

    def rows(self, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """Which of the names have a vector, and which have none."""
        known = set(self.names)
        return [name for name in names if name in known], [name for name in names if name not in known]

    def of(self, names: Sequence[str]) -> Matrix:
        place = {name: row for row, name in enumerate(self.names)}
        return self.vectors_ND[[place[name] for name in names]]


def read_vectors(path: Path) -> Space:
    """Raises InputError for a file that is missing, of another form, or holds a vector without direction."""
    try:
        names, vectors = _from_safetensors(path) if path.suffix == ".safetensors" else _from_text(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", "--vectors takes safetensors, or lines `name<TAB>number number ...`") from error
    return space_of([clean_title(name) for name in names], vectors, str(path))


def space_of(names: Sequence[str], vectors: Matrix, source: str) -> Space:
    """Checked: one name and one direction per row."""
    if vectors.ndim != 2 or len(names) != len(vectors) or not len(names):
        raise InputError(f"{source} has {len(names)} names and vectors of shape {vectors.shape}", "as many names as rows, one at least")
    bad = ~np.isfinite(vectors).all(1) | ~vectors.any(1)
    if bad.any():
        raise InputError(f"{source}: the vector of {names[int(bad.argmax())]!r} is zero or no number", "leave it out")
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise InputError(f"{source} names {twice!r} twice", "one vector per name")
    return Space(tuple(names), vectors)


def embed(names: Sequence[str], directory: Path) -> Space:
    """The names in the space of a sentence-transformers model, from safetensors alone. Raises BackendError where that is not installed."""
    model = embedders.load(directory, "embedding titles", ", or give --vectors")
    return space_of(names, np.asarray(model.encode(list(names)), dtype=np.float64), str(directory))


def nearest_in_turn(space: Space, seeds: Sequence[str], candidates: Sequence[str]) -> list[str]:
    """The candidates by cosine: each seed's nearest, then each seed's next that is not taken yet, and so on. Seeds are none of them."""
    free = [name for name in dict.fromkeys(candidates) if name not in set(seeds)]
    if not free:
        return []
    likeness_SC = unit(space.of(seeds)) @ unit(space.of(free)).T
    queues = [iter(row) for row in np.argsort(-likeness_SC, axis=1, kind="stable").tolist()]
    taken: dict[int, None] = {}
    while len(taken) < len(free):
        for queue in queues:
            place = next((place for place in queue if place not in taken), None)
            taken |= {} if place is None else {place: None}
    return [free[place] for place in taken]


def words_near_a_point(space: Space, seed: int) -> tuple[str, ...]:
    """Three of the ten words nearest, by Euclidean distance, to a point drawn in a space that `in_l1` has normalised."""
    drawn_1D: Matrix = np.random.default_rng(seed).standard_normal((1, space.vectors_ND.shape[1]))
    gap_ND: Matrix = np.subtract(space.vectors_ND, _l1(drawn_1D))
    near = np.argsort(np.square(gap_ND).sum(1), kind="stable")[:N_NEAR].tolist()
    return tuple(space.names[place] for place in Random(seed).sample(near, N_TAKEN))


def in_l1(space: Space) -> Space:
    """The space with vectors whose absolute values add up to 1. InputError where it is too small to draw from."""
    if len(space.names) < N_NEAR:
        raise InputError(f"there are vectors of {len(space.names)} words, need {N_NEAR} at least", "give a list of nouns: --vectors FILE")
    return Space(space.names, _l1(space.vectors_ND))


def unit(vectors_ND: Matrix) -> Matrix:
    return vectors_ND / np.linalg.norm(vectors_ND, axis=1, keepdims=True)


def _l1(vectors_ND: Matrix) -> Matrix:
    return vectors_ND / np.abs(vectors_ND).sum(1, keepdims=True)


def _from_safetensors(path: Path) -> tuple[list[str], Matrix]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            names = json.loads((file.metadata() or {})["names"])
            vectors = np.asarray(file.get_tensor("vectors"), dtype=np.float64)
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"{path} is no file of vectors: {error}", "a tensor `vectors` (N, D), and its names as a JSON list in the metadata `names`") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: the metadata `names` is no JSON list of strings", "one name per row")
    return names, vectors


def _from_text(path: Path) -> tuple[list[str], Matrix]:
    names: list[str] = []
    rows: list[list[float]] = []
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                name, _, numbers = raw.decode("utf-8").rstrip("\r\n").partition("\t")
                row = [float(part) for part in numbers.split()]
            except ValueError as error:
                raise InputError(f"{path}:{number} is no vector: {error}", "name<TAB>number number ...") from error
            if not row or (rows and len(row) != len(rows[0])):
                raise InputError(f"{path}:{number} has {len(row)} numbers, need {len(rows[0]) if rows else 'some'}", "name<TAB>number number ...")
            names.append(name)
            rows.append(row)
    return names, np.array(rows, dtype=np.float64)
