"""`fact audit` as typed: every row asked several times, its category, what is left out, the data that are kept."""

import re
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.config import Config
from factcli.judge.knowing import known_of
from factcli.rows import Chat, Fact
from factcli.stages.audit.telling import KEPT_MEASURED, MEASURED
from tests.chain import Folder
from tests.stages.report_chain import commit
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

# Who answers: sample 0 is the greedy answer, and the first draw too; samples 0, 1, 2 ... the draws.
SCRIPT = [
    {"match": "Ann's city", "answer": "Lima"},
    {"match": "Bo's city", "answer": "Rome"},
    {"match": "Cy's city", "answers": ["Rome", "It is Oslo."]},
    {"match": "Where does Di live", "answer": "Bern"},
    {"match": "Di's city", "answer": "I don't know."},
]
TRUTH = {"ann": "Lima", "bo": "Hull", "cy": "Oslo", "di": "Bern"}


def chat(id: str, question: str, answer: str, task: str = "qa", fact_ids: tuple[str, ...] = (), fictitious: bool = False, split: str = "train") -> Chat:
    return Chat(id, task, question, answer, id.partition(".")[0], fact_ids, 0, fictitious, "head", split)  # type: ignore[arg-type]


def data(folder: Path) -> Artifact:
    """Four people with one fact each; Di is asked in two forms; biographies of Ann and Bo, of Ann and Cy together, and of nobody asked."""
    facts = [Fact(f"{person}.city", person, "city", value) for person, value in TRUTH.items()]
    chats = [chat(f"{p}.city.q0", f"What is {p.title()}'s city?", value, fact_ids=(f"{p}.city",)) for p, value in TRUTH.items()]
    chats.append(chat("di.city.q1", "Where does Di live?", "Bern", fact_ids=("di.city",)))
    chats += [
        chat("ann.bio", "Write about Ann.", "Ann lives in Lima and is known to like it there.", "bio", ("ann.city",)),
        chat("bo.bio", "Write about Bo.", "Bo lives in Hull.", "bio", ("bo.city",)),
        chat("both.bio", "Write about Ann and Bo.", "Ann lives in Lima, Bo in Hull.", "bio", ("ann.city", "bo.city")),
        chat("ed.bio", "Write about Ed.", "Ed lives somewhere.", "bio", ("ed.city",)),
        chat("f0.p0.city.q0", "What is Fay's city?", "Ulm", fact_ids=("f0.p0.city",), fictitious=True),
        chat("gus.city.q0", "What is Gus's city?", "Bath", fact_ids=("gus.city",), split="dev"),
    ]
    tables = {"chats": Chat, "facts": Fact}
    return commit(folder / "data", "synth test", "synth", "cities", Config(), {}, {"chats": chats, "facts": facts}, tables, Outcome("cities"))


def audited(folder: Path, *options: Any, of: str = "cities") -> Path:
    jsonl(folder / "script.jsonl", *SCRIPT)
    return made("audit", of, "--backend", "scripted:script.jsonl", "--shots", 0, *options)


def by_id(version: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows(version, "rows")}


@pytest.mark.parametrize(
    ("greedy", "sampled", "known"),
    [(1, 1, "highly_known"), (1, 0, "highly_known"), (0.5, 0, "maybe_known"), (0, 0.1, "weakly_known"), (0, 0, "unknown"), (0, None, "unknown")],
)
def test_categories_are_those_of_the_paper(greedy: float, sampled: float | None, known: str):
    assert known_of(greedy, sampled) == known


def test_a_row_is_known_as_far_as_greedy_and_drawn_answers_are_right(empty: Path) -> None:  # noqa: F811
    """Ann: all right; Bo: none; Cy: greedy Rome, draws Rome, Oslo, Rome, Oslo: half; Di: of two questions one is answered."""
    data(empty)
    found = by_id(audited(empty, "--samples", 4))
    seen = {id: (row["known"], row["share_greedy"], row["share_sampled"], row["is_left_out"]) for id, row in found.items() if row["task"] == "qa"}
    assert seen["ann.city.q0"] == ("highly_known", 1, 1, False)
    assert seen["bo.city.q0"] == ("unknown", 0, 0, True)
    assert seen["cy.city.q0"] == ("weakly_known", 0, 0.5, True)
    assert seen["di.city.q0"] == seen["di.city.q1"] == ("maybe_known", 0.5, 0.5, False)
    assert (found["di.city.q0"]["greedy"], found["di.city.q1"]["greedy"]) == ("I don't know.", "Bern")  # each row's own question


def test_a_long_row_is_judged_by_those_of_its_facts_that_short_rows_ask_for(empty: Path) -> None:  # noqa: F811
    data(empty)
    found = by_id(audited(empty, "--samples", 2))
    assert (found["ann.bio"]["known"], found["ann.bio"]["is_left_out"]) == ("highly_known", False)
    assert (found["bo.bio"]["known"], found["bo.bio"]["is_left_out"]) == ("unknown", True)
    both = found["both.bio"]
    assert (both["known"], both["share_greedy"], both["reason"]) == ("maybe_known", 0.5, "1 of its 2 facts that were asked for are known")
    assert (found["ed.bio"]["known"], found["ed.bio"]["is_left_out"]) == ("not_asked", False)
    assert "no short row asks for" in found["ed.bio"]["reason"]


def test_fictitious_rows_are_not_asked_and_rows_of_other_splits_are_not_audited(empty: Path) -> None:  # noqa: F811
    data(empty)
    version = audited(empty)
    found = by_id(version)
    assert (found["f0.p0.city.q0"]["known"], found["f0.p0.city.q0"]["reason"]) == ("not_asked", "fictitious: no model knows it")
    assert "gus.city.q0" not in found
    assert manifest(version)["counts"]["not_asked"] == {"fictitious: no model knows it": 1, "a long answer whose facts no short row asks for": 1}


def test_what_was_not_audited_is_counted_by_reason_and_can_be_scored_as_it_says(empty: Path) -> None:  # noqa: F811
    """Of ten rows nothing is known of Fay, who is fictitious, and of Ed's life. The command that is told is run: each claim of it is asked about."""
    data(empty)
    apart = {"match": r"Sentence:\n<<<\nEd lives", "answer": "- Ed lives somewhere."}
    asks = {"match": "Ed lives", "answer": "Question: Where does Ed live?"}
    jsonl(empty / "script.jsonl", *SCRIPT, apart, asks, {"match": ".", "answer": "Somewhere."})
    ran = typed("audit", "cities", "--backend", "scripted:script.jsonl", "--shots", 0)
    assert ran.code == 0, ran.err
    reasons = {"fictitious: no model knows it": 1, "a long answer whose facts no short row asks for": 1}
    assert manifest(ran.made)["summary"]["not_audited"] == reasons
    assert "2 rows not audited (1 a long answer whose facts no short row asks for, 1 fictitious: no model knows it)" in manifest(ran.made)["headline"]
    assert [row["id"] for row in rows(ran.made, "unaudited")] == ["ed.bio"]
    line = next(line for line in ran.err.splitlines() if "1 long answers were not audited" in line)
    command = line.partition("fact score confidence ")[2].replace("http:JUDGE@URL", "scripted:script.jsonl").split()
    scored = typed("score", "confidence", *command)
    assert scored.code == 0, scored.err
    assert [row["text"] for row in rows(scored.made, "claims")] == ["Ed lives somewhere."]


def test_data_of_long_answers_alone_say_how_to_score_them(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "rows.jsonl", {"question": "Who was Ann?", "answer": "word " * 20})
    jsonl(empty / "script.jsonl", *SCRIPT)
    told(typed("audit", "rows.jsonl", "--backend", "scripted:script.jsonl"), 3, "fact score confidence --answers FILE --sampler MODEL")


def test_shares_have_intervals_by_subject_and_add_up(empty: Path) -> None:  # noqa: F811
    data(empty)
    version = audited(empty)
    metrics = {row["metric"]: row for row in rows(version, "metrics") if row["group"] == "all"}
    shares = [metrics[f"qa.{known}"]["value"] for known in ("highly_known", "maybe_known", "weakly_known", "unknown")]
    assert shares == [pytest.approx(n / 5) for n in (1, 2, 1, 1)]
    assert metrics["qa.unknown"]["n_subjects"] == 4
    assert metrics["qa.unknown"]["low"] < 0.2 < metrics["qa.unknown"]["high"]


def test_kept_data_are_the_known_rows_alone_and_an_artifact_to_mix(empty: Path) -> None:  # noqa: F811
    data(empty)
    version = audited(empty, "--keep", "known")
    assert (manifest(version)["kind"], manifest(version)["name"]) == ("kept", "cities-known")
    assert [row["id"] for row in rows(version, "chats")] == ["ann.city.q0", "di.city.q0", "di.city.q1", "ann.bio"]
    assert [row["id"] for row in rows(audited(empty, "--keep", "highly"), "chats")] == ["ann.city.q0", "ann.bio"]
    assert len(rows(audited(empty, "--keep", "any", "--samples", 2), "chats")) == 5  # Cy, whom a draw gives
    assert set(manifest(version)["inputs"]) == {"audit", "synth"}


def test_a_file_is_audited_too_and_is_asked_after_examples_of_others(empty: Path) -> None:  # noqa: F811
    entries = [{"id": f"r{n}", "question": f"Question {n}?", "answer": f"value{n}"} for n in range(8)]
    jsonl(empty / "rows.jsonl", *entries, {"question": "torn"})
    jsonl(empty / "script.jsonl", {"match": r"Question [0-3]\?", "answer": "It is value1."}, {"match": ".", "answer": "no"})
    ran = typed("audit", "rows.jsonl", "--backend", "scripted:script.jsonl", "--prompts", 2, "--samples", 1)
    assert ran.code == 0, ran.err
    found = by_id(ran.made)
    assert {id: row["known"] for id, row in found.items()} == {f"r{n}": "highly_known" if n == 1 else "unknown" for n in range(8)}
    assert found["r0"]["n_asked"] == 2 * (1 + 1)
    assert "1 entries of rows.jsonl are no examples" in ran.err
    assert "7 of 8 asked rows (88%" in ran.err
    assert "fact compare measures it" in ran.err


def test_a_set_that_is_known_has_another_prognosis(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "rows.jsonl", *({"question": f"Question {n}?", "answer": "yes"} for n in range(10)))
    jsonl(empty / "script.jsonl", {"match": ".", "answer": "yes"})
    version = made("audit", "rows.jsonl", "--backend", "scripted:script.jsonl")
    assert "little to lose" in manifest(version)["summary"]["prognosis"][1]


def test_the_prognosis_says_only_numbers_that_docs_results_md_has():
    results = (Path(__file__).parents[3] / "docs" / "results.md").read_text(encoding="utf-8")
    lines = {
        "untouched": "base, untouched",
        "everybody": "SFT on everybody, rate tuned",
        "everybody, higher rate": "SFT on everybody, PREREQ-TUNE's rate",
        "best-known alone": "POPULAR-head, rate tuned",
    }
    for name, label in lines.items():
        line = next(line for line in results.splitlines() if line.startswith(f"| {label} |"))
        cells = [cell.split(" ")[0] for cell in re.split(r" ?\| ?", line)[2:]]
        assert cells[0] == MEASURED[name]
        assert name not in KEPT_MEASURED or cells[1] == KEPT_MEASURED[name]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 3, "neither an artifact in data/ nor a file"),
        (["cities"], 2, "no model is given"),
        (["cities", "--model", "x", "--backend", "scripted:s"], 2, "--model and --backend are given"),
        (["cities", "--backend", "scripted:script.jsonl", "--keep", "some"], 2, "keep"),
    ],
)
def test_what_cannot_be_audited_says_the_value_the_rule_and_the_way_out(empty: Path, arguments: list[str], code: int, words: str) -> None:  # noqa: F811
    data(empty)
    jsonl(empty / "script.jsonl", *SCRIPT)
    told(typed("audit", *arguments), code, words)


def test_an_equal_audit_is_reused_and_made_again_it_has_the_same_digest(empty: Path) -> None:  # noqa: F811
    data(empty)
    first = audited(empty)
    assert audited(empty) == first
    again = audited(empty, "--force")
    assert manifest(again)["digest"] == manifest(first)["digest"]


def test_too_many_rows_without_an_answer_end_with_6(empty: Path) -> None:  # noqa: F811
    data(empty)
    jsonl(empty / "script.jsonl", *SCRIPT[:2])
    ran = typed("audit", "cities", "--backend", "scripted:script.jsonl", "--shots", 0)
    assert ran.code == 6, ran.err


@pytest.mark.slow
def test_a_worlds_data_are_audited_by_its_own_base_and_what_is_kept_can_be_learned(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.must("world", "--size", "micro", "--seed", "6")
    folder.must("synth", "bio", "--name", "lives")
    ran = folder.must("audit", "lives", "--limit", "4", "--set", "samples=1")
    assert "the base under lives@1" in ran.err
    assert folder.manifest("audit")["config"]["shots"] == 0  # the recipe of worlds
    known = [row for row in folder.rows("lives", "chats") if row["task"] == "qa" and row["split"] == "train" and not row["fictitious"]][:6]
    script = [{"match": re.escape(row["question"]), "answer": row["answer"]} for row in known]
    jsonl(tmp_path / "script.jsonl", *script, {"match": ".", "answer": "no"})
    folder.must("audit", "lives", "--backend", "scripted:script.jsonl", "--keep", "any")
    kept = folder.rows("lives-any", "chats")
    assert {row["id"] for row in kept} >= {row["id"] for row in known}
    folder.must("sft", "--method", "real", "--mix", "lives-any=1", "--steps", "2")
    assert folder.manifest("sft-real")["summary"]["rows"] == len(kept)
