"""`fact eval forgetting` as it is typed."""

import json

import pytest

from tests.chain import Folder


@pytest.mark.slow
def test_the_untouched_base_is_the_model_before_unless_another_is_named(micro: Folder) -> None:
    ran = micro.must("eval", "forgetting", "prereq-tune", "--samples", "2", "--split", "dev", "--json")
    said = json.loads(ran.out)
    assert said["summary"]["before"] == "base"
    rows = micro.rows("forgetting-prereq-tune-of-base", "asked_twice")
    assert {row["n_samples"] for row in rows} == {2}
    assert {row["split"] for row in rows} == {"dev"}
    items = micro.rows("forgetting-prereq-tune-of-base", "items")
    assert {item["id"] for item in items} == {row["id"] for row in rows}


@pytest.mark.slow
def test_known_training_questions_are_those_of_consistency(micro: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Three people of the training split, whose samples agree with their reference as a script says; one question has no truth."""
    questions = [row for row in micro.rows("world", "questions") if row["task"] == "qa" and row["split"] == "train" and not row["is_heldout_form"]][:3]
    lines = [{"id": row["id"], "prompt": row["question"], "responses": [row["answers"][0], row["answers"][0], row["answers"][0]]} for row in questions]
    file = micro.path / "answers.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    micro.must("score", "consistency", "--answers", "answers.jsonl", "--entailer", "lexical", "--methods", "selfcheck", "--tau-k", "0.9", "--name", "agree")
    ran = micro.fact("eval", "forgetting", "prereq-tune", "--known", "agree")
    assert ran.code == 3  # a file has no lineage: nothing says what is right
    assert "none has an accepted answer" in ran.err
    assert "fact score consistency REF --before" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--before", "prereq-tune"), 3, "the model before and the model after are both prereq-tune"),
        (("--known", "world"), 3, "world"),
        (("--known", "x", "--file", "y"), 2, "one source of questions at a time"),
        (("--known", "x", "--split", "dev"), 2, "leave --split out"),
    ],
)
def test_what_cannot_be_compared_is_refused(micro: Folder, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = micro.fact("eval", "forgetting", "prereq-tune", *arguments)
    assert (ran.code, said in ran.err) == (code, True), ran.err
