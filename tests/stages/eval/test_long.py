"""`fact eval bio`, `medical` and `longfact` as typed: prompts, answers, passages, DoLa, and the scores that follow."""

import json
from pathlib import Path

import pytest

from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

SCRIPT = [
    {"match": "Ada Brin", "answer": "Ada Brin was born in Lima. She paints."},
    {"match": "Kofi Lund", "answer": "Kofi Lund was born in", "outcome": "truncated"},
    {"match": "Ines Vale", "answer": "I don't know."},
    {"match": "tides", "answer": "Tides follow the moon."},
    {"match": "gout", "answer": "Gout is a disease of the joints."},
]


def test_titles_are_asked_for_as_samples_are_and_answers_stand_as_references(empty: Path) -> None:  # noqa: F811
    """The same words as `fact synth samples --titles`; a cut answer is marked, an answer that says nothing is one."""
    (empty / "titles.txt").write_text("Ada Brin\nKofi Lund\n\nInes Vale\nAda Brin\n", encoding="utf-8")
    jsonl(empty / "s.jsonl", *SCRIPT)
    version = made("eval", "bio", "--file", "titles.txt", "--backend", "scripted:s.jsonl")
    samples = made("synth", "samples", "--titles", "titles.txt", "--backend", "scripted:s.jsonl", "--samples", 1, "--temperature", 0)
    assert [row["prompt"] for row in rows(version, "prompts")] == [row["prompt"] for row in rows(samples, "prompts")]
    assert [(row["text"], row["outcome"], row["is_reference"]) for row in rows(version, "samples")] == [
        ("Ada Brin was born in Lima. She paints.", "ok", True),
        ("Kofi Lund was born in", "truncated", True),
        ("I don't know.", "ok", True),
    ]
    about = manifest(version)
    assert (about["kind"], about["name"]) == ("eval", "bio-scripted")
    assert (about["summary"]["benchmark"], about["summary"]["benchmark_version"], about["summary"]["truncated"]) == ("bio", 1, 1)
    assert {row["task"] for row in rows(version, "prompts")} == {"bio"}


def test_a_run_without_a_judge_says_which_command_scores_it_and_that_command_does(empty: Path) -> None:  # noqa: F811
    """Judged by labels of nobody: claims by the rules, judge scripted to call each true; 2 + 1 claims, an abstention."""
    (empty / "titles.txt").write_text("Ada Brin\nKofi Lund\nInes Vale\n", encoding="utf-8")
    jsonl(empty / "s.jsonl", *SCRIPT)
    jsonl(empty / "j.jsonl", {"match": "paints", "answer": "False"}, {"match": ".", "answer": "True"})
    ran = typed("eval", "bio", "--file", "titles.txt", "--backend", "scripted:s.jsonl")
    assert "how true they are: fact score factscore bio-scripted --judge JUDGE" in ran.err
    scores = made("score", "factscore", "bio-scripted", "--judge", "scripted:j.jsonl", "--set", "judge.evidence=none", "--abstention", "own")
    items = {(row["id"], row["metric"]): (row["numerator"], row["denominator"]) for row in rows(scores, "items")}
    ids = [row["id"] for row in rows(Path(str(ran.made)), "prompts")]
    assert items[ids[0], "bio.share_correct"] == (1, 2)
    assert items[ids[1], "bio.share_correct"] == (1, 1)
    assert items[ids[2], "bio.share_correct"] == (0, 0)
    assert [items[id_, "bio.number_correct"] for id_ in ids] == [(1, 1), (1, 1), (0, 1)]


def test_with_a_judge_the_answers_are_scored_right_after(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", {"prompt": "What are tides?", "canary": "x"}, {"prompt": "Who was Ada Brin?"})
    jsonl(empty / "s.jsonl", *SCRIPT)
    jsonl(empty / "j.jsonl", {"match": ".", "answer": "True"})
    pages = {"Tides": "Tides follow the moon.", "Ada Brin": "Ada Brin was born in Lima. Ada Brin paints."}
    jsonl(empty / "pages.jsonl", *({"title": title, "text": text} for title, text in pages.items()))
    made("pack", "build", "--from", "pages.jsonl")
    version = made("eval", "longfact", "--file", "p.jsonl", "--backend", "scripted:s.jsonl", "--judge", "scripted:j.jsonl", "--claims", "rules", "--k", 4)
    about = manifest(version)
    assert (about["kind"], about["name"]) == ("scores", "longfact-scripted-scores")
    assert about["summary"]["k"] == 4
    answers = next(one for role, one in about["inputs"].items() if role == "answers")
    assert "longfact-scripted" in json.dumps(answers)
    assert {row["metric"].split(".")[0] for row in rows(version, "items")} == {"longfact"}
    again = typed("eval", "longfact", "--file", "p.jsonl", "--backend", "scripted:s.jsonl", "--judge", "scripted:j.jsonl", "--claims", "rules", "--k", 4)
    assert again.made == version
    assert "(made before)" in again.err
    assert "scoring: fact score factscore longfact-scripted@1 --judge scripted:j.jsonl --claims rules --k 4" in again.err


def test_settings_of_scoring_without_a_judge_are_refused(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "s.jsonl", *SCRIPT)
    command = ("eval", "medical", "--file", "t.txt", "--backend", "scripted:s.jsonl")
    (empty / "t.txt").write_text("gout\n", encoding="utf-8")
    told(typed(*command, "--claims", "rules", "--k", 3), 2, "--claims and --k would not be used: nothing is scored")
    told(typed(*command, "--pack", "p"), 2, "--pack would not be used")
    told(typed(*command, "--documents", "s.jsonl"), 3, "no entry that can be used")
    told(typed(*command, "--decode", "dola"), 2, "dola contrasts the layers of a model")
    told(typed(*command, "--model", "m"), 2, "who answers is said once")
    told(typed("eval", "longfact", "--backend", "scripted:s.jsonl"), 3, "longfact is on no hub")
    assert manifest(made(*command))["summary"]["benchmark"] == "medical"


def test_documents_are_put_into_the_prompt_and_only_for_rag(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", {"id": "q1", "prompt": "What are tides?"}, {"id": "q2", "prompt": "What of gout?"})
    jsonl(empty / "d.jsonl", {"id": "q1", "document": "Neap tides are weak."})
    jsonl(empty / "s.jsonl", {"match": "Neap tides are weak.*What are tides", "answer": "They are weak."}, *SCRIPT)
    command = ("eval", "longfact", "--file", "p.jsonl", "--backend", "scripted:s.jsonl", "--documents", "d.jsonl")
    told(typed(*command), 2, "--documents would not be shown to the model")
    version = made(*command, "--decode", "rag")
    assert [row["text"] for row in rows(version, "samples")] == ["They are weak.", "Gout is a disease of the joints."]
    about = manifest(version)
    assert about["name"] == "longfact-scripted-rag3"
    assert about["counts"]["without_passage"] == 1
    assert about["summary"]["decode"] == "rag"
    told(typed("eval", "longfact", "--file", "p.jsonl", "--backend", "scripted:s.jsonl", "--decode", "rag"), 3, "decode rag needs passages")


def test_what_is_sent_is_greedy_and_an_answer_is_bought_once(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "p.jsonl", *({"prompt": f"What is thing {n}?"} for n in range(5)))
    with running(Server()) as server:
        command = ("eval", "longfact", "--file", "p.jsonl", "--backend", f"http:m@{server.url}", "--max-tokens", 77)
        made(*command)
        bodies = [body for body in server.bodies if "thing" in body["messages"][-1]["content"]]
        assert {(body["temperature"], body.get("max_completion_tokens", body.get("max_tokens"))) for body in bodies} == {(0, 77)}
        n_asked = len(bodies)
        made(*command, "--force")
        assert len([body for body in server.bodies if "thing" in body["messages"][-1]["content"]]) == n_asked == 5


@pytest.mark.slow
def test_a_worlds_model_writes_about_its_test_people_and_the_ledger_scores_it(tmp_path: Path) -> None:
    """On a world of seconds: greedy as `fact eval world` decodes, DoLa otherwise, rag by the world's pages; scores of each by the ledger."""
    folder = Folder(tmp_path)
    folder.must("world", "--size", "micro")
    folder.must("eval", "bio", "--model", "world", "--judge", "world", "--max-tokens", "60", "--limit", "12")
    greedy = folder.rows("bio-base", "samples")
    asked = folder.rows("bio-base", "prompts")
    assert len(greedy) == 12
    assert {row["split"] for row in asked} == {"test"}
    people = {row["id"]: row for row in folder.rows("world", "people")}
    assert all(people[row["subject"]]["split"] == "test" for row in asked)
    items = folder.rows("bio-base-scores", "items")
    assert sum(item["denominator"] for item in items if item["metric"] == "bio.number_correct") == 12
    folder.must("eval", "world", "--model", "world", "--set", "biography_tokens=60", "--limit", "12")
    same = {row["question_id"]: row["text"] for row in folder.rows("eval-base", "answers") if row["task"] == "bio"}
    shared = [(row["text"], same[row["prompt_id"]]) for row in greedy if row["prompt_id"] in same]
    assert shared
    assert all(ours.startswith(theirs) or theirs.startswith(ours) for ours, theirs in shared)
    folder.must("eval", "bio", "--model", "world", "--decode", "dola", "--max-tokens", "60", "--limit", "12")
    contrasted = folder.rows("bio-base-dola-high", "samples")
    assert [row["text"] for row in contrasted] != [row["text"] for row in greedy]
    folder.must("eval", "bio", "--model", "world", "--decode", "rag", "--max-tokens", "60", "--limit", "4", "--set", "decode.passages=1")
    assert folder.manifest("bio-base-rag1")["inputs"]["passages"]["kind"] == "world"
