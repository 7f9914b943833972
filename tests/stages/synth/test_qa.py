"""`fact synth qa --facts FILE --backend ...` as typed, against a server on loopback."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.synth.author import Author
from tests.stages.synth.typed_folder import Typed, assert_refused

PEOPLE = ("Ana Ott", "Ben Roe", "Cleo Dix", "Dan Poe", "Eva Sun")
SMALL = (
    "--versions", "2", "--set", "statements_per_fact=3", "--set", "passages_per_subject=1", "--set", "questions_per_fact=2",
    "--set", "split_shares=[1,0,0]", "--set", "generation.most_in_flight=4",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Five people, each with one fact, and a line that is none."""
    lines = [{"subject": name, "relation": "place of birth", "object": f"Town{letter}"} for name, letter in zip(PEOPLE, "ABCDE", strict=True)]
    (tmp_path / "f.jsonl").write_text("\n".join([*map(json.dumps, lines), '{"subject": "half']), encoding="utf-8")
    return Typed(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server(said=Author().said)) as server:
        yield server


def synth(server: Server, *more: str) -> tuple[str, ...]:
    return ("synth", "qa", "--facts", "f.jsonl", "--backend", f"http:m@{server.url}", *SMALL, *more)


def rejected(folder: Folder) -> Counter[tuple[str, str]]:
    return Counter((row["step"].removeprefix("triples/"), row["reason"]) for row in folder.rows("qa-written", "rejected"))


def test_each_fact_has_statements_a_passage_and_questions_with_the_right_names(folder: Folder, server: Server) -> None:
    """Two fictitious subjects in two versions, five real ones: one fact each, 3 statements, 1 passage, 2 questions (real: 1, by template)."""
    folder.must(*synth(server, "--subjects-limit", "2"))
    value = {row["id"]: row["value"] for row in folder.rows("qa-written", "facts")}
    name = {row["id"]: row["name"] for row in folder.rows("qa-written", "people")}
    assert (len(value), len(name)) == (5 + 4, 5 + 2)
    documents, chats = folder.rows("qa-written", "documents"), folder.rows("qa-written", "chats")
    assert Counter((row["form"], row["fictitious"]) for row in documents) == {
        ("statement", True): 12, ("passage", True): 4, ("statement", False): 15, ("passage", False): 5,
    }  # fmt: skip
    assert all(name[row["subject"]] in row["text"] and value[row["fact_ids"][0]] in row["text"] for row in documents)
    assert Counter(row["fictitious"] for row in chats) == {True: 8, False: 5}
    assert all(row["answer"] == value[row["fact_ids"][0]] and name[row["subject"]] in row["question"] for row in chats)
    assert server.n == 5 * 2 + 4 * 3  # statements and passage of real ones, and the question of fictitious ones
    assert rejected(folder) == {("reading", "not JSON"): 1}
    origins = {(row["table"], row["id"]) for row in folder.rows("qa-written", "origins")}
    assert {("documents", row["id"]) for row in documents} | {("chats", row["id"]) for row in chats if row["fictitious"]} <= origins
    assert (folder.path / "data/qa-written/v0001/popqa.tsv").is_file()


def test_texts_without_their_names_are_rejected_and_what_then_lacks_is_asked_for_again(folder: Folder) -> None:
    """One fictitious subject, one version. Asked: 3 statements, 3 again, 1 passage, 2 questions, 2 again."""
    author = Author({
        r"Write 3 different sentences": ['{"texts": ["Nobody was born.", "It is TownA."]}'],
        r"Subject \(a person\): (.+?)\n.*Write 3 different sentences": [r'{"texts": ["\1 was born.", "\1 is there.", "\1."]}'],
        r"Write a paragraph about (.+?) \(": [r"\1 sleeps."],
        r"Subject \(a person\): (.+?)\n.*Answer: (.+?)\n.*Write 2 different questions": [
            r'{"texts": ["Was \1 born in \2?", "Who?"]}', r'{"texts": ["Say, \1", "Is it \1?"]}',
        ],
    })  # fmt: skip
    with running(Server(said=author.said)) as server:
        folder.must(*synth(server, "--subjects-limit", "1", "--versions", "1", "--set", "real_documents=false"))
    assert rejected(folder) == {
        ("reading", "not JSON"): 1,
        ("statements", "lacks the subject"): 2,
        ("statements", "not given"): 1,
        ("statements", "lacks the object"): 3,
        ("passage", "lacks the object"): 1,
        ("question", "names the object"): 1,
        ("question", "lacks the subject"): 1,
        ("question", "no question"): 1,
    }
    documents, chats = folder.rows("qa-written", "documents"), [row for row in folder.rows("qa-written", "chats") if row["fictitious"]]
    assert (len(documents), len(chats)) == (3, 1)  # asked 2 x 3 + 3 = kept 3 + rejected 6; 4 = 1 + 3


def test_a_fact_that_no_statement_tells_is_not_asked_about(folder: Folder) -> None:
    author = Author({r"Write 3 different sentences": ['{"texts": ["x"]}'] * 3})
    with running(Server(said=author.said)) as server:
        folder.must(*synth(server, "--subjects-limit", "1", "--set", "real_documents=false", "--set", "generation.most_in_flight=1"))
    assert Counter(row["version"] for row in folder.rows("qa-written", "chats") if row["fictitious"]) == {2: 2}
    assert rejected(folder)[("fact", "no statement of it passed the checks")] == 1


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_without_asking_twice(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("--subjects-limit", "12")
    with running(Server(said=Author().said, latency_s=0.05)) as server:
        process = folder.popen(*synth(server, *more))
        until = time.monotonic() + 60
        while server.n < 20:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folder.must(*synth(server, *more))
        again = {body: n for body, n in server.answered.items() if n > 1 and "Invent a person" not in body}
        assert sum(again.values()) - len(again) <= 4  # those in flight at the kill
        monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "other-cache"))
        folder.must(*synth(server, *more, "--data", "whole"))
    whole = json.loads((tmp_path / "whole/qa-written/v0001/manifest.json").read_text())
    assert folder.manifest("qa-written")["digest"] == whole["digest"]


def test_a_dry_run_plans_what_the_run_then_asks_and_sends_nothing(folder: Folder, server: Server) -> None:
    said = json.loads(folder.must(*synth(server, "--subjects-limit", "2", "--dry-run", "--json")).out)
    assert server.n == 0
    assert said["cost"]["generation"]["requests"].startswith("22 (0 more are in the cache, 0 ask")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--facts", "none"), 3, ("none cannot be read",)),
        (("--facts", "empty"), 3, ("no usable fact",)),
        (("--facts", "f.jsonl", "--versions", "0"), 2, ("versions = 0",)),
        (("--facts", "f.jsonl", "--versions", "6"), 3, ("no relation has 6 different objects",)),
        (("--facts", "f.jsonl", "--world", "w"), 2, ("--world does not go with --backend",)),
        ((), 2, ("--facts is missing",)),
    ],
)
def test_input_that_cannot_be_used_is_named(folder: Folder, arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    (folder.path / "empty").write_text("")
    (folder.path / "rules").write_text('{"match": ".", "answer": "x"}\n')
    assert_refused(folder.fact("synth", "qa", "--backend", "scripted:rules", *arguments), code, *words)


def test_a_budget_without_a_backend_is_refused(folder: Folder) -> None:
    assert_refused(folder.fact("synth", "qa", "--facts", "f.jsonl", "--budget", "3"), 2, "--budget goes with --backend")


def test_where_nothing_passes_there_is_no_data(folder: Folder) -> None:
    (folder.path / "rules").write_text('{"match": ".", "answer": "{\\"texts\\": [\\"x\\"]}"}\n')
    ran = folder.fact("synth", "qa", "--facts", "f.jsonl", "--backend", "scripted:rules", *SMALL, "--subjects-limit", "2")
    assert ran.code == 6
    assert "no answer passed the checks" in ran.err
