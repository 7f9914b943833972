"""Short-answer benchmarks: what is asked of whom, what is kept of an interrupted run, and each figure by hand."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import make, open_artifact
from factcli.basemodel import BaseModelRef
from factcli.evalrows import ItemScore
from factcli.judge.itemscores import items_of
from factcli.knowledge.benchmarks.short import HOTPOTQA, NQ
from factcli.knowledge.benchmarks.source import Source
from factcli.progress import PlainReport
from factcli.rows import Answer
from factcli.stages.eval import asking, short
from factcli.stages.eval.settings import HotpotqaEvalConfig, NqEvalConfig
from factcli.stages.eval.subject import Subject
from tests.backends.server import Server, probe_answer, running
from tests.stages.eval.scripted import Scripted
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

NATION, KING = "Were Ed and Scott of one nation?", "Which king was it?"
QUESTIONS = [
    {"_id": "a", "question": NATION, "answer": "yes", "type": "comparison"},
    {"_id": "b", "question": KING, "answer": "The King", "type": "bridge"},
    {"_id": "c", "question": "In which town?", "answer": "Hobart", "type": "bridge"},
    {"_id": "d", "question": "Which lake?", "answer": "Como", "type": "bridge"},
]
SCRIPT = [
    {"match": "one nation", "answer": "Both are Irish. Final answer: yes"},  # right, to the word
    {"match": "king", "answer": "Final answer: it was king Olaf"},  # right: contains `king`
    {"match": "town", "answer": "I don't know."},  # abstained
    {"match": "lake", "answer": "Final answer: Garda"},  # wrong
]


@pytest.fixture
def asked(empty: Path) -> Path:  # noqa: F811
    jsonl(empty / "hotpot.jsonl", *QUESTIONS, {"_id": "e", "question": "Why?"})
    jsonl(empty / "s.jsonl", *SCRIPT)
    return empty


def figures(version: Path) -> dict[tuple[str, str], float]:
    return {(row["metric"], row["group"]): row["value"] for row in rows(version, "metrics")}


def test_each_figure_follows_from_the_grades(asked: Path) -> None:
    """2 right (1 to the word), 1 abstained, 1 wrong of 4. Three grades: (1 + 1 + 0 - 1) / 4. Of the 3 attempted 2 are right.
    SimpleQA's F: the harmonic mean of 2/4 and 2/3, which is 2 * 2 / (4 + 3)."""
    version = made("eval", "hotpotqa", "--data", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
    found = figures(version)
    assert found["qa.accuracy", "all"] == found["qa.containment", "all"] == 0.5
    assert found["qa.strict_accuracy", "all"] == found["qa.abstention", "all"] == found["qa.wrong", "all"] == 0.25
    assert found["qa.three_grades", "all"] == 0.25
    assert found["qa.accuracy_of_given", "all"] == pytest.approx(2 / 3)
    assert found["qa.f_score", "all"] == pytest.approx(4 / 7)
    assert (found["qa.accuracy", "comparison"], found["qa.accuracy", "bridge"]) == (1.0, pytest.approx(1 / 3))
    assert ("qa.accuracy_bounds", "all") not in found
    summary = manifest(version)["summary"]
    assert {name: summary[name] for name in ("benchmark", "benchmark_version", "benchmark_definition", "model", "questions")} == {
        "benchmark": "hotpotqa", "benchmark_version": HOTPOTQA.version, "benchmark_definition": HOTPOTQA.definition, "model": "scripted", "questions": 4,
    }  # fmt: skip
    (rejected,) = rows(version, "rejected")
    assert (rejected["id"], rejected["reason"]) == ("line 5", "type is neither bridge nor comparison")


def test_every_item_of_every_figure_is_a_row(asked: Path) -> None:
    version = made("eval", "hotpotqa", "--data", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
    items = items_of(open_artifact(version, Path("data")))
    values = {(item.id, item.metric): (item.numerator, item.denominator, item.group, item.is_abstention) for item in items}
    assert values["hotpotqa.b", "qa.accuracy"] == (1, 1, "bridge", False)
    assert values["hotpotqa.b", "qa.strict_accuracy"] == (0, 1, "bridge", False)
    assert values["hotpotqa.c", "qa.three_grades"] == (0, 1, "bridge", True)
    assert values["hotpotqa.d", "qa.three_grades"] == (-1, 1, "bridge", False)
    for name in ("qa.containment", "qa.wrong", "qa.abstention", "qa.accuracy_of_given"):
        own = [item for item in items if item.metric == name]
        assert sum(item.numerator for item in own) / sum(item.denominator for item in own) == pytest.approx(figures(version)[name, "all"])
    assert len(items) == 4 * 7


def test_a_question_without_a_usable_answer_widens_the_bounds_and_is_not_wrong(asked: Path) -> None:
    """Nobody answers the lake: of the three others 2 are right; 2 of 4 if it were wrong, 3 of 4 if it were right."""
    jsonl(asked / "s.jsonl", *SCRIPT[:3])
    command = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
    told(typed(*command), 6, "1 of 4 ended without a usable answer, more than the 2% allowed")
    version = made(*command, "--max-failed", 0.25)
    assert figures(version)["qa.accuracy", "all"] == pytest.approx(2 / 3)
    (bounds,) = [row for row in rows(version, "metrics") if row["metric"] == "qa.accuracy_bounds"]
    assert (bounds["low"], bounds["high"], bounds["n_items"]) == (0.5, 0.75, 4)
    unanswered = [row for row in rows(version, "items") if row["denominator"] == 0 and row["metric"] != "qa.accuracy_of_given"]
    assert [(row["id"], row["metric"]) for row in unanswered] == [("hotpotqa.d", "qa.accuracy")]
    assert manifest(version)["counts"]["failed"] == {"failed: no rule matches": 1}


def test_an_answer_that_a_server_refuses_declines_and_one_that_is_cut_is_graded(asked: Path) -> None:
    cut = {"match": "lake", "answer": "Final answer: Lake Como, which is", "outcome": "truncated"}
    jsonl(asked / "s.jsonl", {"match": "town", "answer": "blocked", "outcome": "refused"}, cut, *SCRIPT)
    version = made("eval", "hotpotqa", "--file", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
    assert {row["question_id"]: (row["text"], row["grade"]) for row in rows(version, "answers")[2:]} == {
        "hotpotqa.c": ("", "abstained"),
        "hotpotqa.d": ("Final answer: Lake Como, which is", "right"),
    }


def test_a_server_is_asked_in_the_task_form_after_examples_and_tells_its_confidence(asked: Path) -> None:
    """Each answer has its own letters as tokens, with log-probabilities that the server tells; the product is their sum's exponential."""
    jsonl(asked / "shots.jsonl", {"question": "Who?", "answer": "Me"}, {"question": NATION.upper(), "answer": "no"}, {"question": "What?", "answer": "It"})
    command = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--examples", "shots.jsonl", "--set", "examples=2", "--set", "instruction=Be brief.")
    with running(Server(said=probe_answer)) as server:
        version = made(*command, "--backend", f"http:org/m-1@{server.url}")
        bodies = [body for body in server.bodies if len(body.get("messages", ())) > 3]
    assert {tuple(turn["content"] for turn in body["messages"][:4]) for body in bodies} in (
        {("Be brief.\nWho?", "Me", "Be brief.\nWhat?", "It")},
        {("Be brief.\nWhat?", "It", "Be brief.\nWho?", "Me")},
    )  # the third example is asked too, so it is left out
    assert {body["messages"][4]["content"] for body in bodies} == {f"Be brief.\n{question['question']}" for question in QUESTIONS}
    assert version.parent.name == "hotpotqa-m-1-few-shot"
    answer = rows(version, "answers")[0]
    assert answer["confidence"] == pytest.approx(math.exp(sum(-0.1 - ord(c) / 200 for c in answer["text"][:5])), rel=1e-6)


def test_a_model_that_only_continues_text_is_asked_in_the_form_of_the_default_template(asked: Path) -> None:
    jsonl(asked / "shots.jsonl", {"question": "Who?", "answer": "Me"})
    command = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--examples", "shots.jsonl", "--set", "examples=1", "--limit", 1, "--set", "logprobs=false")
    with running(Server()) as server:
        version = made(*command, "--backend", f"http:m@{server.url}", "--set", "generation.chat=false")
        prompts = [body["prompt"] for body in server.bodies if "prompt" in body]
    assert f"Question: Who?\nAnswer: Me\n\nQuestion: {KING}\nAnswer:" in prompts
    assert rows(version, "answers")[0]["confidence"] is None
    assert figures(version)["qa.auroc", "all"] is None


def test_examples_that_are_too_few_or_nowhere_are_refused(asked: Path) -> None:
    jsonl(asked / "shots.jsonl", {"question": NATION, "answer": "no"})
    base = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
    told(typed(*base, "--examples", "shots.jsonl"), 3, "6 examples are wanted, and there are 0 that are not asked")
    told(typed(*base, "--ask", "few_shot"), 3, "this model has none")
    told(typed(*base, "--examples", "none.jsonl"), 3, "there is no file none.jsonl")
    told(typed(*base, "--model", "world"), 2, "--model and --backend are both given")


class InterruptedRunError(Exception):
    """What ends a run between two batches."""


class Batches(Scripted):
    """As an evaluation sees a loaded model; gives up at the n-th batch."""

    note = template = ""

    def __init__(self, last: int) -> None:
        super().__init__(lambda text, _adapters: f"no, not {text}")
        self.left = last

    def complete(self, *arguments: Any, **options: Any) -> list:
        if not self.left:
            raise InterruptedRunError
        self.left -= 1
        return super().complete(*arguments, **options)


class BatchSubject(Subject):
    """A subject whose model is the one in its identity."""

    __slots__ = ()

    def load(self, dtype: str, decode: Any = None) -> Any:  # noqa: ARG002 - as an evaluation calls it
        return MODELS[-1]


MODELS: list[Batches] = []


def test_an_evaluation_in_this_process_goes_on_with_what_has_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven questions in batches of two: killed in the third batch, three are left; the result has the bytes of an uninterrupted one."""
    monkeypatch.setattr(asking, "TOGETHER", 2)
    (tmp_path / "nq.jsonl").write_text("".join(json.dumps({"question": f"what is {'x' * (n % 3)} {n}", "answer": [str(n)]}) + "\n" for n in range(7)))
    subject, source = BatchSubject("base", BaseModelRef("base", "base", {})), Source(NQ, tmp_path / "nq.jsonl")
    plan = short.plan(NqEvalConfig(), subject, source, short.Examples(), None)

    def run(root: Path, n_batches: int) -> Any:
        MODELS.append(Batches(n_batches))
        return make(plan, lambda draft: short.work(plan, draft, subject, source, short.Examples(), PlainReport()), root)[0]

    with pytest.raises(InterruptedRunError):
        run(tmp_path / "a", 2)
    resumed = run(tmp_path / "a", 99)
    assert len(MODELS[-1].asked) == 3
    whole = run(tmp_path / "b", 99)
    assert len(MODELS[-1].asked) == 7
    assert resumed.digest == whole.digest
    assert [answer.text[-1] for answer in resumed.rows("answers", Answer)] == list("0123456")
    assert {item.numerator for item in resumed.rows("items", ItemScore) if item.metric == "qa.accuracy"} == {1.0}


def test_settings_and_examples_are_in_the_key_and_operational_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "h.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    (tmp_path / "e.jsonl").write_text('{"question": "Who?", "answer": "Me"}\n')
    subject, source = Subject("base", BaseModelRef("base", "base", {})), Source(HOTPOTQA, tmp_path / "h.jsonl")

    def key(shots: short.Examples | None = None, **settings: Any) -> str:
        return short.plan(HotpotqaEvalConfig(**settings), subject, source, shots or short.Examples(), None).key

    few = short.Examples(tmp_path / "e.jsonl")
    assert len({key(), key(one_line=False), key(instruction="Be brief."), key(few, ask="few_shot"), key(few, ask="few_shot", examples=1)}) == 5
    assert key() == key(generation={"max_failed": 0.5})


def test_data_names_the_file_and_the_directory_of_artifacts(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command, backend = ("eval", "hotpotqa"), ("--backend", "scripted:s.jsonl")
    assert made(*command, *backend, "--data", "hotpot.jsonl") == Path("data/hotpotqa-scripted/v0001")
    assert made(*command, *backend, "--data", "hotpot.jsonl", "--data", "else where") == Path("else where/hotpotqa-scripted/v0001")
    assert made(*command, *backend, "--data", "else where", "--file", "hotpot.jsonl") == Path("else where/hotpotqa-scripted/v0001")
    monkeypatch.setenv("FACT_DATA", "third one")
    assert made(*command, *backend, "--data", "hotpot.jsonl") == Path("third one/hotpotqa-scripted/v0001")
    told(typed(*command, *backend, "--data", "hotpot.jsonl", "--file", "s.jsonl"), 2, "hotpot.jsonl and s.jsonl are two files")
    told(typed(*command, *backend, "--data", "a", "--data", "b"), 2, "a and b are two directories")
    told(typed(*command, *backend, "--data", "missing.jsonl"), 3, "there is no file missing.jsonl")


def test_the_list_of_benchmarks_tells_version_sources_and_file(empty: Path) -> None:  # noqa: F811
    listed = {row["name"]: row for row in json.loads(typed("eval", "list", "--json").out)}
    assert (listed["nq"]["version"], listed["nq"]["definition"]) == (NQ.version, NQ.definition)
    assert listed["popqa"]["sources"] == "--file, own questions, hub: akariasai/PopQA"
    lines = typed("eval", "list").out.splitlines()
    assert [line.split()[:2] for line in lines] == [[name, f"v{row['version']}"] for name, row in listed.items()]


def test_questions_and_examples_of_the_hub_come_from_files_of_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation in two files is asked; examples are of training questions, the one of them that is asked too left out."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "nq_open").mkdir()
    sets = {"train-0": ["who is it", "what is it", "why is it"], "validation-0": ["what is it"], "validation-1": ["when is it", "where is it"]}
    for name, texts in sets.items():
        questions = [{"question": text, "answer": [text.split()[0]]} for text in texts]
        parquet.write_table(pyarrow.Table.from_pylist(questions), tmp_path / f"nq_open/{name}.parquet")
    wanted: list[tuple[str, Any]] = []

    def download(name: str, revision: str | None = None, allow_patterns: Any = None, **_options: Any) -> str:
        wanted.append((f"{name} {revision}", allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    commit = "c" * 40
    source = Source(NQ).pinned(revision=commit)
    found = source.read()
    assert [item.question for item in found.items] == ["what is it", "when is it", "where is it"]
    config = NqEvalConfig(ask="few_shot", examples=2, hub_revision=commit)
    drawn = short.Examples().draw(source, config, found.items)
    assert {(chat.question, chat.answer) for chat in drawn} == {("who is it", "who"), ("why is it", "why")}
    assert wanted == [
        (f"google-research-datasets/nq_open {commit}", ["nq_open/validation-*.parquet"]),
        (f"google-research-datasets/nq_open {commit}", ["nq_open/train-*.parquet"]),
    ]
