"""`fact synth forms`: rows that ask what the methods ask, word by word, and say nothing that the world's ledger does not."""

import json
from collections import Counter
from pathlib import Path

import pytest

from factcli.stages.synth.pair_answers import BadPairError, parse_lines
from factcli.world.people import RELATION_NAMES
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

SMALL = ("synth", "forms", "--subjects", 10, "--set", "versions=2", "--set", "coverage=[1.0,1.0]")


def chats(version: Path, task: str) -> list[dict]:
    return [row for row in rows(version, "chats") if row["task"] == task]


def test_a_pair_is_the_ledgers_value_and_another_of_its_relation_for_people_to_train_on(empty: Path) -> None:  # noqa: F811
    """Each fact of each such person twice, in two question forms; nothing of test people."""
    _, world = made_world(empty / "data")
    found = chats(made(*SMALL), "pair")
    wanted = {fact.id for fact in world.facts if world.person[fact.subject].split in ("train", "dev")}
    assert Counter(row["fact_ids"][0] for row in found) == dict.fromkeys(wanted, 2)
    facts = {fact.id: fact for fact in world.facts}
    for row in found:
        fact = facts[row["fact_ids"][0]]
        pair = parse_lines(row["answer"])
        assert pair.correct == fact.value
        assert pair.incorrect in {other.value for other in world.facts if other.relation == fact.relation} - {fact.value}
        assert (row["split"], row["group"]) == (world.person[fact.subject].split, world.person[fact.subject].group)


def test_a_pair_row_asks_what_synth_pairs_sends(empty: Path) -> None:  # noqa: F811
    """The scripted model answers only what is in its table: the form's question, and the form's answer comes back as a pair."""
    made_world(empty / "data")
    row = chats(made(*SMALL), "pair")[0]
    asked = row["question"].removeprefix("One correct and one incorrect answer: ")
    jsonl(empty / "q.jsonl", {"question": asked})
    (empty / "s.jsonl").write_text(json.dumps({"match": f"^{row['question'].replace('?', '[?]')}$", "answer": row["answer"]}))
    recipe = Path(__file__).parents[3] / "configs" / "synth" / "pairs-world.yaml"
    version = made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "-c", recipe)
    (pair,) = rows(version, "pairs")
    assert f"{pair['chosen']}\n{pair['rejected']}" == row["answer"]


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
    version = made(*SMALL, "--form", "pair")
    assert manifest(version)["kind"] == "forms"
    assert {row["task"] for row in rows(version, "chats")} == {"pair"}
    told(typed("prereq"), 3, "there is no synth")


@pytest.mark.parametrize(
    ("given", "words"), [(("--form", "guess"), "forms"), (("--form", "pair", "--form", "pair"), "each once"), (("--subjects", 0), "subjects")]
)
def test_settings_that_cannot_be_are_refused(empty: Path, given: tuple[object, ...], words: str) -> None:  # noqa: F811
    made_world(empty / "data")
    told(typed("synth", "forms", *given), 2, words)


def test_terse_goes_without_demonstrations(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", {"question": "Who?"})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "x"})
    told(typed("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--set", "terse=true"), 2, "terse asks in few words")


@pytest.mark.parametrize(
    ("said", "why"), [("1921", "not two lines"), ("1921\n1922\n1923", "not two lines"), ("1921\n 1921 ", "equal answers"), ("1921\n.", "empty incorrect")]
)
def test_what_is_no_pair_of_lines_has_its_reason(said: str, why: str) -> None:
    with pytest.raises(BadPairError, match=why):
        parse_lines(said)
    with pytest.raises(BadPairError, match="cut at max_tokens"):
        parse_lines("1921\n19", is_truncated=True)
    assert parse_lines(" Lima \r\n\nQuito\n") == ("Lima", "Quito", "")
