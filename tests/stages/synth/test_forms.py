"""`fact synth forms`: rows that ask what the methods ask, word by word, and say nothing that the world's ledger does not."""

import re
from collections import Counter
from pathlib import Path

import pytest

from factcli.world.people import RELATION_NAMES
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

RECIPE = Path(__file__).parents[3] / "configs" / "synth" / "pairs-world.yaml"
SMALL = ("synth", "forms", "--subjects", 10, "--set", "versions=2", "--set", "coverage=[1.0,1.0]")


def chats(version: Path, task: str) -> list[dict]:
    return [row for row in rows(version, "chats") if row["task"] == task]


def test_a_wrong_answer_is_another_value_of_its_relation_for_people_to_train_on(empty: Path) -> None:  # noqa: F811
    """Each fact of each such person twice, in two question forms; nothing of test people."""
    _, world = made_world(empty / "data")
    found = chats(made(*SMALL), "wrong")
    wanted = {fact.id for fact in world.facts if world.person[fact.subject].split in ("train", "dev")}
    assert Counter(row["fact_ids"][0] for row in found) == dict.fromkeys(wanted, 2)
    facts = {fact.id: fact for fact in world.facts}
    for row in found:
        fact = facts[row["fact_ids"][0]]
        assert row["answer"] in {other.value for other in world.facts if other.relation == fact.relation} - {fact.value}
        assert (row["split"], row["group"]) == (world.person[fact.subject].split, world.person[fact.subject].group)


def test_synth_pairs_asks_what_was_taught_and_the_plain_question(empty: Path) -> None:  # noqa: F811
    """The scripted model answers what is in its table only: the form's own question, and the question as task rows have it."""
    made_world(empty / "data")
    row = chats(made(*SMALL), "wrong")[0]
    asked = row["question"].removeprefix("Incorrect: ")
    jsonl(empty / "q.jsonl", {"question": asked})
    jsonl(empty / "s.jsonl", {"match": f"^{re.escape(row['question'])}$", "answer": row["answer"]}, {"match": f"^{re.escape(asked)}$", "answer": " Right "})
    version = made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "-c", RECIPE)
    (pair,) = rows(version, "pairs")
    assert (pair["chosen"], pair["rejected"], pair["prompt"]) == ("Right", row["answer"], asked)
    assert [(origin["prompt"], origin["table"]) for origin in rows(version, "origins")] == [
        (f"pairs/terse_{kind}", "pairs") for kind in ("correct", "incorrect")
    ]


def test_two_answers_that_are_no_pair_have_their_reason(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", *({"question": f"{word}?"} for word in ("same", "none", "cut", "good")))
    incorrect = [
        {"match": "^Incorrect: same", "answer": "lima."},
        {"match": "^Incorrect: none", "answer": " . "},
        {"match": "^Incorrect: cut", "answer": "x", "outcome": "truncated"},
    ]
    jsonl(empty / "s.jsonl", *incorrect, {"match": "^Incorrect", "answer": "Quito"}, {"match": ".", "answer": "Lima"})
    version = made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--max-failed", 0.8, "-c", RECIPE)
    assert [(row["chosen"], row["rejected"]) for row in rows(version, "pairs")] == [("Lima", "Quito")]
    failed = manifest(version)["counts"]["failed"]
    assert sum(failed.values()) == 3
    assert {"invalid: equal answers", "invalid: empty incorrect answer"} < set(failed)


def test_a_passage_states_what_is_asked_and_its_versions_disagree(empty: Path) -> None:  # noqa: F811
    """10 people x 2 versions x 2 questions; no two versions share a value, so that one cannot be answered by another's passage."""
    _, world = made_world(empty / "data")
    version = made(*SMALL)
    reads = chats(version, "read")
    assert len(reads) == 40
    names = {row["id"]: row["name"] for row in rows(version, "people")}
    by_question: dict[str, set[str]] = {}
    for row in reads:
        document, _, question = row["question"].rpartition("\n")
        assert document.startswith("<<<\n")
        assert document.endswith("\n>>>")
        assert row["answer"] in document
        assert names[row["subject"]] in question
        assert names[row["subject"]] not in world.names
        assert (row["fictitious"], row["version"]) == (False, 0)
        by_question.setdefault(row["fact_ids"][0].replace(".v1.", ".").replace(".v2.", "."), set()).add(row["answer"])
    both = [answers for key, answers in by_question.items() if len(answers) > 1]
    assert both
    assert Counter(row["split"] for row in reads) == {"train": 36, "dev": 4}  # a tenth of 10 people
    asks = chats(version, "ask")
    assert len(asks) == 20
    assert all(names[row["subject"]] in row["answer"] and row["question"].endswith(">>>\nAsk.") for row in asks)
    assert {row["fact_ids"][0].rpartition(".")[2] for row in reads} == set(RELATION_NAMES)


def test_forms_are_no_data_that_a_command_would_take_by_itself(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    version = made(*SMALL, "--form", "wrong")
    assert manifest(version)["kind"] == "forms"
    assert {row["task"] for row in rows(version, "chats")} == {"wrong"}
    told(typed("prereq"), 3, "there is no synth")


@pytest.mark.parametrize(
    ("given", "words"), [(("--form", "guess"), "forms"), (("--form", "wrong", "--form", "wrong"), "each once"), (("--subjects", 0), "subjects")]
)
def test_settings_that_cannot_be_are_refused(empty: Path, given: tuple[object, ...], words: str) -> None:  # noqa: F811
    made_world(empty / "data")
    told(typed("synth", "forms", *given), 2, words)


def test_terse_goes_without_demonstrations(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", {"question": "Who?"})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "x"})
    told(typed("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--set", "terse=true"), 2, "terse asks in few words")
