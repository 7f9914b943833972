"""`fact synth pairs --from WORLD`: whom a world's questions are about, and in which order they are asked."""

from pathlib import Path

from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.rows import Question, Split
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

SCRIPT = {"match": "is (p\\d+)\\?", "answer": "Correct answer: right \\1\nIncorrect answer: wrong \\1"}


def question(number: int, split: Split, **changes: object) -> Question:
    values = {"id": f"w0.p{number}", "task": "qa", "question": f"Who is p{number}?", "answers": (f"right p{number}",), "subject": f"p{number}"}
    rest = {"subject_name": f"p{number}", "relation": "r", "group": "head" if number < 6 else "tail", "popularity": 1, "split": split}
    return Question(**{**values, **rest, **changes})  # type: ignore[arg-type]


def world(root: Path, questions: list[Question]) -> Artifact:
    def work(draft):
        draft.write("people", 0, {"questions": questions})
        return Outcome("a world")

    return make(Plan("world", 1, "world", "world", Config(), {}, {"questions": Question}), work, root)[0]


def asked(folder: Path, *arguments: object) -> Path:
    jsonl(folder / "s.jsonl", SCRIPT)
    return made("synth", "pairs", "--from", "world", "--backend", "scripted:s.jsonl", *arguments)


def test_train_and_dev_people_are_asked_about_in_forms_that_training_has(empty: Path) -> None:  # noqa: F811
    kept = [question(n, "train" if n % 3 else "dev") for n in range(12)]
    others = [question(20, "test"), question(21, "train", is_heldout_form=True), question(22, "train", task="bio")]
    world(empty / "data", [*kept, *others])
    version = asked(empty)
    found = {row["question_id"]: (row["split"], row["group"]) for row in rows(version, "pairs")}
    assert found == {q.id: (q.split, q.group) for q in kept}
    assert {row["id"]: row["correct"] for row in rows(version, "questions")} == {q.id: q.answers[0] for q in kept}
    assert manifest(version)["inputs"]["questions"]["name"] == "world"


def test_a_limit_takes_some_of_every_kind(empty: Path) -> None:  # noqa: F811
    """In the order of the world the first six are head people, all of them."""
    world(empty / "data", [question(n, "train") for n in range(12)])
    version = asked(empty, "--limit", 6)
    assert len(rows(version, "pairs")) == 6
    assert {row["group"] for row in rows(version, "pairs")} == {"head", "tail"}
    assert manifest(version)["counts"]["beyond_the_limit"] == 6
    assert {row["id"] for row in rows(version, "pairs")} == {row["id"] for row in rows(asked(empty, "--limit", 6, "--force"), "pairs")}


def test_what_a_world_cannot_give_is_said(empty: Path) -> None:  # noqa: F811
    world(empty / "data", [question(0, "train")])
    jsonl(empty / "s.jsonl", SCRIPT)
    jsonl(empty / "q.jsonl", {"question": "Who?"})
    backend = ("--backend", "scripted:s.jsonl")
    told(typed("synth", "pairs", "--from", "world", "--ground-truth", *backend), 3, "world@1 has no wrong ones")
    told(typed("synth", "pairs", "--from", "world", "--questions", "q.jsonl", *backend), 2, "--questions and --from are both given")
    told(typed("synth", "pairs", *backend), 2, "no questions are given")
