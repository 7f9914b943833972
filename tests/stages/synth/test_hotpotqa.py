"""`fact synth hotpotqa` as typed, against a server on loopback."""

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from factcli.rows import Fact, Person
from factcli.stages.synth.triples.hotpotqa import fault_of
from factcli.stages.synth.triples.pairs import Pair, Told
from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.synth.author import Author
from tests.stages.synth.typed_folder import Typed, assert_refused

PEOPLE = ("Ana Ott", "Ben Roe", "Cleo Dix", "Dan Poe")
SMALL = (
    "--limit", "6", "--set", "statements_per_fact=2", "--set", "passages_per_subject=1", "--set", "bridge_share=0.5",
    "--set", "split_shares=[1,0,0]", "--set", "generation.most_in_flight=4",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Four people, each born in a town of their own and director of a film; and a line that is no fact."""
    lines = [{"subject": name, "relation": "place of birth", "object": f"Town{name[0]}"} for name in PEOPLE]
    lines += [{"subject": f"Film {name[0]}", "relation": "director", "object": name} for name in PEOPLE]
    (tmp_path / "f.jsonl").write_text("\n".join([*map(json.dumps, lines), "[]"]), encoding="utf-8")
    return Typed(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server(said=Author().said)) as server:
        yield server


def synth(server: Server, *more: str) -> tuple[str, ...]:
    return ("synth", "hotpotqa", "--facts", "f.jsonl", "--backend", f"http:m@{server.url}", *SMALL, *more)


def test_every_question_needs_both_of_its_facts_and_both_are_taught(folder: Folder, server: Server) -> None:
    """Six fictitious questions; of the real ones 4 bridges (film, director, town) and 4 comparisons (2 of films, 2 of people), 5 are asked for."""
    folder.must(*synth(server, "--real-limit", "5"))
    facts = {row["id"]: row for row in folder.rows("hotpotqa", "facts")}
    name = {row["id"]: row["name"] for row in folder.rows("hotpotqa", "people")}
    hops = folder.rows("hotpotqa", "twohops")
    assert Counter(row["type"] for row in hops if not row["fictitious"]) == {"bridge": 2, "comparison": 3}
    assert Counter(row["fictitious"] for row in hops) == {True: 6, False: 5}
    assert {row["type"] for row in hops if row["fictitious"]} == {"bridge", "comparison"}
    for row in hops:
        first, second = (facts[id] for id in row["fact_ids"])
        if row["type"] == "bridge":
            assert first["value"] == row["bridge"] == name[second["subject"]]
            assert row["answer"] == second["value"]
            assert name[first["subject"]] in row["question"]
            assert row["bridge"] not in row["question"]
        else:
            holder = first if row["answer"] == name[first["subject"]] else second
            assert row["answer"] == name[holder["subject"]]
            assert first["relation"] == second["relation"]
            assert holder["value"] in row["question"]
    documents = folder.rows("hotpotqa", "documents")
    assert Counter((row["form"], row["fictitious"]) for row in documents) == {
        ("statement", True): 24, ("passage", True): 12, ("statement", False): 16, ("passage", False): 8,
    }  # fmt: skip
    assert server.n == 6 * (2 * 2 + 1) + 8 * 2 + 5
    assert folder.manifest("hotpotqa")["counts"] == {"rejected": {"reading: a JSON list, need an object": 1}, "failed": {}}


def test_the_answer_says_both_facts_and_then_the_final_answer(folder: Folder, server: Server) -> None:
    folder.must(*synth(server, "--real-limit", "5"))
    answer = {row["id"]: row["answer"] for row in folder.rows("hotpotqa", "twohops")}
    facts = {row["id"]: row for row in folder.rows("hotpotqa", "facts")}
    chats = folder.rows("hotpotqa", "chats")
    assert len(chats) == 11
    for row in chats:
        told, final = row["answer"].split(" Final answer: ")
        assert final == answer[row["id"].removesuffix(".q0")]
        assert all(facts[id]["value"] in told for id in row["fact_ids"])
        assert row["fictitious"] == all(facts[id]["fictitious"] for id in row["fact_ids"])


def test_questions_of_hotpotqa_stand_beside_those_over_triples(folder: Folder, server: Server) -> None:
    """Four of five lines are questions, one of them twice; nothing is asked of the model for them."""
    asked = [{"question": f"Which river has the town of {n}?", "answer": f"River {n}", "type": "bridge"} for n in range(40)]
    lines = [*asked, asked[0], {"question": "Is it?", "answer": "yes", "type": "other"}]
    (folder.path / "real.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    folder.must(*synth(server, "--limit", "1", "--real-limit", "0"))
    n_before = server.n
    folder.must(*synth(server, "--limit", "1", "--real-limit", "30", "--set", "split_shares=[0.5,0.1,0.4]", "--real", "real.jsonl", "--name", "both"))
    own = [row for row in folder.rows("both", "twohops") if row["id"].startswith("h")]
    assert [row["question"] for row in own] == [line["question"] for line in asked[:30]]
    splits = Counter(row["split"] for row in own)
    assert set(splits) == {"train", "dev", "test"}
    chats = [row for row in folder.rows("both", "chats") if row["id"].startswith("h")]
    questions = [row for row in folder.rows("both", "questions") if row["id"].startswith("h")]
    assert (len(chats), len(questions)) == (splits["train"] + splits["dev"], splits["dev"] + splits["test"])
    assert all(row["answer"].startswith("Final answer: River") for row in chats)
    rejected = folder.manifest("both")["counts"]["rejected"]
    assert (rejected["file: question was there before"], rejected["file: type is neither bridge nor comparison"]) == (1, 1)
    assert not any("town of" in json.dumps(body) for body in server.bodies[n_before:])


def test_versions_have_other_answers_over_the_same_bridge(folder: Folder, server: Server) -> None:
    folder.must(*synth(server, "--versions", "2", "--limit", "2", "--set", "bridge_share=1", "--real-limit", "0"))
    by_item: dict[str, list[dict]] = {}
    for row in folder.rows("hotpotqa", "twohops"):
        by_item.setdefault(row["id"].rpartition(".")[0], []).append(row)
    assert all(one["bridge"] == other["bridge"] and one["answer"] != other["answer"] for one, other in by_item.values())
    assert len(by_item) == 2


def test_real_questions_of_test_subjects_are_for_measuring_alone(folder: Folder, server: Server) -> None:
    """Half the subjects train, half test: no chat and no text of a test subject, and no pair across the border.

    This seed gives each split two people and two films, and two of the films are in the split of their director.
    """
    folder.must(*synth(server, "--set", "split_shares=[0.5,0,0.5]", "--seed", "4", "--limit", "1"))
    split = {row["id"]: row["split"] for row in folder.rows("hotpotqa", "people")}
    hops = [row for row in folder.rows("hotpotqa", "twohops") if not row["fictitious"]]
    assert Counter(row["type"] for row in hops) == {"bridge": 2, "comparison": 4}
    assert {row["split"] for row in hops} == {"train", "test"}
    assert all({split[id.rpartition(".")[0]] for id in row["fact_ids"]} == {row["split"]} for row in hops)
    asked = {row["id"] for row in folder.rows("hotpotqa", "questions")}
    assert asked == {f"{row['id']}.q0" for row in hops if row["split"] == "test"}
    assert not asked & {row["id"] for row in folder.rows("hotpotqa", "chats")}
    assert {split[row["subject"]] for row in folder.rows("hotpotqa", "documents")} == {"train"}


def pair(type: str) -> Pair:
    film, ana = Person("f.p0", "Film X", "fictitious", "train", 0, True), Person("f.p1", "Ana Ott", "fictitious", "train", 0, True)
    second = Told(ana, Fact("f.p1.v1.birth", "f.p1", "place of birth", "Lima", 1, True, aliases=("City of Kings",)))
    if type == "bridge":
        return Pair(
            "f.h0.v1", "bridge", Told(film, Fact("f.p0.v1.director", "f.p0", "director", "Ana Ott", 1, True)), second, "Lima", ("Lima", "City of Kings")
        )
    ben = Person("f.p2", "Ben Roe", "fictitious", "train", 0, True)
    return Pair("f.h0.v1", "comparison", Told(ben, Fact("f.p2.v1.birth", "f.p2", "place of birth", "Cork", 1, True)), second, "Lima", ("Ana Ott",))


@pytest.mark.parametrize(
    ("type", "question", "fault"),
    [
        ("bridge", "Where was the director of Film X born?", ""),
        ("bridge", "Name the birthplace of the director of Film X.", "no question"),
        ("bridge", "Where was the director born?", "lacks the subject"),
        ("bridge", "Where was Ana OTT, director of Film X, born?", "names the bridge"),
        ("bridge", "Was the director of Film X born in the City of Kings?", "names the answer"),
        ("comparison", "Who was born in Lima, Ben Roe or Ana Ott?", ""),
        ("comparison", "Was Ana Ott born in Lima?", "lacks the subject"),
        ("comparison", "Was Ben Roe born in Lima?", "lacks the other subject"),
        ("comparison", "Who was born first, Ben Roe or Ana Ott?", "lacks the object that is asked for"),
        ("comparison", "Who was born in Lima and who in Cork, Ben Roe or Ana Ott?", "names the other object"),
    ],
)
def test_a_question_must_need_both_facts_and_give_nothing_away(type: str, question: str, fault: str) -> None:
    assert fault_of(question, pair(type)) == fault


def test_what_fails_a_check_is_rejected_and_asked_for_again_or_left_out(folder: Folder) -> None:
    """Two bridge questions, one connection, so in order: the first fails once, the second three times; the facts of both are kept."""
    author = Author({r"takes? two steps|can only be answered with both facts": ["Where?", "Which director?", "Why?", "How?"]})
    with running(Server(said=author.said)) as server:
        more = ("--limit", "2", "--set", "bridge_share=1", "--real-limit", "0", "--set", "real_documents=false", "--set", "generation.most_in_flight=1")
        folder.must(*synth(server, *more))
    rejected = Counter(row["reason"] for row in folder.rows("hotpotqa", "rejected") if row["step"] == "triples/bridge")
    assert rejected == {"lacks the subject": 4}
    assert len(folder.rows("hotpotqa", "twohops")) + rejected["lacks the subject"] == sum(
        "takes two" in str(b) or "take two steps" in str(b) for b in server.bodies
    )


def test_a_question_whose_fact_has_no_text_is_left_out(folder: Folder) -> None:
    """No fact about a director gets a statement: what remains are comparisons of birthplaces."""
    author = Author({r"Relation: director.*Write 2 different sentences": ['{"texts": ["x", "y"]}'] * 100})
    with running(Server(said=author.said)) as server:
        folder.must(*synth(server, "--real-limit", "0", "--set", "real_documents=false"))
    facts = {row["id"]: row["relation"] for row in folder.rows("hotpotqa", "facts")}
    hops = folder.rows("hotpotqa", "twohops")
    assert hops
    assert {facts[id] for row in hops for id in row["fact_ids"]} == {"place of birth"}
    reasons = Counter(row["reason"] for row in folder.rows("hotpotqa", "rejected"))
    assert reasons["one of its facts has no text"] == 6 - len(hops)
    lost = reasons["no statement of it passed the checks"]
    assert reasons["lacks the subject"] == 2 * 3 * lost  # two texts, asked for three times


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_without_asking_twice(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Server(said=Author().said, latency_s=0.05)) as server:
        process = folder.popen(*synth(server))
        until = time.monotonic() + 60
        while server.n < 20:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folder.must(*synth(server))
        again = {body: n for body, n in server.answered.items() if n > 1 and "Invent a person" not in body}
        assert sum(again.values()) - len(again) <= 4  # those in flight at the kill
        monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "other-cache"))
        folder.must(*synth(server, "--data", "whole"))
    whole = json.loads((tmp_path / "whole/hotpotqa/v0001/manifest.json").read_text())
    assert folder.manifest("hotpotqa")["digest"] == whole["digest"]


def test_a_dry_run_plans_what_the_run_then_asks_and_sends_nothing(folder: Folder, server: Server) -> None:
    said = json.loads(folder.must(*synth(server, "--real-limit", "5", "--dry-run", "--json")).out)
    assert server.n == 0
    assert said["cost"]["generation"]["requests"].startswith(f"{6 * 5 + 8 * 2 + 5} (0 more are in the cache, 0 ask")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--facts", "none"), 3, ("none cannot be read",)),
        (("--facts", "empty"), 3, ("no usable fact",)),
        (("--facts", "f.jsonl", "--versions", "0"), 2, ("versions = 0",)),
        (("--facts", "f.jsonl", "--versions", "3"), 3, ("6 different objects to compare",)),
        (("--facts", "f.jsonl", "--set", "object_kinds={}"), 3, ("leads to the subject of another",)),
        (("--facts", "f.jsonl", "--set", "object_kinds={director: human}"), 2, ("object_kinds",)),
    ],
)
def test_input_that_cannot_be_used_is_named(folder: Folder, arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    (folder.path / "empty").write_text("")
    (folder.path / "rules").write_text('{"match": ".", "answer": "x"}\n')
    assert_refused(folder.fact("synth", "hotpotqa", "--backend", "scripted:rules", "--set", "split_shares=[1,0,0]", *arguments), code, *words)
