"""`fact synth samples` as typed: each answer drawn with a seed of its own, none lost, none asked for twice."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from factcli import rows as kinds
from factcli.artifact import Draft, Outcome, Plan, make, open_artifact
from factcli.config import Config, resolve
from factcli.resolving import recipe_file
from factcli.stages.synth.samples import SamplesConfig
from tests.backends.faults import faulty
from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

QUESTIONS = [{"prompt": f"Where was person {n} born?", "id": f"p{n}", "topic": f"Person {n}"} for n in range(4)]


def test_settings_are_what_is_sent_and_every_sample_has_a_seed_of_its_own(empty: Path) -> None:  # noqa: F811
    """FactTune's sampler ignored its settings and began every response with one seed. Here 4 prompts x 3 samples are 12 seeds."""
    jsonl(empty / "p.jsonl", *QUESTIONS)
    with running(Server()) as server:
        version = made(
            "synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}", "--samples", 3, "--temperature", 0.7,
            "--max-tokens", 40, "--set", "top_p=0.8", "--reference",
        )  # fmt: skip
        drawn = [body for body in server.bodies if body["temperature"] > 0]
        greedy = [body for body in server.bodies if body["temperature"] == 0]
    assert len(drawn) == len({body["seed"] for body in drawn}) == 12
    assert {(body["temperature"], body["top_p"], body.get("max_completion_tokens", body.get("max_tokens"))) for body in drawn} == {(0.7, 0.8, 40)}
    assert len(greedy) == 4
    assert not any(body.get("seed") for body in greedy)
    assert {body["messages"][-1]["content"] for body in drawn} == {question["prompt"] for question in QUESTIONS}
    samples = rows(version, "samples")
    assert [row["id"] for row in samples] == [f"p{n}.{end}" for n in range(4) for end in ("ref", "s0", "s1", "s2")]
    assert [row["number"] for row in samples] == [-1, 0, 1, 2] * 4
    assert [(origin["id"], origin["table"]) for origin in rows(version, "origins")] == [(row["id"], "samples") for row in samples]
    assert all(prompt["n_samples"] == 3 for prompt in rows(version, "prompts"))


def test_a_repetition_penalty_is_sent_and_a_server_without_it_named_before_the_run(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    command = ("synth", "samples", "--prompts", "p.jsonl", "--samples", 2, "--set", "repetition_penalty=1.1")
    with running(Server()) as server:
        made(*command, "--backend", f"http:m@{server.url}", "--name", "penalised")
        assert {body["repetition_penalty"] for body in server.bodies} == {1.1}
    no_penalty = {"message": "Unrecognized request argument supplied: repetition_penalty"}
    with running(Server(is_probed=True, refuses=lambda body: no_penalty if "repetition_penalty" in body else None)) as server:
        told(typed(*command, "--backend", f"http:m@{server.url}"), 4, "refuses a request with repetition_penalty: 400")
        asked = [body["messages"][-1]["content"] for body in server.bodies]
        assert not {question["prompt"] for question in QUESTIONS} & set(asked)


SCRIPT = [
    {"match": "person 0", "answers": ["In Lima.", "In Hobart.", "\n "]},
    {"match": "person 1", "answer": "She was born in", "outcome": "truncated"},
    {"match": "person 2", "answer": "I cannot say.", "outcome": "refused"},
    {"match": "person 3", "answer": "In Kyiv."},
]


def test_asked_are_kept_rejected_and_failed(empty: Path) -> None:  # noqa: F811
    """4 prompts x 3: 2 + 3 + 0 + 3 kept, one empty, three refused."""
    jsonl(empty / "p.jsonl", *QUESTIONS, QUESTIONS[0], "{")
    jsonl(empty / "s.jsonl", *SCRIPT)
    version = made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 3, "--max-failed", 0.34)
    counts = manifest(version)["counts"]
    assert (counts["asked"], counts["kept"]) == (12, 8)
    assert counts["rejected"] == {"file: not JSON": 1}
    assert counts["failed"] == {"invalid: empty": 1, "refused: as scripted": 3}
    assert counts["repeated_prompts"] == 1
    samples = rows(version, "samples")
    assert [(row["id"], row["outcome"]) for row in samples if row["outcome"] != "ok"] == [(f"p1.s{n}", "truncated") for n in range(3)]
    rejected = {row["id"]: (row["reason"], row["is_failure"]) for row in rows(version, "rejected")}
    assert rejected == {
        "line 6": ("not JSON", False),
        "p0.s2": ("invalid: empty", True),
        **{f"p2.s{n}": ("refused: as scripted", True) for n in range(3)},
    }
    assert [prompt["n_samples"] for prompt in rows(version, "prompts")] == [2, 3, 0, 3]


def test_more_failures_than_allowed_commit_nothing_and_end_with_6(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    jsonl(empty / "s.jsonl", *SCRIPT)
    told(
        typed("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl"),
        6,
        "13 of 40 ended without a usable answer, more than the 2% allowed: 10 x refused: as scripted, 3 x invalid: empty",
    )
    assert not list(empty.glob("data/samples/v*"))


def test_where_every_answer_is_empty_there_is_no_data_and_a_file_of_reasons(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    jsonl(empty / "s.jsonl", {"match": ".", "answer": " \n"})
    told(
        typed("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 2, "--max-failed", 1), 6, "no answer passed the checks"
    )
    assert not list(empty.glob("data/samples/v*"))
    (reasons,) = empty.rglob("rejected.jsonl")
    assert reasons.read_text().count('"invalid: empty"') == 8


@pytest.mark.slow
def test_with_thirty_percent_faults_answers_come_or_are_listed_and_the_share_allowed_decides(empty: Path) -> None:  # noqa: F811
    """With 2 tries 0.26^2 = 7% of 200 rows fail: above 1% the run ends with 6, allowed they are rows beside the others."""
    jsonl(empty / "p.jsonl", *({"prompt": f"Who is {n}?", "id": f"p{n}"} for n in range(20)))
    sent: Counter[str] = Counter()
    behave = faulty(Random(2), sent)
    with running(Server(behave, keeps=False)) as server:
        short = ("--set", "generation.tries=2", "--set", "generation.timeout_s=3")
        command = ("synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}", *short)
        told(typed(*command, "--max-failed", 0.01), 6, "of 200 ended without a usable answer, more than the 1% allowed")
        (path,) = empty.rglob("failed.jsonl")
        failed = [json.loads(line) for line in path.read_text().splitlines()]
        assert not list(empty.glob("data/samples/v*"))
        assert 3 <= len(failed) <= 40
        assert sent[""] == 200 - len(failed)
        version = made(*command, "--max-failed", 0.2)  # asks for these alone, and some may fail again
    counts = manifest(version)["counts"]
    n_failed = sum(counts["failed"].values())
    assert sent[""] == counts["kept"] == len(rows(version, "samples")) == 200 - n_failed
    rejects = {row["id"] for row in rows(version, "rejected")}
    assert len(rejects) == n_failed
    assert rejects <= {row["id"] for row in failed}
    assert all(row["is_failure"] and row["text"] for row in rows(version, "rejected"))


def test_titles_are_asked_in_the_words_of_their_kind(empty: Path) -> None:  # noqa: F811
    (empty / "t.txt").write_text("Gout\nLupus\n")
    jsonl(empty / "s.jsonl", {"match": "known about (\\w+)", "answer": "\\1 hurts."})
    version = made("synth", "samples", "--titles", "t.txt", "--kind", "medical", "--samples", 1, "--backend", "scripted:s.jsonl")
    assert [row["text"] for row in rows(version, "samples")] == ["Gout hurts.", "Lupus hurts."]
    assert [(row["prompt"], row["topic"], row["task"]) for row in rows(version, "prompts")] == [
        ("Tell me what is known about Gout.", "Gout", "medical"),
        ("Tell me what is known about Lupus.", "Lupus", "medical"),
    ]
    assert {row["prompt"] for row in rows(version, "origins")} == {"samples/medical"}


def test_a_line_more_in_the_file_buys_only_its_own_answers(empty: Path) -> None:  # noqa: F811
    bare = [{"prompt": question["prompt"]} for question in QUESTIONS]
    with running(Server()) as server:
        for first in (1, 0):
            jsonl(empty / "p.jsonl", *bare[first:])
            version = made("synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}", "--samples", 2)
        assert server.n == 8
    assert manifest(version)["usage"]["cached"] == 6


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_digest(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    with running(Server(latency_s=0.05)) as server:
        command = ("synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}", "--set", "generation.most_in_flight=2")
        process = Folder(empty).popen(*command)
        until = time.monotonic() + 60
        while server.n < 12 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert 12 <= server.n < 40
        assert not list(empty.glob("data/samples/v*"))
        version = made(*command)
        assert len(server.answered) == 40  # 4 prompts x 10
        assert server.answered.total() <= 40 + 2  # what was in flight at the kill may be asked again
        monkeypatch.setenv("FACT_CACHE_DIR", str(empty / "other cache"))
        uninterrupted = made(*command, "--data", "other")
    assert manifest(version)["digest"] == manifest(uninterrupted)["digest"]


class Nothing(Config):
    """Settings of data written by hand."""


def written_by_hand(root: Path, name: str = "bio") -> None:
    """One real person of each split, one fictitious person in two versions, and a held-out form that none may be asked."""
    people = [kinds.Person(f"w.p{n}", f"Person {n}", "head", split, 9) for n, split in enumerate(("train", "dev", "test"))]
    chats = [
        kinds.Chat(f"w.p{n}.{task}", task, f"{task} of Person {n}?", "x", f"w.p{n}", (), 0, False, "head", person.split)
        for n, person in enumerate(people)
        for task in ("bio", "qa")
    ]
    chats += [kinds.Chat(f"f.p0.v{v}.bio", "bio", "bio of Nobody?", "x", "f.p0", (), v, True, "fictitious", "train") for v in (1, 2)]
    questions = [kinds.Question(f"w.p0.born.{end}", "qa", f"Born {end}?", ("Lima",), "w.p0", "Person 0", "born", "head", 9, end == "h", "dev") for end in "qh"]
    tables = {"people": kinds.Person, "chats": kinds.Chat, "questions": kinds.Question}
    plan = Plan("synth bio", 1, "synth", name, Nothing(), {}, tables)

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, {"people": people, "chats": chats, "questions": questions})
        return Outcome("by hand")

    make(plan, work, root)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ((), ["w.p0.bio", "w.p0.qa", "w.p1.bio", "w.p1.qa"]),
        (("--set", "tasks=[bio]"), ["w.p0.bio", "w.p1.bio"]),
        (("--set", "splits=[test]", "--set", "tasks=[qa]"), ["w.p2.qa"]),
        (("--set", "tasks=[bio]", "--set", "fictitious=true"), ["w.p0.bio", "w.p1.bio", "f.p0.v1.bio"]),  # two versions ask the same
        (("--set", "table=questions"), ["w.p0.born.q"]),
        (("--from", "bio@1", "--limit", "1"), ["w.p0.bio"]),
    ],
)
def test_data_made_before_is_asked_by_its_own_ids(empty: Path, arguments: tuple[str, ...], ids: list[str]) -> None:  # noqa: F811
    written_by_hand(empty / "data")
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "Yes."})
    version = made("synth", "samples", "--samples", 1, "--backend", "scripted:s.jsonl", *arguments)
    assert [row["id"] for row in rows(version, "prompts")] == ids
    assert [row["id"] for row in rows(version, "samples")] == [f"{id_}.s0" for id_ in ids]
    assert manifest(version)["inputs"]["prompts"]["name"] == "bio"
    first = rows(version, "prompts")[0]
    assert (first["subject"], first["topic"], first["group"]) == (first["id"][:4], first["topic"], "head")


def test_shots_are_other_peoples_training_answers_before_the_question(empty: Path) -> None:  # noqa: F811
    """Four people: of dev's question one of the three training rows of its task is shown, never one about itself, as text to go on with."""
    people = [kinds.Person(f"w.p{n}", f"P{n}", "head", "dev" if n == 3 else "train", 9) for n in range(4)]
    chats = [
        kinds.Chat(f"{p.id}.{task}", task, f"{task} of {p.name}?", f"{task} answer {p.name}", p.id, (), 0, False, "head", p.split)  # type: ignore[arg-type]
        for p in people
        for task in ("bio", "qa")
    ]

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, {"people": people, "chats": chats})
        return Outcome("by hand")

    make(Plan("synth bio", 1, "synth", "bio", Nothing(), {}, {"people": kinds.Person, "chats": kinds.Chat}), work, empty / "data")
    with running(Server()) as server:
        version = made("synth", "samples", "--samples", 1, "--backend", f"http:m@{server.url}", "--set", "shots=2", "--set", "generation.chat=false")
        asked = [body["prompt"] for body in server.bodies]
    assert set(manifest(version)["prompts"]) == {"samples/shots"}
    assert len(asked) == 8
    for text in asked:
        *shown, own = text.split("\n\n")
        task, _, name = own.removeprefix("Question: ").removesuffix("?\nAnswer:").split()
        others = {f"Question: {task} of {p.name}?\nAnswer: {task} answer {p.name}" for p in people[:3] if p.name != name}
        assert len(set(shown)) == 2
        assert set(shown) <= others


def test_a_file_of_prompts_has_nothing_to_show(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "Yes."})
    told(typed("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--set", "shots=2"), 2, "a file of prompts has no answers to show")


def test_a_dry_run_counts_and_sends_nothing(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    with running(Server()) as server:
        ran = typed("synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}", "--price", "1,2", "--dry-run", "--json")
        assert server.n == 0
    described = json.loads(ran.out)
    assert described["cost"]["requests"] == 40
    assert described["cost"]["money"] > 0
    assert not (empty / "data").exists()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("--prompts none.jsonl", 3, "none.jsonl cannot be read"),
        ("--prompts empty", 3, "empty is empty"),
        ("--prompts wrong.jsonl", 3, "wrong.jsonl has no entry that can be used (line 1: no prompt)"),
        ("--titles empty", 3, "empty is empty"),
        ("--prompts p.jsonl --titles p.jsonl", 2, "--prompts and --titles are given"),
        ("--prompts p.jsonl --samples 0", 2, "samples = 0"),
        ("--prompts p.jsonl --temperature 0", 2, "all would be the same greedy answer"),
        ("--prompts p.jsonl --kind biography", 2, "kind = 'biography'"),
        ("--prompts p.jsonl --set splits=[train]", 3, "has no prompt that the settings want (4 of split none)"),
        ("", 3, "there is no synth in data/"),
        ("--from nothing", 3, "nothing is called 'nothing'"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(empty: Path, command: str, code: int, words: str) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    jsonl(empty / "wrong.jsonl", {"text": "Who?"})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "Yes."})
    (empty / "empty").write_text("")
    told(typed("synth", "samples", *command.split(), "--backend", "scripted:s.jsonl"), code, words)


@pytest.mark.parametrize("preset", ["samples", "samples-medical"])
def test_the_presets_are_the_defaults(preset: str) -> None:
    kind = "medical" if preset.endswith("medical") else "bio"
    assert resolve(SamplesConfig, [recipe_file("synth", preset)], (), {}) == SamplesConfig(kind=kind)


def test_without_a_backend_it_asks_who_shall_write(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *QUESTIONS)
    told(typed("synth", "samples", "--prompts", "p.jsonl"), 2, "no backend is given")


@pytest.mark.slow
def test_a_model_in_this_process_answers_with_its_skill_plugged_in(empty: Path) -> None:  # noqa: F811
    """Random weights: all that counts is that the skill changes the greedy answer, and that the seeds change the draws."""
    from tests import own_bases

    base = own_bases.plain_llama(empty / "base", steps=0)
    written_by_hand(empty / "data")
    skill_over(base, empty / "data")
    written_by_hand(empty / "data", "later")
    drawn = ("synth", "samples", "--samples", 4, "--max-tokens", 8, "--limit", 1, "--reference", "--set", "logprobs=true")
    texts = {}
    for name in ("base", "skill"):
        version = made(*drawn, "--backend", f"local:{name}", "--name", f"by-{name}")
        samples = rows(version, "samples")
        assert len({row["text"] for row in samples}) >= 4
        assert all(row["mean_logprob"] < 0 for row in samples)
        texts[name] = samples[0]["text"]
    assert texts["base"] != texts["skill"]
    assert {role: entry["name"] for role, entry in manifest(version)["inputs"].items()} == {"model": "skill", "prompts": "bio"}  # what it learned from
    assert manifest(empty / "data/by-base/v0001")["inputs"]["prompts"]["name"] == "later"  # the newest


def skill_over(base: Path, root: Path) -> None:
    """A skill adapter with random weights, committed as `fact sft` does."""
    import torch

    from factcli.backends.local import LocalModel
    from factcli.basemodel import resolve_base

    model = LocalModel.load(base, device="cpu", dtype="float32")
    adapter = model.bank.add("skill", r=4, alpha=8, dropout=0.0, seed=0)
    with torch.no_grad():
        adapter.vector.add_(0.3 * torch.randn(adapter.vector.shape, generator=torch.Generator().manual_seed(0)))
    plan = Plan(
        "sft", 1, "skill", "skill", Nothing(), {"synth": open_artifact("bio", root)}, {"proofs": kinds.Proof}, model=resolve_base(str(base), root).identity
    )

    def work(draft: Draft) -> Outcome:
        model.bank.save("skill", draft.folder("adapter"), "base")
        return Outcome("by hand", {"base": str(base)})

    make(plan, work, root)


def test_half_a_character_in_an_answer_is_a_question_mark_now_and_when_it_is_read_again(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", QUESTIONS[0])
    with running(Server(said=lambda _: {"message": {"role": "assistant", "content": "half \ud800 here"}})) as server:
        command = ("synth", "samples", "--prompts", "p.jsonl", "--samples", 1, "--backend", f"http:m@{server.url}")
        bought = made(*command)
        cached = made(*command, "--data", "other")
        assert server.n == 1
    assert [row["text"] for version in (bought, cached) for row in rows(version, "samples")] == ["half ? here"] * 2


def test_a_cache_that_cannot_be_written_is_named_before_anything_is_sent(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", {"prompt": "Who?"})
    (empty / "file").write_text("here is no directory")
    monkeypatch.setenv("FACT_CACHE_DIR", str(empty / "file" / "cache"))
    with running(Server(is_probed=True)) as server:
        told(typed("synth", "samples", "--prompts", "p.jsonl", "--backend", f"http:m@{server.url}"), 2, "set FACT_CACHE_DIR to a directory")
        assert server.n == 0
