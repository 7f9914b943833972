"""`fact pack` as typed: build, verify, find, search; what a kill or a full disk leaves; what is refused."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from factcli.artifact import open_artifact
from factcli.artifact.manifest import sha256_of
from factcli.knowledge.pack import open_pack
from factcli.knowledge.pack.store import Reader
from factcli.knowledge.pack.words import unaccented
from factcli.stages import pack as stage
from tests.artifact.processes import disk_of, killed_at_byte
from tests.chain import Folder
from tests.knowledge.pack.made import jsonl
from tests.stages.synth.typed_folder import Typed, assert_refused

PAGES = [{"title": f"Person {n}", "text": f"Person {n} was born in {1900 + n}. Person {n} keeps {n} bees."} for n in range(50)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    jsonl(tmp_path / "p.jsonl", PAGES)
    return Typed(tmp_path)


def digest(folder: Folder, name: str = "pack") -> str:
    return folder.manifest(name)["digest"]


def test_a_pack_is_built_verified_found_and_searched(folder: Folder) -> None:
    jsonl(folder.path / "more.jsonl", [{"title": "Person 3", "text": "again"}, "{", {"title": "Al", "text": "Al was.", "redirects": ["Bo"]}])
    made = folder.must("pack", "build", "--from", "p.jsonl", "more.jsonl")
    assert "51 pages, 51 passages, 1 redirects; 2 entries rejected" in made.err
    rejected = [(row["id"], row["reason"]) for row in folder.rows("pack", "rejected")]
    assert rejected == [("more.jsonl: line 1", "title that was there before"), ("more.jsonl: line 2", "not JSON")]
    assert folder.manifest("pack")["counts"]["rejected"] == {"title that was there before": 1, "not JSON": 1}
    assert "as committed" in folder.must("verify", "pack").out
    assert folder.must("pack", "find", "pack", "person_3").out == "normalised: Person 3\n"
    assert folder.must("pack", "find", "pack", "Bo").out == "redirect: Al\n"
    assert folder.must("pack", "find", "pack", "Nobody").out == "absent\n"
    found = json.loads(folder.must("pack", "search", "pack", "keeps 17 bees", "-k", "1", "--json").out)
    assert [(row["title"], row["text"]) for row in found] == [("Person 17", PAGES[17]["text"])]
    within = folder.must("pack", "search", "pack", "born", "--title", "PERSON 4")
    assert "page: normalised Person 4" in within.err
    assert PAGES[4]["text"] in within.out
    assert folder.must("pack", "search", "pack", "born", "--title", "Nobody").out == ""
    assert "no passage has a word of" in folder.must("pack", "search", "pack", "zzzz").err


def test_a_pack_works_wherever_it_is_moved_and_read_only(folder: Folder, tmp_path: Path) -> None:
    made = folder.must("pack", "build", "--from", "p.jsonl").made
    names = [path.name for path in (folder.path / made).rglob("*")]
    assert {"pack.sqlite", "data.csc.index.npy"} <= set(names)
    assert not [name for name in names if name.endswith(("-wal", "-shm", ".pkl"))]
    elsewhere = tmp_path / "an other place's %20 folder?#" / "v0001"
    shutil.copytree(folder.path / made, elsewhere)
    for path in (*elsewhere.rglob("*"), elsewhere):
        path.chmod(0o555 if path.is_dir() else 0o444)
    pack = open_pack(open_artifact(elsewhere, tmp_path / "data"))
    assert pack.search("keeps 9 bees", 1, None)[0].title == "Person 9"
    assert str(tmp_path) not in (elsewhere / "manifest.json").read_text()
    for path in (elsewhere, *(p for p in elsewhere.rglob("*") if p.is_dir())):
        path.chmod(0o755)


def test_the_same_sources_give_the_same_bytes_and_others_another_key(folder: Folder) -> None:
    folder.must("pack", "build", "--from", "p.jsonl")
    folder.must("pack", "build", "--from", "p.jsonl", "--name", "again")
    assert digest(folder) == digest(folder, "again")
    assert "made before" in folder.must("pack", "build", "--from", "p.jsonl").err
    folder.must("pack", "build", "--from", "p.jsonl", "--shard-passages", "7")
    assert folder.manifest("pack@2")["summary"]["shards"] == 8


def test_two_files_of_one_name_are_two_sources(folder: Folder) -> None:
    (folder.path / "b").mkdir()
    jsonl(folder.path / "b" / "p.jsonl", [{"title": "Al", "text": "Al was."}])
    folder.must("pack", "build", "--from", "p.jsonl", "--from", "b/p.jsonl")
    assert folder.manifest("pack")["summary"]["pages"] == 51


def sizes(folder: Folder) -> list[int]:
    """Numbers of bytes below the largest file of the pack `whole`."""
    largest = max(path.stat().st_size for path in (folder.path / "data" / "whole").rglob("*") if path.is_file())
    return [700, largest // 4, largest // 2, largest - 1]


def test_a_killed_build_is_done_again_with_the_same_digest(folder: Folder) -> None:
    jsonl(folder.path / "p.jsonl", ["{", *PAGES])
    folder.must("pack", "build", "--from", "p.jsonl", "--name", "whole")
    for n_bytes in sizes(folder):
        assert killed_at_byte(n_bytes, lambda: folder.fact("pack", "build", "--from", "p.jsonl"))
    assert next((folder.path / "data" / "pack").glob(".partial-*/content/pack.sqlite")).exists()
    folder.must("pack", "build", "--from", "p.jsonl")
    assert digest(folder) == digest(folder, "whole")
    assert [row["reason"] for row in folder.rows("pack", "rejected")] == ["not JSON"]


def test_a_full_disk_is_an_error_with_a_way_out(folder: Folder) -> None:
    folder.must("pack", "build", "--from", "p.jsonl", "--name", "whole")
    for n_bytes in sizes(folder):
        with disk_of(n_bytes):
            ran = folder.fact("pack", "build", "--from", "p.jsonl")
        assert ran.code == 3, ran.err
        assert "no space" in ran.err
        assert "way out" in ran.err
    folder.must("pack", "build", "--from", "p.jsonl")
    assert digest(folder) == digest(folder, "whole")


def test_what_is_no_pack_is_refused(folder: Folder) -> None:
    assert_refused(folder.fact("pack", "build"), 2, "--from FILE")
    assert_refused(folder.fact("pack", "build", "--from", "gone.jsonl"), 3, "gone.jsonl cannot be read")
    assert_refused(folder.fact("pack", "build", "--from", "."), 3, "cannot be read")
    jsonl(folder.path / "bad.jsonl", ["{", '{"title": "x"}'])
    ran = folder.fact("pack", "build", "--from", "bad.jsonl")
    assert ran.code == 3
    assert "no page can be used: bad.jsonl: line 1: not JSON" in ran.err
    assert_refused(folder.fact("pack", "find", "pack", "x"), 3, "no committed version")
    assert_refused(folder.fact("pack", "build", "--from", "p.jsonl", "--passage-tokens", "3"), 2, "passage_tokens")
    assert_refused(folder.fact("pack", "build", "--from", "p.jsonl", "--tokenizer", "."), 3, "tokenizer.json")
    assert_refused(folder.fact("pack", "build", "--from", "p.jsonl", "--embedder", "."), 3, "no weights in safetensors")
    folder.must("pack", "build", "--from", "p.jsonl")
    assert_refused(folder.fact("pack", "search", "pack", "x", "-k", "0"), 2, "-k is 0")


def test_a_dry_run_makes_nothing(folder: Folder) -> None:
    said = json.loads(folder.must("pack", "build", "--from", "p.jsonl", "--dry-run", "--json").out)
    assert said["cost"]["requests"] == 0
    assert said["cost"]["time"] == "estimated: at 3 MB of JSONL a second"
    assert not (folder.path / "data").exists()


def test_processes_share_a_pack_from_any_folder(folder: Folder, tmp_path: Path) -> None:
    folder.must("pack", "build", "--from", "p.jsonl")
    code = "import sys\nfrom pathlib import Path\nfrom factcli.knowledge.pack import Pack\npack = Pack(Path(sys.argv[1]))\n"
    code += "print([pack.search(f'keeps {n} bees', 1, None)[0].title for n in range(50)] == [f'Person {n}' for n in range(50)])"
    command = [sys.executable, "-c", code, "data/pack/v0001"]
    readers = [subprocess.Popen(command, cwd=folder.path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [reader.communicate()[0] for reader in readers] == ["True\n"] * 3


def test_real_topics_find_their_page_or_none(folder: Folder, shared_data: Path) -> None:
    """Of 300 people, 249 have a page of their name; the nearest titles of the others are other people, so they have none."""
    folder.must("pack", "build", "--from", str(shared_data / "wikipedia_bio_passages.jsonl"), str(shared_data / "wikipedia_passages_2wiki.jsonl"))
    pack = open_pack(open_artifact("pack", folder.path / "data"))
    topics = [json.loads(line)["topic"] for line in (shared_data / "wikipedia_bio_topics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert Counter(pack.find_page(topic).match for topic in topics) == {"exact": 249, "absent": 51}
    assert Counter(pack.find_page(unaccented(topic).replace(" ", "_")).match for topic in topics)["absent"] == 51
    for topic in ("Jessie Mae Brown Beavers", "Camille Paulus", "Francisco Urroz", "R. Selvaraj (politician)", "Profit (gamer)", "Rangi Te Kanawa"):
        assert pack.find_page(topic).match == "absent"
    for topic in (topic for topic in topics if pack.find_page(topic).match == "exact"):
        assert pack.find_page(topic).title in [passage.title for passage in pack.search(f"Tell me a bio of {topic}.", 5, None)]


GOLDEN = (1, "39e03bd9549fc890")  # (stages.pack.REVISION, content_of): whoever changes the second raises the first


def content_of(place: Path) -> str:
    """Of what a reader sees, not of SQLite's bytes, which may differ between its versions."""
    reader = Reader(place / "pack.sqlite")
    tables = {"pages": "id", "names": "id", "passages": "id", "words": "word", "about": "name"}
    rows = {table: reader.all(f"SELECT * FROM {table} ORDER BY {key}") for table, key in tables.items()}
    arrays = {path.name: np.round(np.load(path), 4).tolist() for path in sorted(place.glob("bm25/*/*.npy"))}
    return sha256_of([rows, arrays])[:16]


def test_output_changes_only_with_the_revision(folder: Folder) -> None:
    jsonl(folder.path / "p.jsonl", [*PAGES, {"title": "Zoë (poet)", "text": "Long words. " * 200, "redirects": ["Zoe"]}])
    made = folder.must("pack", "build", "--from", "p.jsonl").made
    assert (stage.REVISION, content_of(folder.path / made)) == GOLDEN
