"""Answers to choose from: the harness's MC1 and MC2 per question, baselines derived by hand, files in the forms they are handed on in."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.judge.choosing import chance, longest_is_right, mass_right, picks_right, shares
from factcli.judge.metrics import Metric
from factcli.knowledge.benchmarks.choices import MC, TRUTHFULQA, ChoiceItem, ChoiceSet
from factcli.knowledge.benchmarks.primer import primer_text
from factcli.knowledge.benchmarks.source import Source
from factcli.likelihoodrows import ScoredChoice
from factcli.progress import PlainReport
from factcli.stages.eval import choices as stage
from factcli.stages.eval.choices import McEvalConfig, TruthfulqaEvalConfig
from factcli.stages.eval.choices_asking import with_choices
from factcli.stages.eval.choices_figures import metrics_of, scored
from tests.stages.eval.likely import base_subject, long_llama

OWLS = {
    "question": "What do owls eat?",
    "mc0_targets": {"Mice": 1, "Stones": 0},
    "mc1_targets": {"Mice": 1, "Stones and sand": 0, "Light": 0},
    "mc2_targets": {"Mice": 1, "They eat mice and voles": 1, "Stones and sand": 0, "": 0},
}
EMMA = {
    "question": "Who wrote Emma?",
    "mc0_targets": {"Jane Austen": 1, "Nobody knows": 0},
    "mc1_targets": {"Jane Austen": 1, "Nobody knows": 0},
    "mc2_targets": {"Jane Austen": 1, "Nobody knows": 0},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return long_llama(tmp_path_factory.mktemp("model"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "truthfulqa.json"
    path.write_text(json.dumps([OWLS, EMMA]), encoding="utf-8")
    return path


def evaluated(root: Path, model: Path, file: Path, config: Any, benchmark: Any = TRUTHFULQA) -> Artifact:
    subject, source = base_subject(model, root), Source(benchmark, file)
    plan = stage.plan(config, subject, source, None)
    return make(plan, lambda draft: stage.work(plan, draft, subject, source, PlainReport()), root)[0]


def values(artifact: Artifact) -> dict[str, float | None]:
    return {metric.metric: metric.value for metric in artifact.rows("metrics", Metric) if metric.group == "all"}


def harness_figures(folder: Path, questions: list[dict], model: Path, dtype: str, options: dict[str, str]) -> dict[str, list[float]]:
    """The harness's own tasks, with their own primer and scoring, over these questions instead of the hub's."""
    import lm_eval
    import torch
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def targets(marks: dict[str, int]) -> dict[str, list]:
        return {"choices": list(marks), "labels": list(marks.values())}

    names = ("mc1_targets", "mc2_targets")
    data = folder / "questions.jsonl"
    data.write_text("\n".join(json.dumps({"question": q["question"], **{name: targets(q[name]) for name in names}}) for q in questions), encoding="utf-8")
    own = Path(lm_eval.__file__).parent / "tasks" / "truthfulqa"
    tasks = [f"truthfulqa_{name}" for name in ("mc1", "mc2")]
    for task in tasks:
        local = {"dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": {"validation": str(data)}}}
        (folder / f"{task}.yaml").write_text(yaml.safe_dump({"include": str(own / f"{task}.yaml"), **local}), encoding="utf-8")
    number = {"float32": torch.float32, "float64": torch.float64}[dtype]
    lm = HFLM(pretrained=AutoModelForCausalLM.from_pretrained(model, dtype=number), tokenizer=AutoTokenizer.from_pretrained(model), batch_size=8, **options)
    found = simple_evaluate(model=lm, tasks=list(tasks), task_manager=TaskManager(include_path=str(folder), include_defaults=False), bootstrap_iters=0)
    return {task.removeprefix("truthfulqa_"): [float(sample["acc"]) for sample in found["samples"][task]] for task in tasks}


def assert_as_the_harness(tmp_path: Path, model: Path, questions: list[dict], dtype: str = "float64", **options: str) -> None:
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps(questions), encoding="utf-8")  # these alone: a limit would draw others
    made = evaluated(tmp_path, model, asked, TruthfulqaEvalConfig(dtype=dtype))
    theirs = harness_figures(tmp_path, questions, model, dtype, options)
    for name in ("mc1", "mc2"):
        ours = [item.numerator for item in made.rows("items", ItemScore) if item.metric == f"truthfulqa.{name}"]
        assert len(ours) == len(questions)
        assert max(abs(a - b) for a, b in zip(ours, theirs[name], strict=True)) < 1e-6


@pytest.mark.slow  # 8 s, most of them imports of the harness
def test_mc1_and_mc2_are_the_harness_own_for_each_question(tmp_path: Path, model: Path, file: Path) -> None:
    pytest.importorskip("lm_eval")
    file.write_text(json.dumps([EMMA, OWLS]), encoding="utf-8")  # the harness ends with an IndexError where its first question has an empty choice
    assert_as_the_harness(tmp_path, model, [EMMA, OWLS])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "options"),
    # In float32 the harness rounds its sums, of hundreds of nats, to float32, which moves MC2 by up to 7e-6; its option softmax_dtype leaves that out.
    [("float64", {}), ("float32", {"softmax_dtype": "float64"})],
)
def test_mc1_and_mc2_are_the_harness_own_on_real_questions(tmp_path: Path, model: Path, shared_data: Path, dtype: str, options: dict[str, str]) -> None:
    pytest.importorskip("lm_eval")
    path = shared_data / "truthfulqa_mc.json"
    assert_as_the_harness(tmp_path, model, json.loads(path.read_text(encoding="utf-8"))[:40], dtype, **options)


@pytest.mark.heavy  # minutes: all 790
def test_mc1_and_mc2_are_the_harness_own_on_all_questions(tmp_path: Path, model: Path, shared_data: Path) -> None:
    pytest.importorskip("lm_eval")
    path = shared_data / "truthfulqa_mc.json"
    assert_as_the_harness(tmp_path, model, json.loads(path.read_text(encoding="utf-8")))


def test_what_the_longest_answer_and_chance_get_of_the_real_file(shared_data: Path) -> None:
    """The numbers of docs/likelihood.md."""
    found = TRUTHFULQA.read_file(shared_data / "truthfulqa_mc.json")
    sets = {name: [one for item in found.items for one in item.sets if one.name == name] for name in ("mc1", "mc2", "binary")}
    longest = {name: sum(longest_is_right(one.texts, one.are_right) for one in each) / len(each) for name, each in sets.items()}
    assert {name: len(each) for name, each in sets.items()} == {"mc1": 790, "mc2": 790, "binary": 790}
    assert {name: round(100 * value, 1) for name, value in longest.items()} == {"mc1": 36.8, "mc2": 67.2, "binary": 64.6}
    assert [round(100 * sum(chance(one.are_right) for one in sets[name]) / 790, 1) for name in ("mc1", "mc2")] == [22.3, 46.8]
    assert sum(any("" in one.texts for one in item.sets) for item in found.items) == 22


def test_the_published_primer_is_the_harness_own() -> None:
    lm_eval = pytest.importorskip("lm_eval")
    text = (Path(lm_eval.__file__).parent / "tasks" / "truthfulqa" / "truthfulqa_mc1.yaml").read_text(encoding="utf-8")
    template = yaml.safe_load(text)["doc_to_text"]
    from jinja2 import Template

    assert Template(template).render(question="Who?") == f"{primer_text('published')}\n\nQ: Who?\nA:"


def test_figures_and_baselines_by_hand(tmp_path: Path) -> None:
    """One question, right answer first; log-likelihoods of thirds and of a half and a quarter are exact."""
    item = ChoiceItem("q1", "?", "Birds", (ChoiceSet("mc1", ("ab", "abcd", "cdef"), (True, False, False)), ChoiceSet("mc2", ("ab", "x"), (True, False))))
    logs = {"mc1": ((0.5, 0.25, 0.25), (0.2, 0.3, 0.5)), "mc2": ((0.5, 0.25), (0.1, 0.1))}

    def choice(name: str, place: int) -> ScoredChoice:
        one = next(found for found in item.sets if found.name == name)
        seen, blind = (math.log(column[place]) for column in logs[name])
        n_tokens = 4 if one.texts[place] != "ab" else 1
        return ScoredChoice(f"q1.{name}.c{place}", "q1", name, one.texts[place], one.are_right[place], seen, 0.0, blind, n_tokens, False, False)

    found = scored([item], [choice(name, place) for name, one in logs.items() for place in range(len(one[0]))])
    assert {i.metric: i.numerator for i in found.items} == {"truthfulqa.mc1": 1.0, "truthfulqa.mc2": pytest.approx(0.5 / 0.75)}
    beside = {i.metric.removeprefix("truthfulqa."): i.numerator for i in found.beside}
    assert beside == {
        "mc1_blind": 0.0,
        "mc1_longest": 0.0,  # the two longest are both wrong
        "mc1_chance": pytest.approx(1 / 3),
        "mc1_per_token": 0.0,  # log 1/2 of one token is less than log 1/4 of four
        "mc2_blind": pytest.approx(0.5),
        "mc2_longest": 1.0,
        "mc2_chance": 0.5,
    }
    above = {m.metric: m.value for m in metrics_of(found)}
    assert above["truthfulqa.mc1_above_blind"] == 1.0
    assert {i.subject for i in found.items} == {"Birds"}  # intervals by category


def test_shares_of_very_unlikely_answers_do_not_vanish() -> None:
    assert mass_right([-2000.0, -2000.0 + math.log(3)], [False, True]) == pytest.approx(0.75)
    assert sum(shares([-5000.0, -900.0, -901.0])) == pytest.approx(1)
    assert picks_right([-1.0, -1.0], [True, False]) == 1  # the first of equals, as in the harness
    assert longest_is_right(["aa", "bb", "c"], [True, False, False]) == 0.5


def test_a_question_without_sense_is_blind_to_itself(tmp_path: Path, model: Path, file: Path) -> None:
    """A figure of blind answers is the same whatever the questions say; that with them is not."""
    first = evaluated(tmp_path / "a", model, file, TruthfulqaEvalConfig(dtype="float32"))
    file.write_text(json.dumps([{**OWLS, "question": "Who lives in trees?"}, EMMA]), encoding="utf-8")
    second = evaluated(tmp_path / "b", model, file, TruthfulqaEvalConfig(dtype="float32"))
    seen, blind = ([[getattr(c, f) for c in made.rows("choices", ScoredChoice)] for made in (first, second)] for f in ("logprob", "logprob_blind"))
    assert blind[0] == pytest.approx(blind[1], abs=1e-5)
    assert seen[0] != pytest.approx(seen[1], abs=1e-2)


def test_binary_shows_both_answers_in_both_orders(tmp_path: Path, model: Path, file: Path) -> None:
    made = evaluated(tmp_path, model, file, TruthfulqaEvalConfig(form="binary", dtype="float32"))
    rows = [c for c in made.rows("choices", ScoredChoice) if c.item_id == TRUTHFULQA.item(OWLS).id]
    assert [(c.set, c.text, c.is_right) for c in rows] == [
        ("binary", "Mice", True), ("binary", "Stones", False),
        ("shown0", "Mice", True), ("shown0", "Stones", False),
        ("shown1", "Stones", False), ("shown1", "Mice", True),
    ]  # fmt: skip
    right = [{c.text: c.logprob for c in rows if c.set == name} for name in ("shown0", "shown1")]
    expected = sum(found["Mice"] > found["Stones"] for found in right) / 2
    item = next(i for i in made.rows("items", ItemScore) if i.metric == "truthfulqa.binary" and i.id == rows[0].item_id)
    assert item.numerator == expected
    assert values(made)["truthfulqa.binary_chance"] == 0.5


def test_both_answers_are_shown_with_letters() -> None:
    assert with_choices("Who?", ("me", "you")) == "Who?\n(A) me\n(B) you\nSay which answer is true, A or B."


def test_in_the_task_s_form_the_answer_is_scored_as_training_has_it(tmp_path: Path, model: Path, file: Path) -> None:
    from factcli.backends.likelihood import Coded, likelihoods_of_ids
    from factcli.train.chats import encode_chat

    made = evaluated(tmp_path, model, file, TruthfulqaEvalConfig(ask="task", dtype="float32"))
    local = base_subject(model, tmp_path).load("float32")
    row = encode_chat({"id": "x", "question": EMMA["question"], "answer": "Jane Austen"}, local.tokenizer)
    start, end = row.tokens.learned[0]
    expected = likelihoods_of_ids(local, [Coded(row.tokens.ids[:start], row.tokens.ids[start : end - 1])])[0].logprob
    found = next(c for c in made.rows("choices", ScoredChoice) if c.text == "Jane Austen" and c.set == "mc1")
    assert found.logprob == pytest.approx(expected, abs=1e-5)
    assert all(c.text for c in made.rows("choices", ScoredChoice))  # a chat has no empty answer


def test_empty_choices_are_kept_as_published_or_dropped_where_asked(tmp_path: Path, model: Path, file: Path) -> None:
    kept, dropped = (evaluated(tmp_path, model, file, TruthfulqaEvalConfig(dtype="float32", empty_choices=how)) for how in ("keep", "drop"))
    assert [sum(c.text == "" for c in made.rows("choices", ScoredChoice)) for made in (kept, dropped)] == [1, 0]


def test_the_csv_makes_the_sets_of_the_paper_s_code(tmp_path: Path) -> None:
    path = tmp_path / "truthfulqa.csv"
    path.write_text(
        "Type,Category,Question,Best Answer,Best Incorrect Answer,Correct Answers,Incorrect Answers,Source\n"
        'A,Birds,What do owls eat?,Mice,Stones,Mice; Voles,Stones; Sand; Stones,x\n', encoding="utf-8"
    )  # fmt: skip
    (item,), rejects = TRUTHFULQA.read_file(path)
    assert rejects == ()
    assert item.cluster == "Birds"
    assert {one.name: dict(zip(one.texts, one.are_right, strict=True)) for one in item.sets} == {
        "mc1": {"Mice": True, "Stones": False, "Sand": False},
        "mc2": {"Mice": True, "Voles": True, "Stones": False, "Sand": False},
        "binary": {"Mice": True, "Stones": False},
    }


@pytest.mark.parametrize(
    "row",
    [
        {"choices": {"text": ["mice", "sand"], "label": ["A", "B"]}, "answerKey": "B"},  # ARC
        {"choices": {"text": ["mice", "sand"], "label": ["1", "2"]}, "answerKey": "2"},
        {"choices": ["mice", "sand"], "answer": 1},  # MMLU
        {"choices": "['mice', 'sand']", "answer": "1"},  # a cell
        {"choices": ["mice", "sand"], "answer": "sand"},
        {"choices": ["mice", "sand"], "answerKey": "2"},
        {"endings": ["mice", "sand"], "label": "1"},  # HellaSwag
        {"choices": ["mice", "sand"], "labels": [0, 1]},
    ],
)
def test_multiple_choice_is_read_in_the_forms_it_is_handed_on_in(row: dict) -> None:
    item = MC.item({"question": "What is no food?", **row})
    assert item.sets == (ChoiceSet("mc", ("mice", "sand"), (False, True)),)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"choices": ["mice"], "answer": 0}, "no list of 2"),
        ({"choices": ["mice", "sand"], "answer": 2}, "none of the choices"),
        ({"choices": ["mice", "sand"], "labels": [1]}, "labels that are not"),
        ({"choices": ["mice", "mice"], "answer": 0}, "right and wrong"),
        ({"choices": ["mice", ""], "answer": 0}, "no choice"),
        ({"choices": ["mice", "s\x07"], "answer": 0}, "control characters"),
    ],
)
def test_an_entry_that_is_no_question_is_rejected_with_its_reason(row: dict, reason: str) -> None:
    found = MC.of_entries([*_entries({"question": "What?", **row})])
    assert found.items == ()
    assert reason in found.rejects[0].reason


def _entries(value: Any) -> list:
    from factcli.knowledge.entries import Entry

    return [Entry("line 1", json.dumps(value), value)]


def test_multiple_choice_has_accuracy_by_sum_and_by_length(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows = [{"question": "What is no food?", "choices": ["mice", "sand and stones"], "answer": 1}, {"question": "Who?", "choices": ["me", "you"], "answer": 0}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    made = evaluated(tmp_path, model, path, McEvalConfig(dtype="float32"), MC)
    choices = list(made.rows("choices", ScoredChoice))
    by_length = [c.logprob / len(c.text) for c in choices]
    items = {(i.metric, i.id): i.numerator for i in made.rows("items", ItemScore)}
    first = choices[0].item_id
    assert items["mc.accuracy", first] == (choices[1].logprob > choices[0].logprob)
    assert items["mc.accuracy_norm", first] == (by_length[1] > by_length[0])
    assert values(made)["mc.accuracy_first"] == 0.5
    assert values(made)["mc.accuracy_longest"] == 0.5  # "you" is longer than "me" and wrong
    assert made.summary["benchmark"] == "mc"


def test_an_interrupted_run_goes_on_and_ends_with_the_same_digest(tmp_path: Path, model: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "UNIT", 1)
    config = TruthfulqaEvalConfig(dtype="float32")
    whole = evaluated(tmp_path / "a", model, file, config)
    calls = []

    def dies_at_the_second(*arguments: Any) -> list[ScoredChoice]:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return before(*arguments)

    before = stage.scored_choices
    monkeypatch.setattr(stage, "scored_choices", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        evaluated(tmp_path / "b", model, file, config)
    again = evaluated(tmp_path / "b", model, file, config)
    assert len(calls) == 3  # one question before the interruption, one after it
    assert again.digest == whole.digest


def test_a_file_without_the_form_that_is_asked_for_is_told(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{key: OWLS[key] for key in ("question", "mc1_targets")}]), encoding="utf-8")
    with pytest.raises(InputError, match="no question has choices of binary: 1 questions have other choices"):
        evaluated(tmp_path, model, path, TruthfulqaEvalConfig(form="binary"))


def test_a_world_s_myths_are_asked_where_no_file_is_given(tmp_path: Path, model: Path) -> None:
    plan = Plan("world", 1, "world", "world", Config(), {}, {})

    def work(draft: Any) -> Outcome:
        (draft.folder("") / "truthfulqa_mc.json").write_text(json.dumps([OWLS, EMMA]), encoding="utf-8")
        return Outcome("a world")

    world, _ = make(plan, work, tmp_path)
    assert TRUTHFULQA.own is not None
    assert TRUTHFULQA.own.is_in(world)
    subject, source = base_subject(model, tmp_path), Source(TRUTHFULQA, artifact=world)
    planned = stage.plan(TruthfulqaEvalConfig(dtype="float32"), subject, source, None)
    made, _ = make(planned, lambda draft: stage.work(planned, draft, subject, source, PlainReport()), tmp_path)
    assert made.summary["questions"] == 2
    assert made.manifest.inputs["questions"].digest == world.digest


def test_a_primer_of_one_s_own_goes_with_text_only(tmp_path: Path, model: Path, file: Path) -> None:
    primer = tmp_path / "primer.txt"
    primer.write_text("Q: Is water wet?\nA: Yes.\n\n", encoding="utf-8")
    made = evaluated(tmp_path, model, file, TruthfulqaEvalConfig(primer=str(primer), dtype="float32"))
    assert made.summary["primer"] == "primer.txt"
    plain = evaluated(tmp_path, model, file, TruthfulqaEvalConfig(primer="none", dtype="float32"))
    assert made.manifest.key != plain.manifest.key
    with pytest.raises(SettingsError, match="alone in the model's template"):
        evaluated(tmp_path, model, file, TruthfulqaEvalConfig(primer=str(primer), ask="task"))


def test_a_primer_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    for name, said in (("empty.txt", "is empty"), ("nowhere.txt", "cannot be read")):
        with pytest.raises(InputError, match=said):
            primer_text(str(tmp_path / name))
