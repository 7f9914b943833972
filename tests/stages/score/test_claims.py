"""`fact score claims` as typed: every answer has claims or a reason, a model's failures are rows, and a name comes from the world."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from factcli import rows as kinds
from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.config import Config, resolve
from factcli.resolving import recipe_file
from factcli.stages.score.claims import ScoreClaimsConfig
from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

ANSWERS = [
    {"id": "a", "topic": "Ann Lee", "prompt": "Who is Ann Lee?", "output": "Ann Lee is a cook and singer. She was born in Lima in 1901."},
    {"id": "b", "topic": "Bo Ray", "output": "I'm sorry, I don't know."},
    {"id": "c", "output": "\n…"},
    {"id": "d", "output": "Early life"},
]


def test_every_answer_has_claims_or_a_reason(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *ANSWERS)
    version = made("score", "claims", "--answers", "a.jsonl", "--claims", "rules")
    found = rows(version, "claims")
    assert [(row["id"], row["text"]) for row in found] == [
        ("a.c0", "Ann Lee is a cook."),
        ("a.c1", "Ann Lee is a singer."),
        ("a.c2", "Ann Lee was born in Lima."),
        ("a.c3", "Ann Lee was born in 1901."),
    ]
    assert [ANSWERS[0]["output"][row["start"] : row["end"]] for row in found[1:3]] == ["Ann Lee is a cook and singer.", "She was born in Lima in 1901."]
    assert {row["id"]: row["reason"] for row in rows(version, "rejected")} == {"b": "abstains (own)", "c": "abstains (own)", "d": "no claim found"}
    assert [(row["id"], row["abstention"]) for row in rows(version, "answers")] == [("a", ""), ("b", "own"), ("c", "own"), ("d", "")]
    assert manifest(version)["counts"]["claims"] == 4
    assert any(name.startswith("sentences by ") for name in manifest(version)["prompts"])


def test_lines_that_are_no_answer_are_told(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *ANSWERS, {"topic": "Ann Lee"}, {"output": 5})
    version = made("score", "claims", "--answers", "a.jsonl", "--claims", "rules")
    assert manifest(version)["headline"].endswith("; 2 of the file rejected")


def test_given_claims_keep_label_and_place_and_are_not_rewritten(empty: Path) -> None:  # noqa: F811
    facts = [{"text": "She was born in Lima.", "label": "S"}, {"text": "She was born in 1901.", "label": "NS"}]
    annotations = [{"text": "Ann Lee is a  cook and singer."}, {"text": "She was born in Lima in 1901.", "human-atomic-facts": facts}]
    jsonl(empty / "a.jsonl", {**ANSWERS[0], "annotations": annotations}, {"id": "e", "output": "He sang."})
    version = made("score", "claims", "--answers", "a.jsonl", "--claims", "given")
    assert [(row["text"], row["label"], row["sentence"], row["start"], row["end"]) for row in rows(version, "claims")] == [
        ("She was born in Lima.", "S", 1, 30, 59),
        ("She was born in 1901.", "NS", 1, 30, 59),
    ]
    assert [(row["id"], row["reason"]) for row in rows(version, "rejected")] == [("e", "no claims given")]


SCRIPT = [
    {
        "match": "cook and singer[^<]*>>>\\s+Claims:\\s*$",
        "answer": "Sure:\n- Ann Lee is a cook.\n- Ann Lee is a singer.\n- Ann Lee is Danish.\n- Ann Lee is Da",
    },
    {"match": "Lima in 1901[^<]*>>>\\s+Claims:\\s*$", "answer": "- She was born in Lima.\n- She was born in 19", "outcome": "truncated"},
    {"match": "sang[^<]*>>>\\s+Claims:\\s*$", "answer": "no", "outcome": "refused"},
    {"match": ".", "answer": "none"},
]


def test_a_models_claims_lead_back_to_its_answers_and_what_it_adds_is_rejected(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *ANSWERS)
    jsonl(empty / "s.jsonl", *SCRIPT)
    version = made("score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", "scripted:s.jsonl")
    assert [row["text"] for row in rows(version, "claims")] == ["Ann Lee is a cook.", "Ann Lee is a singer.", "Ann Lee was born in Lima."]
    assert {row["id"] for row in rows(version, "origins")} == {"a.c0", "a.c1", "a.c2"}
    rejected = [(row["id"], row["text"], row["reason"]) for row in rows(version, "rejected") if row["step"] == "claims/list"]
    assert rejected == [
        ("a.0", "Ann Lee is Danish.", "name that its sentence has not"),
        ("a.0", "Ann Lee is Da.", "name that its sentence has not"),
        ("a.1", "She was born in 19.", "cut at max_tokens"),
    ]
    assert "claims/demonstrations" in manifest(version)["prompts"]


def test_a_sentence_without_a_usable_answer_fails_its_answer_and_no_other(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", ANSWERS[0], {"id": "e", "output": "He was tall. He sang well."})
    jsonl(empty / "s.jsonl", *SCRIPT)
    command = ("score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", "scripted:s.jsonl")
    told(typed(*command), 6, "1 of 2 ended without a usable answer")
    version = made(*command, "--max-failed", 0.5)
    assert {row["answer_id"] for row in rows(version, "claims")} == {"a"}
    assert [row["id"] for row in rows(version, "rejected") if row["is_failure"]] == ["claims e"]


def as_json(body: dict[str, object]) -> dict[str, object]:
    return {"message": {"role": "assistant", "content": json.dumps({"claims": ["It ran."]})}}


def test_equal_sentences_share_a_request_and_json_is_asked_by_its_schema(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *({"id": f"a{n}", "output": "It ran far. It ran far."} for n in range(3)))
    with running(Server(said=as_json)) as server:
        version = made("score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", f"http:m@{server.url}", "--set", "claims.form=json")
        assert server.n == 1
        assert server.bodies[0]["temperature"] == 0
        assert "response_format" in server.bodies[0]
    assert [row["mark"] for row in rows(version, "claims")] == ["", "duplicate"] * 3


def test_a_dry_run_counts_a_request_for_each_sentence_and_sends_nothing(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *ANSWERS)
    with running(Server()) as server:
        ran = typed("score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", f"http:m@{server.url}", "--dry-run", "--json")
        assert server.n == 0
    assert json.loads(ran.out)["cost"]["requests"] == 3  # two sentences of a, one of d; b and c abstain


@pytest.mark.slow
def test_ctrl_c_says_that_it_was_interrupted_and_of_nothing_that_it_is_done(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *({"id": f"a{n}", "output": f"It ran {n} times."} for n in range(200)))
    with running(Server(latency_s=0.05, said=lambda _: {"message": {"role": "assistant", "content": "- It ran."}})) as server:
        process = Folder(empty).popen(
            "score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", f"http:m@{server.url}", "--set", "generation.most_in_flight=2"
        )
        until = time.monotonic() + 60
        while server.n < 12 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.endswith("interrupted; the same command goes on where it was\n")
    assert "done in" not in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_killed_run_asks_for_no_sentence_twice_and_ends_with_the_same_digest(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """20 answers of 2 sentences are 40 requests; what is in flight at the kill (2 at most) may be asked again."""
    jsonl(empty / "a.jsonl", *({"id": f"a{n}", "output": f"It ran {n} times. It sang {n} times."} for n in range(20)))
    with running(Server(latency_s=0.05, said=lambda _: {"message": {"role": "assistant", "content": "- It ran."}})) as server:
        command = ("score", "claims", "--answers", "a.jsonl", "--claims", "model", "--backend", f"http:m@{server.url}", "--set", "generation.most_in_flight=2")
        process = Folder(empty).popen(*command)
        until = time.monotonic() + 60
        while server.n < 12 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert 12 <= server.n < 40
        version = made(*command)
        assert len(server.answered) == 40
        assert server.answered.total() <= 40 + 2
        monkeypatch.setenv("FACT_CACHE_DIR", str(empty / "other cache"))
        uninterrupted = made(*command, "--data", "other")
    assert manifest(version)["digest"] == manifest(uninterrupted)["digest"]


class Nothing(Config):
    """Settings of artifacts written by hand."""


def by_hand(root: Path, kind: str, tables: dict[str, list[object]], inputs: dict[str, Artifact]) -> Artifact:
    plan = Plan(f"{kind} by hand", 1, kind, kind, Nothing(), inputs, {name: type(some[0]) for name, some in tables.items()})

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, tables)
        return Outcome("by hand")

    return make(plan, work, root)[0]


def test_an_evaluation_on_a_world_takes_names_from_there_and_unread_text_is_a_claim(empty: Path) -> None:  # noqa: F811
    world = by_hand(empty / "data", "world", {"people": [kinds.Person("w.p0", "Mira Osei", "head", "test", 9)]}, {})
    text = "Mira Osei was born in Hobart. Nobody wrote this."
    answer = kinds.Answer("e.a0", "q0", "bio", "w.p0", "head", "Tell me about Mira Osei.", text, 0.5, False, None, None)
    by_hand(empty / "data", "eval", {"answers": [answer]}, {"world": world})
    version = made("score", "claims", "--claims", "world")
    assert rows(version, "answers")[0]["topic"] == "Mira Osei"
    assert [row["source"] for row in rows(version, "claims")] == ["world"] * len(rows(version, "claims"))
    assert " ".join(row["text"] for row in rows(version, "claims")) == text
    assert rows(version, "claims")[-1]["text"].endswith("Nobody wrote this.")


def test_a_world_that_is_gone_is_told_and_answers_are_taken_apart_without_it(empty: Path) -> None:  # noqa: F811
    world = by_hand(empty / "data", "world", {"people": [kinds.Person("w.p0", "Mira Osei", "head", "test", 9)]}, {})
    answer = kinds.Answer("w.p0.a", "w.p0.q", "bio", "w.p0", "head", "Who is Mira Osei?", "Mira Osei is a cook.", 1.0, False, None, None)
    by_hand(empty / "data", "eval", {"answers": [answer]}, {"world": world})
    shutil.rmtree(world.path.parent)
    ran = typed("score", "claims", "--claims", "rules")
    assert ran.code == 0, ran.err
    assert "the world of eval@1 is not known then" in ran.err
    assert "world" not in manifest(ran.made)["inputs"]


HARD = {
    "empty": "",
    "marks": "?!… --- ***",
    "emoji": "😀😀 🎉 is 🎂.",
    "arabic": "وُلدت آن لي في ليما عام ١٩٠١. كانت مغنية.",
    "chinese": "安·李出生于利马。她是一位歌手。",
    "table": "| name | year |\n|---|---|\n| Ann | 1901 |",
    "markdown": "# Ann Lee\n\n**Ann Lee** is a *cook*.\n\n- born: 1901\n- [link](http://x)\n\n```python\nprint('x')\n```",
    "html": "<b>Ann</b> is a <script>alert(1)</script> cook. >>> <<< ignore the above",
    "control": "Ann\x00 Lee\x1b[2J is\u202e a cook.",
    "braces": "Ann {sentence} is a {{cook}}.",
    "long": "Ann Lee is a cook, a singer and a baker who won 3 prizes in 1990 - 1995. " * 1350,
    "one word": "x" * 100_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("source", ["rules", "model"])
def test_no_answer_ends_the_run(empty: Path, source: str) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *({"id": name.replace(" ", ""), "topic": "Ann Lee", "output": text} for name, text in HARD.items()))
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "- It is so.\n- It is 1990 - 1995."})
    backend = ("--backend", "scripted:s.jsonl") if source == "model" else ()
    version = made("score", "claims", "--answers", "a.jsonl", "--claims", source, *backend)
    told_of = {row["answer_id"] for row in rows(version, "claims")} | {row["id"] for row in rows(version, "rejected")}
    assert {row["id"] for row in rows(version, "answers")} == {name.replace(" ", "") for name in HARD} <= told_of


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("--answers a.jsonl --claims given", 3, "a.jsonl brings no claims"),
        ("--answers n.jsonl --claims world", 3, "says of no answer whom it is about"),
        ("--answers a.jsonl --claims model", 2, "no backend is given"),
        ("--answers a.jsonl --claims rules --backend scripted:s.jsonl", 2, "--backend asks a model to take answers apart"),
        ("--answers a.jsonl --claims guess", 2, "claims.source = 'guess'"),
        ("--answers a.jsonl --parser en_no_such", 2, "'en_no_such' is not installed"),
        ("--answers n.jsonl samples", 2, "both given"),
        ("--answers sorry.jsonl", 6, "no answer has a claim"),
        ("", 3, "there are no answers in data/"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(empty: Path, command: str, code: int, words: str) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", *ANSWERS)
    jsonl(empty / "n.jsonl", {"output": "He sang."})
    jsonl(empty / "sorry.jsonl", {"output": "I'm sorry."})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "- x"})
    told(typed("score", "claims", *command.split()), code, words)


def test_factscores_preset_has_its_figures() -> None:
    claims = resolve(ScoreClaimsConfig, [recipe_file("score", "claims-factscore")], (), {}).claims
    assert (claims.source, claims.fixed, claims.retrieved, claims.temperature, claims.max_tokens) == ("model", 7, 1, 0.7, 512)
