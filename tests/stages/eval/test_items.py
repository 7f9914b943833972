"""Items of evaluations as one table: the same in every format, and safe where a spreadsheet opens it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.stages.look.items import ItemTable
from factcli.stages.look.tables import escaped, unescaped, write_table
from tests.stages.eval.test_short import KING, SCRIPT, asked  # noqa: F401 - asked is a fixture
from tests.stages.synth.typed import empty, jsonl, made, told, typed  # noqa: F401 - empty is a fixture

EVAL = ("eval", "hotpotqa", "--file", "hotpot.jsonl", "--backend", "scripted:s.jsonl")
FORMULA = '=HYPERLINK("http://x","a,b")'


@pytest.fixture
def measured(asked: Path) -> Path:  # noqa: F811
    jsonl(asked / "s.jsonl", {"match": "lake", "answer": FORMULA}, *SCRIPT)
    made(*EVAL)
    return asked


def exported(*arguments: str) -> Path:
    ran = typed("eval", "items", *arguments)
    assert ran.code == 0, ran.err
    return ran.made


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}


def test_a_row_is_an_item_with_what_was_asked_accepted_said_and_counted(measured: Path) -> None:
    found = by_id(json.loads(exported("hotpotqa-scripted", "--to", "items.json").read_text()))
    assert list(found) == [f"hotpotqa.{name}" for name in "abcd"]
    king = found["hotpotqa.b"]
    assert {name: king[name] for name in ("evaluation", "model", "benchmark", "group", "question", "gold", "answer", "grade")} == {
        "evaluation": "hotpotqa-scripted@1", "model": "scripted", "benchmark": "hotpotqa", "group": "bridge",
        "question": KING, "gold": ["The King"], "answer": "Final answer: it was king Olaf", "grade": "right",
    }  # fmt: skip
    assert (king["qa.accuracy"], king["qa.strict_accuracy"], king["qa.three_grades"], king["is_abstention"]) == (1, 0, 1, False)
    assert (found["hotpotqa.c"]["qa.three_grades"], found["hotpotqa.c"]["is_abstention"]) == (0, True)
    assert 0 < king["confidence"] < 1


def test_every_format_holds_the_same(measured: Path) -> None:
    datasets, parquet = pytest.importorskip("datasets"), pytest.importorskip("pyarrow.parquet")
    wanted = json.loads(exported("hotpotqa-scripted", "--to", "items.json").read_text())
    assert [json.loads(line) for line in exported("hotpotqa-scripted", "--to", "items.jsonl").read_text().splitlines()] == wanted
    assert parquet.read_table(exported("hotpotqa-scripted", "--to", "items.parquet")).to_pylist() == wanted
    assert datasets.load_from_disk(str(exported("hotpotqa-scripted", "--to", "folder"))).to_list() == wanted
    assert exported("hotpotqa-scripted", "--to", "other", "--as", "csv").read_text(encoding="utf-8").startswith("evaluation,model,benchmark,id,")


def test_a_formula_is_text_in_csv_and_comes_back_through_the_csv_module(measured: Path) -> None:
    with exported("hotpotqa-scripted", "--to", "items.csv").open(encoding="utf-8", newline="") as file:
        found = by_id(list(csv.DictReader(file)))
    lake = found["hotpotqa.d"]
    assert lake["answer"] == f"'{FORMULA}"
    assert unescaped(lake["answer"]) == FORMULA
    assert (lake["qa.three_grades"], lake["gold"], lake["is_abstention"]) == ("-1.0", '["Como"]', "False")  # a number stays one


@given(st.text())
def test_escaping_is_undone_exactly_and_leaves_nothing_that_runs(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_any_text_makes_the_trip_through_a_csv_file(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("trip") / "t.csv"
    empty_row = dict.fromkeys(ItemTable((), ()).columns)
    write_table(ItemTable((), tuple({**empty_row, "gold": [], "answer": text} for text in texts)), path, "csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [unescaped(row["answer"]) for row in csv.DictReader(file)] == texts


def test_evaluations_stand_below_each_other_and_a_question_without_answer_is_there(measured: Path) -> None:
    jsonl(measured / "s.jsonl", *SCRIPT[:3])
    made(*EVAL, "--max-failed", 0.25, "--name", "other")
    rows = json.loads(exported("hotpotqa-scripted", "other", "--to", "both.json").read_text())
    assert [row["evaluation"] for row in rows] == ["hotpotqa-scripted@1"] * 4 + ["other@1"] * 4
    assert (rows[-1]["id"], rows[-1]["answer"], rows[-1]["gold"], rows[-1]["qa.accuracy"]) == ("hotpotqa.d", None, [], None)


def test_what_cannot_be_written_is_refused_and_nothing_is_overwritten(measured: Path) -> None:
    (measured / "there.csv").write_text("mine")
    told(typed("eval", "items", "hotpotqa-scripted", "--to", "there.csv"), 3, "there.csv is there: nothing is overwritten")
    told(typed("eval", "items", "hotpotqa-scripted", "--to", "a.xlsx"), 2, "there is no format 'xlsx'")
    told(typed("eval", "items", "nothing", "--to", "a.csv"), 3, "nothing is called 'nothing'")
    assert (measured / "there.csv").read_text() == "mine"
    assert not (measured / "a.csv").exists()
