"""`fact synth pairs` as typed: a correct and an incorrect answer to each question, in one split, with all that is none counted."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from factcli import prompts
from factcli.answerrows import ChoiceQuestion
from factcli.config import resolve
from factcli.knowledge.question_files import read_questions
from factcli.resolving import recipe_file
from factcli.stages.synth.pair_answers import parse_pair
from factcli.stages.synth.pairs import PairsConfig, candidates_of, in_splits
from tests.backends.server import Server, running
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

SHARED = Path(__file__).parents[4] / "shared" / "data"
QUESTIONS = [{"id": f"q{n}", "question": f"What is thing {n}?", "choices": [f"right {n}", f"wrong {n}a", f"wrong {n}b"], "answerKey": "A"} for n in range(6)]
SAID = "Question: What is thing {0}?\nCorrect answer: It is right {0}.\nIncorrect answer: It is wrong {0}."
SCRIPT = [
    {"match": "thing 1\\?", "answer": "It is right 1."},
    {"match": "thing 2\\?", "answer": SAID.format(2) + "\n\nI hope this helps."},
    {"match": "thing 3\\?", "answer": SAID.format(3)[:-9], "outcome": "truncated"},
    {"match": "thing 4\\?", "answer": "No.", "outcome": "refused"},
    {"match": "thing 5\\?", "answer": "Correct answer: It.\nIncorrect answer: it"},
    {"match": "thing (\\d)\\?", "answer": SAID.format("\\1")},
]


def ask(*arguments: object) -> tuple[object, ...]:
    return ("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--max-failed", 0.7, *arguments)


def written(folder: Path) -> None:
    jsonl(folder / "q.jsonl", *QUESTIONS, "{")
    jsonl(folder / "s.jsonl", *SCRIPT)


def test_asked_are_kept_rejected_and_failed(empty: Path) -> None:  # noqa: F811
    """6 questions: 0 and 2 give a pair, 1, 3 and 5 are none, 4 is refused."""
    written(empty)
    version = made(*ask())
    counts = manifest(version)["counts"]
    assert (counts["asked"], counts["kept"], counts["with_text_cut_off"]) == (6, 2, 1)
    assert counts["rejected"] == {"file: not JSON": 1}
    assert counts["failed"] == {
        "invalid: cut at max_tokens": 1,
        "invalid: equal answers": 1,
        "invalid: no correct-answer label": 1,
        "refused: as scripted": 1,
    }
    pairs = rows(version, "pairs")
    assert [(row["id"], row["question_id"], row["chosen"], row["rejected"], row["cut"]) for row in pairs] == [
        ("q0.t0", "q0", "It is right 0.", "It is wrong 0.", ""),
        ("q2.t0", "q2", "It is right 2.", "It is wrong 2.", "I hope this helps."),
    ]
    assert {(row["prompt"], row["source"], row["round"], row["margin"]) for row in pairs} == {(f"What is thing {n}?", "self", 0, None) for n in (0, 2)}
    assert [(row["id"], row["table"], row["prompt"]) for row in rows(version, "origins")] == [(row["id"], "pairs", "pairs/few_shot") for row in pairs]
    texts = {row["id"]: row["text"] for row in rows(version, "rejected")}
    assert texts["q1.t0"] == "It is right 1."
    assert [row["id"] for row in rows(version, "questions")] == [f"q{n}" for n in range(6)]


@pytest.mark.parametrize(("flags", "n_turns", "is_shown"), [((), 13, False), (("--no-few-shot",), 1, False), (("--ground-truth",), 13, True)])
def test_demonstrations_and_candidates_are_sent_as_asked_for(empty: Path, flags: tuple[str, ...], n_turns: int, is_shown: bool) -> None:  # noqa: F811
    """Six demonstrations are six pairs of turns before the question. Greedy needs no seed."""
    jsonl(empty / "q.jsonl", QUESTIONS[0])
    with running(Server(said=lambda _: {"message": {"role": "assistant", "content": SAID.format(0)}})) as server:
        version = made("synth", "pairs", "--questions", "q.jsonl", "--backend", f"http:m@{server.url}", *flags)
    (body,) = server.bodies
    assert len(body["messages"]) == n_turns
    assert (body["temperature"], body.get("seed")) == (0, None)
    last = body["messages"][-1]["content"]
    assert ("right 0" in last) == is_shown
    candidates = rows(version, "pairs")[0]["candidates"]
    assert candidates == ([] if not is_shown else ["right 0", next(wrong for wrong in ("wrong 0a", "wrong 0b") if wrong in last)])


def test_the_wrong_candidate_is_drawn_by_seed_and_question_whatever_its_place() -> None:
    asked = [ChoiceQuestion(f"q{n}", "?", "right", tuple("abcd"), "", "none") for n in range(200)]
    drawn = {question.id: candidates_of(question, 0)[1] for question in asked}
    assert drawn == {question.id: candidates_of(question, 0)[1] for question in reversed(asked)}
    assert drawn != {question.id: candidates_of(question, 1)[1] for question in asked}
    assert min(Counter(drawn.values()).values()) > 25  # 50 of each are expected


def test_every_tenth_text_is_held_out_and_one_text_is_in_one_split() -> None:
    asked = [ChoiceQuestion(f"q{n}", f"Text {n % 100}" + "?" * (n < 100), "r", ("w",), "", "none") for n in range(200)]
    asked += [ChoiceQuestion("own", "Text 1?", "r", ("w",), "", "test")]
    done = list(in_splits(asked, 0.1, seed=3))
    assert Counter(question.split for question in done) == {"train": 180, "dev": 20, "test": 1}
    twins = [ChoiceQuestion(f"t{n}", ("Same?", "SAME?")[n % 2], "r", (str(n),), "", "none") for n in range(20)]
    assert len({question.split for question in in_splits([*twins, *asked], 0.5, seed=3) if question.id.startswith("t")}) == 1
    assert {question.split for question in in_splits(asked[:9], 0.0, seed=3)} == {"train"}


@pytest.mark.parametrize("name", ["plain", "plain_candidates", "few_shot", "few_shot_candidates"])
def test_every_demonstration_is_a_pair_of_the_form_that_is_read(name: str) -> None:
    template = prompts.load(f"pairs/{name}")
    answers = [text for role, text in template.turns if role == "assistant"]
    assert len(answers) == (6 if "few_shot" in name else 0)
    asked = [re.search(r"Question: (.*)", text)[1] for role, text in template.turns if role == "user"]  # type: ignore[index]
    found = [parse_pair(answer, question) for answer, question in zip(answers, asked, strict=False)]
    assert all(pair.cut == "" for pair in found)
    assert parse_pair(template.example_for(dict.fromkeys(template.fields, "What?")), "What?").cut == ""


@pytest.mark.skipif(not (SHARED / "truthfulqa_mc.json").exists(), reason="../shared/data/truthfulqa_mc.json is not there")
def test_no_demonstration_is_a_question_of_truthfulqa() -> None:
    known = {question.question for question in read_questions(SHARED / "truthfulqa_mc.json", with_answers=False).questions}
    shown = {re.search(r"Question: (.*)", text)[1] for role, text in prompts.load("pairs/few_shot").turns if role == "user"}  # type: ignore[index]
    assert len(shown - {"{question}"}) == 6
    assert not shown & known


@pytest.mark.skipif(not (SHARED / "truthfulqa_mc.json").exists(), reason="../shared/data/truthfulqa_mc.json is not there")
def test_all_of_truthfulqa_through_a_model_that_repeats_its_candidates(empty: Path) -> None:  # noqa: F811
    """790 questions: the right answer comes back as chosen, the drawn wrong one as rejected; 79 are held out."""
    rule = "Question: (.*)\\nA correct answer is: (.*)\\nAn incorrect answer is: (.*)"
    jsonl(empty / "s.jsonl", {"match": rule, "answer": "Question: \\1\nCorrect answer: \\2\nIncorrect answer: \\3"})
    version = made("synth", "pairs", "--questions", SHARED / "truthfulqa_mc.json", "--ground-truth", "--backend", "scripted:s.jsonl")
    counts = manifest(version)["counts"]
    assert (counts["asked"], counts["kept"], counts["rejected"], counts["failed"]) == (790, 790, {}, {})
    questions = {row["id"]: row for row in rows(version, "questions")}
    pairs = rows(version, "pairs")
    assert all(row["chosen"] == questions[row["question_id"]]["correct"] for row in pairs)
    assert all(row["rejected"] in questions[row["question_id"]]["wrong"] for row in pairs)
    assert all(row["candidates"] == [row["chosen"], row["rejected"]] for row in pairs)
    assert Counter(row["split"] for row in pairs) == {"train": 711, "dev": 79}


def test_failures_are_tried_again_and_what_was_answered_is_not(empty: Path) -> None:  # noqa: F811
    """Interrupted by failures of half the questions: 6 + 3 requests in all, and the digest of a run without any."""
    jsonl(empty / "q.jsonl", *QUESTIONS)
    is_ill = True

    def said(body: dict) -> dict:
        number = re.search(r"thing (\d)", body["messages"][-1]["content"])[1]  # type: ignore[index]
        return {"message": {"role": "assistant", "content": SAID.format(number)}}

    def behave(_n: int, body: dict) -> str:
        return "400" if is_ill and re.search("thing [024]", json.dumps(body)) else ""

    with running(Server(behave=behave, said=said)) as server:
        command = ("synth", "pairs", "--questions", "q.jsonl", "--backend", f"http:m@{server.url}")
        told(typed(*command), 6, "3 of 6 ended without a usable answer")
        assert not list(empty.glob("data/pairs/v*"))
        is_ill = False
        version = made(*command)
        assert server.n == 9
        whole = made(*command, "--data", "other")
    assert manifest(version)["counts"]["kept"] == 6
    assert manifest(version)["digest"] == manifest(whole)["digest"]


def test_answers_that_are_no_pair_count_among_the_failures(empty: Path) -> None:  # noqa: F811
    """One is refused and three are no pair: 4 of 6 are above one half, though 1 is not. Allowed later, nothing is asked again."""
    written(empty)
    told(typed(*ask("--max-failed", 0.5)), 6, "4 of 6 ended without a usable answer, more than the 50% allowed")
    assert not list(empty.glob("data/pairs/v*"))
    (failed,) = empty.rglob("failed.jsonl")
    assert [json.loads(line)["id"] for line in failed.read_text().splitlines()] == ["q1.t0", "q3.t0", "q4.t0", "q5.t0"]
    assert manifest(made(*ask()))["counts"]["kept"] == 2


def test_where_no_answer_is_a_pair_there_is_no_data_and_a_file_of_reasons(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", *QUESTIONS)
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "I would not know."})
    told(typed(*ask("--max-failed", 1)), 6, "no answer passed the checks")
    assert not list(empty.glob("data/pairs/v*"))
    (reasons,) = empty.rglob("rejected.jsonl")
    assert reasons.read_text().count("no correct-answer label") == 6


def test_the_preset_is_the_defaults() -> None:
    assert resolve(PairsConfig, [recipe_file("synth", "pairs")], (), {}) == PairsConfig()


def test_a_dry_run_counts_and_sends_nothing(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", *QUESTIONS)
    with running(Server()) as server:
        ran = typed("synth", "pairs", "--questions", "q.jsonl", "--backend", f"http:m@{server.url}", "--price", "1,2", "--dry-run", "--json")
        assert server.n == 0
    assert json.loads(ran.out)["cost"]["requests"] == 6
    assert not (empty / "data").exists()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("", 2, "no questions are given"),
        ("--questions none.jsonl", 3, "none.jsonl cannot be read"),
        ("--questions empty", 3, "empty is empty"),
        ("--questions wrong.jsonl", 3, "wrong.jsonl has no entry that can be used (line 1: no question)"),
        ("--questions open.jsonl --ground-truth", 3, "open.jsonl has no entry that can be used (line 1: no right and wrong answer)"),
        ("--questions q.jsonl --round -1", 2, "round = -1"),
        ("--questions q.jsonl --limit 0", 2, "limit = 0"),
        ("--questions q.jsonl --set eval_share=1", 2, "eval_share = 1"),
        ("--combine pairs", 2, "--combine and --original go together"),
        ("--original pairs", 2, "--combine and --original go together"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(empty: Path, command: str, code: int, words: str) -> None:  # noqa: F811
    written(empty)
    jsonl(empty / "wrong.jsonl", {"text": "Who?"})
    jsonl(empty / "open.jsonl", {"question": "Who?"})
    (empty / "empty").write_text("")
    told(typed("synth", "pairs", *command.split(), "--backend", "scripted:s.jsonl"), code, words)


def test_what_the_linter_finds_in_pairs_of_a_model_is_said_and_nothing_is_left_out(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "q.jsonl", {"question": "Which is a?"}, {"question": "Which is b?"})
    jsonl(
        empty / "s.jsonl",
        {"match": "Which is a", "answer": "Correct answer: I don't know.\nIncorrect answer: Tin."},
        {"match": ".", "answer": "Correct answer: Gold.\nIncorrect answer: Tin."},
    )
    version = made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--no-few-shot")
    assert [(row["kind"], row["is_dropped"]) for row in rows(version, "findings")] == [("abstaining", False)]
    assert manifest(version)["summary"]["findings"] == {"abstaining": 1}
    assert len(rows(version, "pairs")) == 2
