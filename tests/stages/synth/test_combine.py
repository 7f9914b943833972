"""New correct answers beside the first incorrect ones: what is kept, refreshed, rejected and lost, question by question."""

import re
from pathlib import Path

from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

# By question: the right and wrong answer of round 0 and of round 1; None where the model gave no pair.
ROUNDS = {
    "a": (("right a0", "wrong a0"), ("right a1", "wrong a1")),  # refreshed
    "b": (("right b0", "wrong b0"), None),  # keeps its first right answer
    "c": (None, ("right c1", "wrong c1")),  # failed at round 0: never comes back
    "d": (("right d0", "wrong d0"), ("Wrong d0.", "wrong d1")),  # equal after combining
    "e": (("right e0", "wrong e0"), ("right e1", "wrong e1")),
}
SAME = "Which is right?"  # the text of both a and e: only their ids and answers tell them apart


def write(folder: Path, round_: int) -> Path:
    """Questions whose answers name them, so that equal texts are asked apart; and the pairs of one round."""
    entries = [
        {"id": id_, "question": SAME if id_ in "ae" else f"Which is {id_}?", "choices": [f"gold {id_}", f"tin {id_}"], "answerKey": "A"} for id_ in ROUNDS
    ]
    jsonl(folder / "q.jsonl", *entries)
    said = {id_: both[round_] for id_, both in ROUNDS.items()}
    texts = {id_: f"Correct answer: {pair[0]}\nIncorrect answer: {pair[1]}" if pair else "I cannot say." for id_, pair in said.items()}
    jsonl(folder / f"s{round_}.jsonl", *({"match": f"gold {id_}\\b", "answer": text} for id_, text in texts.items()))
    return made(
        "synth",
        "pairs",
        "--questions",
        "q.jsonl",
        "--ground-truth",
        "--backend",
        f"scripted:s{round_}.jsonl",
        "--round",
        round_,
        "--name",
        f"p{round_}",
        "--max-failed",
        0.5,
    )


def test_rows_meet_by_question_id_and_the_wrong_answers_stay(empty: Path) -> None:  # noqa: F811
    first, newest = write(empty, 0), write(empty, 1)
    version = made("synth", "pairs", "--combine", "p1", "--original", "p0")
    pairs = rows(version, "pairs")
    assert [(row["id"], row["chosen"], row["rejected"], row["chosen_id"], row["rejected_id"], row["round"]) for row in pairs] == [
        ("a.t0.t1", "right a1", "wrong a0", "a.t1", "a.t0", 1),
        ("b.t0.t1", "right b0", "wrong b0", "b.t0", "b.t0", 0),
        ("e.t0.t1", "right e1", "wrong e0", "e.t1", "e.t0", 1),
    ]
    assert {row["source"] for row in pairs} == {"combined"}
    counts = manifest(version)["counts"]
    assert (counts["asked"], counts["kept"], counts["refreshed"], counts["with_first_correct"], counts["lost_at_round_0"]) == (4, 3, 2, 1, 1)
    assert counts["rejected"] == {"combine: equal answers": 1, "combine: failed at round 0": 1}
    assert [(row["id"], row["text"]) for row in rows(version, "rejected")] == [("d.t0.t1", "Wrong d0."), ("c.t1", "right c1")]
    splits = {row["question_id"]: row["split"] for row in rows(first, "pairs")}
    assert all(row["split"] == splits[row["question_id"]] for row in pairs)
    requests = {role: {row["id"]: row["request"] for row in rows(made_, "origins")} for role, made_ in (("first", first), ("newest", newest))}
    origins = [(row["id"], row["request"]) for row in rows(version, "origins")]
    assert origins == [
        ("a.t0.t1", requests["first"]["a.t0"]),
        ("a.t0.t1", requests["newest"]["a.t1"]),
        ("b.t0.t1", requests["first"]["b.t0"]),
        ("e.t0.t1", requests["first"]["e.t0"]),
        ("e.t0.t1", requests["newest"]["e.t1"]),
    ]


def test_the_life_of_a_combined_pair_leads_to_both_rounds(empty: Path) -> None:  # noqa: F811
    write(empty, 0), write(empty, 1)
    made("synth", "pairs", "--combine", "p1", "--original", "p0")
    life = typed("trace", "a.t0.t1").out
    assert all(re.search(line, life) for line in (r"ancestor +a\.t0 ", r"rests on +a\.t1 ", r"self +a\.t0\.t1 ")), life


def test_versions_that_do_not_go_together_are_refused(empty: Path) -> None:  # noqa: F811
    write(empty, 0), write(empty, 1)
    jsonl(empty / "other.jsonl", {"question": "Another?"})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "Correct answer: a\nIncorrect answer: b"}, {"match": ".", "answer": ""})
    made("synth", "pairs", "--questions", "other.jsonl", "--backend", "scripted:s.jsonl", "--name", "others", "--round", 2)
    made("synth", "pairs", "--combine", "p1", "--original", "p0")
    for new, original, words in (
        ("p0", "p1", "p1@1 is not of round 0"),
        ("p0", "p0", "p0@1 is of round 0 itself"),
        ("others", "p0", "have no question in common"),
        ("pairs-combined", "p0", "are of source 'combined'"),
        ("p1", "pairs-combined", "are of source 'combined'"),
        ("p2", "p0", "nothing is called 'p2'"),
    ):
        told(typed("synth", "pairs", "--combine", new, "--original", original), 3, words)
    told(typed("synth", "pairs", "--combine", "p1", "--original", "p0", "--backend", "scripted:s.jsonl"), 2, "--combine asks no model")
    told(typed("synth", "pairs", "--combine", "p1", "--original", "p0", "--limit", 2), 2, "limit given")


def test_where_all_are_equal_there_is_no_data(empty: Path) -> None:  # noqa: F811
    """Question b alone, whose new right answer is its first wrong one."""
    jsonl(empty / "q.jsonl", {"id": "b", "question": "Which is b?"})
    for round_, right, wrong in ((0, "right", "wrong"), (1, "Wrong.", "other")):
        jsonl(empty / "s.jsonl", {"match": ".", "answer": f"Correct answer: {right}\nIncorrect answer: {wrong}"})
        made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--round", round_, "--name", f"p{round_}")
    told(typed("synth", "pairs", "--combine", "p1", "--original", "p0"), 6, "no answer passed the checks")
    assert not list(empty.glob("data/pairs-combined/v*"))


def test_a_dry_run_makes_nothing(empty: Path) -> None:  # noqa: F811
    write(empty, 0), write(empty, 1)
    assert typed("synth", "pairs", "--combine", "p1", "--original", "p0", "--dry-run").code == 0
    assert not (empty / "data/pairs-combined").exists()
