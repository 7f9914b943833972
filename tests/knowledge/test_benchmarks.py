"""Each benchmark is read in the forms that it is handed on in; a row that does not parse is kept with its reason."""

import json
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.hub import hub_files
from factcli.knowledge.benchmarks.registry import BENCHMARKS, benchmark_of
from factcli.knowledge.benchmarks.short import HOTPOTQA, NQ, SIMPLEQA, TRIVIAQA
from factcli.knowledge.benchmarks.source import Source
from factcli.rows import Question

# name -> (version, definition): whoever changes the second raises the first, and writes both down here
DEFINITIONS = {
    "world": (3, "0a45d51630535abf"),
    "popqa": (3, "496b5aeb7ad098b1"),
    "hotpotqa": (3, "991bad1062acc758"),
    "triviaqa": (3, "21eac9e77ede6799"),
    "nq": (3, "66a487635ab3d9e4"),
    "simpleqa": (3, "a4d15056a166dff7"),
    "truthfulqa": (1, "d7ce9a02076b36c3"),
    "mc": (2, "cae21bc065848a21"),
    "bio": (1, "f153ca1bd75eb663"),
    "medical": (1, "e9fbb4b7f707b48b"),
    "longfact": (1, "101bb739f2ca5092"),
}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_changed_definition_has_a_new_version(name: str) -> None:
    assert (BENCHMARKS[name].version, BENCHMARKS[name].definition) == DEFINITIONS[name]


def test_an_unknown_benchmark_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="there is no benchmark 'hotpot'; did you mean 'hotpotqa'"):
        benchmark_of("hotpot")


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def one(benchmark: Benchmark[Question], path: Path) -> Question:
    found = benchmark.read_file(path)
    assert found.rejects == ()
    (item,) = found.items
    return item


ROW = {"_id": "5a8b57f2", "question": "Were Scott and Ed of the same nationality?", "answer": "yes", "type": "comparison"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dev.json", json.dumps([{**ROW, "context": [["Ed", ["Ed was."]]], "supporting_facts": [["Ed", 0]], "level": "hard"}])),  # the authors' own
        ("dev.jsonl", json.dumps(ROW) + "\n"),
        ("dev.tsv", "_id\tquestion\tanswer\ttype\n5a8b57f2\tWere Scott and Ed of the same nationality?\tyes\tcomparison\n"),
        ("dev.csv", "_id,question,answer,type\n5a8b57f2,Were Scott and Ed of the same nationality?,yes,comparison\n"),
    ],
)
def test_hotpotqa_is_the_same_question_in_every_form(tmp_path: Path, name: str, content: str) -> None:
    read = one(HOTPOTQA, written(tmp_path / name, content))
    id_ = "hotpotqa.5a8b57f2"
    assert read == Question(id_, "qa", "Were Scott and Ed of the same nationality?", ("yes",), id_, "", "", "comparison", 0)


def test_hotpotqa_of_the_hub_is_parquet_of_which_only_the_needed_columns_are_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    row = {"id": "7", **{name: value for name, value in ROW.items() if name != "_id"}, "context": {"title": ["Ed"]}}
    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    (entry,) = HOTPOTQA.entries(tmp_path / "a.parquet")
    assert set(entry.value) == {"id", "question", "answer", "type"}
    assert one(HOTPOTQA, tmp_path / "a.parquet").id == "hotpotqa.7"
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:200])
    with pytest.raises(InputError, match=r"b.parquet is damaged"):
        HOTPOTQA.read_file(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("truthfulqa", {"question": "Is it?", "mc1_targets": {"choices": ["No", "Yes"], "labels": [1, 0]}, "mc2_targets": None}),
        ("truthfulqa-generation", {"category": "Law", "question": "Is it?", "correct_answers": ["No"], "incorrect_answers": ["Yes"]}),
        ("haluevalqa", {"knowledge": "It is.", "question": "Is it?", "right_answer": "Yes", "hallucinated_answer": "No"}),
        ("mc", {"id": "M1", "question": "Is it?", "choices": {"text": ["No", "Yes"], "label": ["A", "B"]}, "answerKey": "A"}),
        ("mc", {"ctx": "A man is", "activity_label": "Law", "endings": ["here", "there"], "label": "1"}),
        ("simpleqa", {"original_index": 5, "problem": "Who?", "answer": "Ada", "topic": "Art", "answer_type": "Person"}),
        ("perplexity", {"text": "It is.", "id": "t1", "subject": "Ada", "group": "real"}),
    ],
)
def test_parquet_gives_the_same_item_as_jsonl(tmp_path: Path, name: str, row: dict[str, object]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    of_jsonl = benchmark_of(name).read_file(written(tmp_path / "a.jsonl", json.dumps(row) + "\n"))
    assert (len(of_jsonl.items), of_jsonl.rejects) == (1, ())
    assert benchmark_of(name).read_file(tmp_path / "a.parquet") == of_jsonl


def test_real_hotpotqa_is_read_whole(shared_data: Path) -> None:
    """2,000 of the 7,405 questions; a question without an id has one that follows from its text."""
    found = HOTPOTQA.read_file(shared_data / "hotpotqa_dev_first2000.jsonl")
    assert (len(found.items), found.rejects) == (2000, ())
    assert {group: sum(item.group == group for item in found.items) for group in ("bridge", "comparison")} == {"bridge": 1612, "comparison": 388}
    first = found.items[0]
    assert (first.question, first.answers, first.id) == ("Were Scott Derrickson and Ed Wood of the same nationality?", ("yes",), "hotpotqa.q5dda555f7bbd")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "yes/no"}, "type is neither bridge nor comparison"),
        ({"answer": " "}, "no answer"),
        ({"answer": None}, "no answer"),
        ({"question": ""}, "no question"),
        ({"question": "Who\u0007?"}, "question with control characters"),
        ({"_id": "two words"}, "id that is no word or whole number"),
    ],
)
def test_a_row_that_is_no_question_is_kept_with_its_reason(tmp_path: Path, change: dict, reason: str) -> None:
    found = HOTPOTQA.read_file(written(tmp_path / "f.jsonl", f"{json.dumps({**ROW, **change})}\n{json.dumps(ROW)}\nnot JSON\n[1]\n{json.dumps(ROW)}\n"))
    assert [item.id for item in found.items] == ["hotpotqa.5a8b57f2"]
    assert [(row.id, row.reason) for row in found.rejects] == [
        ("line 1", reason),
        ("line 3", "not JSON"),
        ("line 4", "no JSON object"),
        ("line 5", "id hotpotqa.5a8b57f2 was there before"),
    ]


ASKED = "Which American won it first?"
TRIVIA = ("Sinclair Lewis", "Harry Sinclair Lewis", "Lewis, (Harry) Sinclair")
ANSWER = {"Value": TRIVIA[0], "Aliases": TRIVIA, "NormalizedAliases": ["lewis"]}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"Data": [{"Question": ASKED, "QuestionId": "tc_1", "Answer": ANSWER}]}, indent=1),
        json.dumps({"question": ASKED, "question_id": "tc_1", "answer": {"value": TRIVIA[0], "aliases": TRIVIA, "normalized_aliases": ["lewis"]}}),
        json.dumps({"question": ASKED, "id": "tc_1", "answer": TRIVIA}),
        f"question\tanswer\tid\n{ASKED}\t{list(TRIVIA)}\ttc_1\n",
        f"question\tanswer\tid\n{ASKED}\t{json.dumps(TRIVIA)}\ttc_1\n",
    ],
)
def test_triviaqa_accepts_the_answer_and_its_aliases_in_every_form(tmp_path: Path, content: str) -> None:
    read = one(TRIVIAQA, written(tmp_path / "t", content))
    assert (read.id, read.question, read.answers) == ("triviaqa.tc_1", ASKED, TRIVIA)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"question": "when was it made", "answer": ["1953", "in 1953"]}),
        json.dumps([{"question": "when was it made", "answers": ["1953", "in 1953"]}]),
        "when was it made\t['1953', 'in 1953']\n",  # DPR hands it on so, without a header and called .csv
        "when was it made\t(\"1953\", 'in 1953')\r\n",
    ],
)
def test_natural_questions_accept_each_answer_in_every_form(tmp_path: Path, content: str) -> None:
    read = one(NQ, written(tmp_path / "nq-test.csv", content))
    assert (read.question, read.answers, read.group) == ("when was it made", ("1953", "in 1953"), "all")
    assert read.id.startswith("nq.q")


def test_the_two_forms_of_simpleqa_tell_topic_and_tolerance(tmp_path: Path) -> None:
    older = """metadata,problem,answer\n"{'topic': 'Art', 'answer_type': 'Number', 'urls': ['u']}","How many,\nin all?",120\n"""
    newer = "original_index,problem,answer,topic,answer_type,multi_step,requires_reasoning,urls\n"
    newer += '17,How many in all?,120k (acceptable range: anything between 118k and 122k),Art,Number,False,False,"u,v"\n'
    first, second = one(SIMPLEQA, written(tmp_path / "a.csv", older)), one(SIMPLEQA, written(tmp_path / "b.csv", newer))
    assert (first.question, first.answers, first.group) == ("How many,\nin all?", ("120",), "Art")
    assert (second.id, second.answers, second.group) == ("simpleqa.17", ("120k (acceptable range: anything between 118k and 122k)", "120k"), "Art")


@pytest.mark.parametrize("cell", ["[__import__('os').system('x')]", "['a'].__class__", "[" * 300 + "]" * 300, "['a', 3]", "[", "[]", "['']"])
def test_a_cell_that_would_run_something_or_lists_no_text_is_a_rejected_row(tmp_path: Path, cell: str) -> None:
    found = NQ.read_file(written(tmp_path / "nq.tsv", f"question\tanswer\nwho\t{cell}\nwhat\t['a']\n"))
    assert [item.question for item in found.items] == ["what"]
    assert [row.id for row in found.rejects] == ["line 2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("question,reply\nwho,me\n", "lacks the columns answer"),
        ("", "is empty"),
        ('question,answer\n"who,me\n', "is no CSV"),
        ("[{]", "begins like a JSON list and is none"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_is_needed(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        NQ.read_file(written(tmp_path / "nq.csv", content))


def test_a_set_on_the_hub_without_the_files_says_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").write_text("card")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_a, **_k: str(tmp_path))
    with pytest.raises(InputError, match=r"someone/set has no file data/\*\.parquet at commit 00000000 \(here is README\.md\)"):
        hub_files("someone/set", "0" * 40, ["data/*.parquet"])


def test_a_benchmark_without_a_set_on_the_hub_asks_for_its_file() -> None:
    with pytest.raises(InputError, match="world is on no hub"):
        Source(BENCHMARKS["world"]).pinned()


def test_mmlu_is_read_from_its_own_file_which_has_no_header(tmp_path: Path) -> None:
    file = written(tmp_path / "anatomy_test.csv", 'Which is a bone?,Femur,"Liver, left",Skin,A,A\nWhich is none?,Femur,Tibia,Skin,Ulna,C\n')
    found = benchmark_of("mc").read_file(file)
    assert [(item.question, item.sets[0].texts, item.sets[0].are_right.index(True)) for item in found.items] == [
        ("Which is a bone?", ("Femur", "Liver, left", "Skin", "A"), 0),
        ("Which is none?", ("Femur", "Tibia", "Skin", "Ulna"), 2),
    ]


@pytest.mark.parametrize(
    ("cell", "answers"),
    [
        ("(I Can't Get No) Satisfaction", ("(I Can't Get No) Satisfaction",)),
        ("[ 'Ada', 'Ada Lovelace']", ("Ada", "Ada Lovelace")),
    ],
)
def test_only_a_cell_that_spells_a_list_is_several_answers(tmp_path: Path, cell: str, answers: tuple[str, ...]) -> None:
    (question,) = benchmark_of("nq").read_file(written(tmp_path / "nq.tsv", f"Who?\t{cell}\n")).items
    assert question.answers == answers


def test_a_test_set_without_answers_says_so(tmp_path: Path) -> None:
    found = benchmark_of("triviaqa").read_file(written(tmp_path / "t.json", json.dumps({"Data": [{"Question": "Who?", "QuestionId": "q1"}]})))
    assert [reject.reason for reject in found.rejects] == ["no answer, as in a test set whose answers are kept back"]
