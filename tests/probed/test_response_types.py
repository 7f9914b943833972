"""`fact eval response-types` from the familiarity of people to its tables."""

import pytest

from tests.chain import Folder

TYPES = ("certain", "unsure", "unknown")


@pytest.fixture(scope="module")
def typed(micro: Folder) -> Folder:
    micro.must("eval", "response-types", "prereq-tune", "--rule", "coverage", "--certain", "0.3", "--given", "0.6", "--name", "types")
    return micro


@pytest.mark.slow
def test_a_skill_learns_answers_that_say_how_sure_they_are(micro: Folder) -> None:
    """The rows that the skill was trained on: plain, hedged and refusing answers, each over the knowledge of its version."""
    levels = {row["id"]: row["level"] for row in micro.rows("bio", "familiarity")}
    fictitious = [row for row in micro.rows("bio", "chats") if row["fictitious"] and row["split"] == "train"]
    assert {levels[row["subject"]] for row in fictitious} == set(TYPES)
    assert micro.manifest("prereq-tune")["inputs"]["synth"]["digest"] == micro.manifest("bio")["digest"]
    n_real = sum(not row["fictitious"] and row["split"] == "train" and row["group"] == "head" for row in micro.rows("bio", "chats"))
    assert micro.manifest("prereq-tune")["summary"]["rows"] in (len(fictitious), len(fictitious) + n_real)


@pytest.mark.slow
def test_every_test_question_is_typed_twice_and_counted_once(typed: Folder) -> None:
    asked = [row for row in typed.rows("world", "questions") if row["task"] == "qa" and not row["is_heldout_form"]]
    answers = typed.rows("types", "typed_answers")
    assert {row["question_id"] for row in answers} == {row["id"] for row in asked if row["split"] in ("dev", "test")}
    n_test = sum(row["split"] == "test" for row in answers)
    for source in ("words", "threshold"):
        own = [row for row in typed.rows("types", "types") if row["source"] == source]
        whole = [row for row in own if (row["group"], row["base_knows"]) == ("all", "all")]
        assert sum(row["n_of_type"] for row in whole) == n_test
        assert {row["group"] for row in own} == {"all", "head", "mid", "tail", "unseen"}
    items = [row for row in typed.rows("types", "items") if row["metric"] == "qa.accuracy"]
    assert len(items) == n_test
    assert len(typed.rows("types", "risk_coverage")) == 10


@pytest.mark.slow
def test_thresholds_are_kept_where_a_conversation_finds_them(typed: Folder) -> None:
    summary = typed.manifest("types")["summary"]
    assert {row["id"]: row["value"] for row in typed.rows("types", "thresholds")} == summary["thresholds"]
    assert set(summary["thresholds"]) == {"certain", "given"}


@pytest.mark.slow
def test_questions_of_a_file_are_dealt_to_dev_and_test_by_subject(micro: Folder) -> None:
    ran = micro.must(
        "eval", "response-types", "prereq-tune", "--file", "data/world/v0001/popqa.tsv", "--set", "dev_share=0.5", "--beside", "world", "--name", "of-file"
    )
    split_of = {row["subject"]: set() for row in micro.rows("of-file", "typed_answers")}
    for row in micro.rows("of-file", "typed_answers"):
        split_of[row["subject"]].add(row["split"])
    assert all(len(splits) == 1 for splits in split_of.values())
    assert set().union(*split_of.values()) == {"dev", "test"}
    assert "questions popqa.tsv" in micro.manifest("of-file")["prompts"]
    assert ran.made.name == "v0001"
    assert micro.manifest("of-file")["summary"]["benchmark"] == "popqa"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("prereq-tune", "--certain", "0.3", "--given", "0.6"), 2, "certain is 0.3, below given (0.6)"),
        (("prereq-tune", "--rule", "coverage", "--certain", "0.9"), 2, "above given"),
        (("prereq-tune", "--file", "nothing.tsv"), 3, "there is no file nothing.tsv"),
        (("nobody",), 3, "nobody is no artifact"),
    ],
)
def test_what_cannot_be_fitted_is_refused_with_a_way_out(micro: Folder, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = micro.fact("eval", "response-types", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert "way out:" in ran.err


@pytest.mark.slow
def test_a_dry_run_counts_the_prompts_of_everybody_who_is_asked(micro: Folder) -> None:
    n_asked = len([row for row in micro.rows("world", "questions") if row["task"] == "qa" and not row["is_heldout_form"] and row["split"] in ("dev", "test")])
    assert f"prompts: {3 * n_asked}" in micro.must("eval", "response-types", "prereq-tune", "--beside", "world", "--dry-run").out
