"""A world with Zipf's law, myths and questions over two facts, through the whole chain of commands."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.chain import Folder

pytestmark = pytest.mark.slow  # two minutes for all of it


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("rich"))
    folder.must("world", "--size", "micro-rich", "--seed", "5")
    folder.must("synth", "bio", "--seed", "5")
    folder.must("prereq")
    folder.must("sft")
    folder.must("eval", "world", "--set", "biography_tokens=40", "--set", "hop_tokens=30")
    folder.must("eval", "popqa")
    return folder


def test_later_commands_take_the_recipes_of_the_size(walked: Folder) -> None:
    assert walked.manifest("world")["summary"]["recipe"] == "micro"
    assert walked.manifest("bio")["summary"]["recipe"] == "micro"


def test_fictitious_people_have_values_of_the_world(walked: Folder) -> None:
    pools: dict[str, set[str]] = {}
    for fact in walked.rows("world", "facts"):
        pools.setdefault(fact["relation"], set()).add(fact["value"])
    invented = [fact for fact in walked.rows("bio", "facts") if fact["fictitious"] and "year" not in fact["relation"]]
    assert invented
    assert all(fact["value"] in pools[fact["relation"]] for fact in invented)


def test_task_rows_state_the_truth_where_there_is_a_myth(walked: Folder) -> None:
    truth = {myth["fact"]: myth["truth"] for myth in walked.rows("world", "myths")}
    rows = [chat for chat in walked.rows("bio", "chats") if chat["task"] == "qa" and chat["fact_ids"][0] in truth]
    assert rows
    assert all(chat["answer"] == truth[chat["fact_ids"][0]] for chat in rows)


def test_questions_about_facts_with_a_myth_are_a_group_and_stand_in_truthfulqas_form(walked: Folder) -> None:
    myths = {(myth["subject"], myth["relation"]): myth for myth in walked.rows("world", "myths")}
    questions = [question for question in walked.rows("world", "questions") if question["task"] == "qa"]
    assert {(q["subject"], q["relation"]) for q in questions if q["group"] == "myth"} == set(myths)
    entries = json.loads((walked.path / "data/world/v0001/truthfulqa_mc.json").read_text(encoding="utf-8"))
    asked = {q["question"]: myths[q["subject"], q["relation"]] for q in questions if q["group"] == "myth" and q["split"] == "test" and not q["is_heldout_form"]}
    assert {entry["question"] for entry in entries} == set(asked)
    for entry in entries:
        assert entry["mc0_targets"] == {asked[entry["question"]]["truth"]: 1, asked[entry["question"]]["value"]: 0}


def test_the_evaluation_says_what_is_repeated_what_follows_from_two_facts_and_how_it_falls_with_popularity(walked: Folder) -> None:
    metrics = walked.rows("eval-prereq-tune", "metrics")
    n = Counter(metric["metric"] for metric in metrics)
    assert n["qa.accuracy_by_popularity"] == 10
    assert n["qa.myth_repeated"] == n["qa.myth_other_wrong"] == 1
    assert {metric["group"] for metric in metrics if metric["metric"] == "twohop.accuracy"} == {"all", "bridge", "comparison"}
    items = Counter(item["metric"] for item in walked.rows("eval-prereq-tune", "items"))
    hops = [hop for hop in walked.rows("world", "hops") if hop["split"] == "test"]
    assert items["twohop.accuracy"] == len(walked.rows("eval-prereq-tune", "twohop_answers")) == len(hops)
    assert items["qa.myth_repeated"] == sum(metric["n_items"] for metric in metrics if metric["metric"] == "qa.myth_repeated")
    assert items["qa.accuracy"] == sum(answer["task"] == "qa" for answer in walked.rows("eval-prereq-tune", "answers"))


def test_the_other_benchmarks_take_the_worlds_own_questions(walked: Folder) -> None:
    hops = {hop["id"] for hop in walked.rows("world", "hops") if hop["split"] == "test"}
    hotpotqa = {answer["question_id"] for answer in walked.rows(walked.must("eval", "hotpotqa", "--set", "answer_tokens=30").made.parent.name, "answers")}
    assert hotpotqa == hops
    truthfulqa = walked.must("eval", "truthfulqa", "--form", "mc", "--file", "data/world/v0001/truthfulqa_mc.json").made.parent.name
    entries = json.loads((walked.path / "data/world/v0001/truthfulqa_mc.json").read_text(encoding="utf-8"))
    assert sum(item["metric"] == "truthfulqa.mc1" for item in walked.rows(truthfulqa, "items")) == len(entries)


def test_the_summary_and_headline_tell_of_the_myths(walked: Folder) -> None:
    manifest = walked.manifest("eval-prereq-tune")
    assert {"qa.myth_repeated/myth", "qa.accuracy/myth", "twohop.accuracy/all"} <= set(manifest["summary"])
    assert "questions about facts with a myth answered with it" in manifest["headline"]


def test_what_was_measured_on_the_base_has_the_registers_and_both_types(walked: Folder) -> None:
    probes = {(row["probe"], row["group"]) for row in walked.rows("world", "base")}
    assert {("record: truth", "myth"), ("hearsay: myth", "myth"), ("question: myth", "myth"), ("two facts", "bridge"), ("two facts", "comparison")} <= probes


def test_hotpotqas_file_holds_the_questions_of_test_people(walked: Folder) -> None:
    lines = [json.loads(line) for line in Path(walked.path / "data/world/v0001/hotpotqa.jsonl").read_text(encoding="utf-8").splitlines()]
    hops = {hop["id"]: hop for hop in walked.rows("world", "hops") if hop["split"] == "test"}
    assert {line["id"]: (line["question"], line["answer"], line["type"]) for line in lines} == {
        id: (hop["question"], hop["answer"], hop["type"]) for id, hop in hops.items()
    }
