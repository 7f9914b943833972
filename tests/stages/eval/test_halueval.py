"""`fact eval haluevalqa` as typed: figures by hand from scripted replies, a served model by words, what cannot be read is unscored."""

import json
from pathlib import Path

import pytest

from factcli.artifact import open_artifact
from factcli.judge.itemscores import items_of
from factcli.knowledge.benchmarks.halueval import HALUEVALQA
from factcli.stages.eval.halueval import likelier_yes, said_yes
from factcli.world.people import keyed_rng
from tests.backends.server import Server, first_word, running
from tests.stages.eval.likely import long_llama
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

OWLS = {"question": "What do owls hunt?", "right_answer": "Mice", "hallucinated_answer": "Owls hunt foxes by day.", "knowledge": "Owls hunt mice."}
EMMA = {"question": "Who wrote Emma?", "right_answer": "Jane Austen", "hallucinated_answer": "Charlotte Bronte wrote it.", "knowledge": "By Austen."}
ALWAYS_YES = {"match": "Answer:", "answer": "Yes", "choices": {"Yes": -0.5, "No": -1.0}}
SCRIPT = (
    {"match": "Question:.*foxes", "answer": "Yes", "choices": {"Yes": -0.1, "No": -2.4}},
    {"match": "Question:.*Mice", "answer": "No", "choices": {"Yes": -2.4, "No": -0.1}},
    {"match": "Question:.*Bronte", "answer": "No", "choices": {"Yes": -1.0, "No": -0.5}},
    {"match": "Question:.*Austen", "answer": "No", "choices": {"Yes": -2.0, "No": -0.2}},
    ALWAYS_YES,  # without a question
)
COMMAND = ("eval", "haluevalqa", "--file", "halu.jsonl")


def asked(folder: Path, *rules: object, options: tuple[str, ...] = ()) -> Path:
    jsonl(folder / "halu.jsonl", OWLS, EMMA)
    jsonl(folder / "s.jsonl", *rules)
    return made(*COMMAND, "--backend", "scripted:s.jsonl", "--name", "halu", *options)


def figures(version: Path) -> dict[str, float | None]:
    return {metric["metric"].removeprefix("haluevalqa."): metric["value"] for metric in rows(version, "metrics")}


def test_figures_by_hand(empty: Path) -> None:  # noqa: F811
    """Owls: both right. Emma: the hallucinated answer is called true, but with more doubt than the right one. Blind: always Yes."""
    version = asked(empty, *SCRIPT)
    found = figures(version)
    drawn = {item.id: keyed_rng(0, item.id, "shown").choice(("right", "hallucinated")) for item in map(HALUEVALQA.item, (OWLS, EMMA))}
    emma = HALUEVALQA.item(EMMA).id
    assert found["accuracy"] == (1 + (drawn[emma] == "right")) / 2
    assert found["paired_accuracy"] == 0.5
    assert found["preferred"] == 1.0
    assert found["accuracy_blind"] == sum(one == "hallucinated" for one in drawn.values()) / 2
    assert found["paired_accuracy_blind"] == 0.0
    assert found["preferred_blind"] == 0.5  # one opinion of both
    assert found["preferred_above_blind"] == 0.5
    assert (found["accuracy_chance"], found["paired_accuracy_chance"], found["preferred_longest"]) == (0.5, 0.25, 1.0)
    assert found["share_called_hallucinated"] == 0.25
    assert manifest(version)["summary"]["benchmark"] == "haluevalqa"


@pytest.mark.parametrize(("options", "part"), [((), False), (("--limit", "2"), False), (("--limit", "1"), True)])
def test_the_headline_tells_a_part_and_no_whole(empty: Path, options: tuple[str, ...], part: bool) -> None:  # noqa: F811
    assert ("; 1 of 2 questions, drawn" in manifest(asked(empty, *SCRIPT, options=options))["headline"]) is part


def test_items_are_the_model_s_own_figures(empty: Path) -> None:  # noqa: F811
    items = items_of(open_artifact(asked(empty, *SCRIPT), empty / "data"))
    assert {item.metric for item in items} == {"haluevalqa.accuracy", "haluevalqa.paired_accuracy", "haluevalqa.preferred"}
    assert len(items) == 6


def test_saying_yes_to_all_gains_nothing_in_pairs(empty: Path) -> None:  # noqa: F811
    found = figures(asked(empty, ALWAYS_YES))
    assert found["share_called_hallucinated"] == 1.0
    assert found["paired_accuracy"] == 0.0


def test_what_is_neither_yes_nor_no_is_unscored_and_not_wrong(empty: Path) -> None:  # noqa: F811
    maybe = {"match": "Question:.*Mice", "answer": "Perhaps so"}
    version = asked(empty, maybe, *SCRIPT, options=("--by", "words"))
    found = figures(version)
    assert found["unscored_share"] == 0.25
    assert found["paired_accuracy"] == 0.0
    (paired,) = [metric for metric in rows(version, "metrics") if metric["metric"] == "haluevalqa.paired_accuracy"]
    assert paired["n_items"] == 1  # Emma alone: Owls has one answer that cannot be read
    assert found["preferred"] is None  # words tell no probabilities


def test_a_served_model_is_asked_by_its_probabilities(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "halu.jsonl", OWLS, EMMA)

    def says(body: dict) -> dict:
        is_made_up = any(word in body["messages"][-1]["content"] for word in ("foxes", "Bronte"))
        return first_word(body, {"Yes": -0.1 if is_made_up else -3.0, "No": -3.0 if is_made_up else -0.1})

    with running(Server(said=says)) as server:
        version = made(*COMMAND, "--backend", f"http:judge@{server.url}")
        assert len(server.bodies) == 8  # two questions, two answers, with the question and without it
    assert version.parent.name == "haluevalqa-judge"
    assert figures(version)["paired_accuracy"] == 1.0
    assert figures(version)["paired_accuracy_blind"] == 1.0  # this one goes by the words of the answer alone
    assert figures(version)["paired_accuracy_above_blind"] == 0.0


def test_a_model_of_this_process_judges_by_likelihood(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "halu.jsonl", OWLS, EMMA)
    version = made(*COMMAND, "--model", long_llama(empty / "model"))
    judgements = rows(version, "judgements")
    assert len(judgements) == 8
    for one in judgements:
        assert one["is_called_hallucinated"] == (one["logprob_yes"] > one["logprob_no"])
    again = made(*COMMAND, "--model", empty / "model", "--force")
    assert manifest(again)["digest"] == manifest(version)["digest"]


def test_knowledge_is_shown_where_it_is_asked_for_and_there(empty: Path) -> None:  # noqa: F811
    version = asked(empty, {"match": "Owls hunt mice", "answer": "No", "choices": {"No": -0.1, "Yes": -3.0}}, ALWAYS_YES, options=("--set", "knowledge=true"))
    owls = HALUEVALQA.item(OWLS).id
    assert {one["shown"]: one["text"] for one in rows(version, "judgements") if one["item_id"] == owls and not one["is_blind"]} == {
        "right": "No",
        "hallucinated": "No",
    }
    jsonl(empty / "halu.jsonl", OWLS, {**EMMA, "knowledge": ""})
    told(typed(*COMMAND, "--backend", "scripted:s.jsonl", "--set", "knowledge=true"), 3, "1 of its 2 questions have no knowledge")


def test_what_each_question_costs_is_told_before(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "halu.jsonl", OWLS, EMMA)
    jsonl(empty / "s.jsonl", *SCRIPT)
    ran = typed(*COMMAND, "--backend", "scripted:s.jsonl", "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["cost"]["requests"] == 8


def test_a_model_and_a_backend_are_one_too_many(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "halu.jsonl", OWLS)
    told(typed(*COMMAND, "--model", "world", "--backend", "scripted:s.jsonl"), 2, "are both given")


def test_entries_that_are_no_questions_are_rejected_with_their_reason(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "halu.jsonl", OWLS, {**EMMA, "right_answer": ""}, {**EMMA, "hallucinated_answer": "Jane Austen"})
    jsonl(empty / "s.jsonl", *SCRIPT)
    version = made(*COMMAND, "--backend", "scripted:s.jsonl")
    assert [one["reason"] for one in rows(version, "rejected")] == ["no right_answer", "an answer that is right and hallucinated"]


@pytest.mark.parametrize(
    ("text", "found"), [("Yes", True), (" no.", False), ("**Yes**, it", True), ("NO!", False), ("Not so", None), ("", None), ("Maybe", None)]
)
def test_the_first_word_is_read(text: str, found: bool | None) -> None:
    assert said_yes(text) is found


@pytest.mark.parametrize(("yes", "no", "found"), [(-1.0, -2.0, True), (-2.0, -1.0, False), (None, -1.0, False), (-1.0, None, True), (None, None, None)])
def test_a_word_that_the_server_does_not_tell_is_the_less_likely(yes: float | None, no: float | None, found: bool | None) -> None:
    assert likelier_yes(yes, no) is found
