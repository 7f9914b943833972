"""Tasks of the harness over local data: its own numbers, per document, with the adapter plugged in; errors with the way out."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("lm_eval")

from pydantic import ValidationError

from factcli.artifact import Artifact, make
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.judge.chosen import chosen_items, of_sample
from factcli.judge.measured import pair, read_measured
from factcli.judge.metrics import Metric
from factcli.likelihoodrows import HarnessSample, HarnessTask
from factcli.progress import PlainReport
from factcli.stages.eval import harness as stage
from factcli.stages.eval.harness import HarnessEvalConfig, TaskSpec, spec_of
from tests.stages.eval.likely import base_subject, long_llama

QUESTIONS = [
    {"question": "What do owls eat?", "choices": ["mice", "stones", "light"], "gold": 0},
    {"question": "Who wrote Emma?", "choices": ["nobody at all", "Jane Austen"], "gold": 1},
    {"question": "How many legs has an ant?", "choices": ["six", "eight", "four", "nine"], "gold": 0},
    {"question": "Which is a metal?", "choices": ["wood", "iron"], "gold": 1},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return long_llama(tmp_path_factory.mktemp("model"))


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder with a multiple-choice task, another on half its questions, the group of both, and perplexity of texts."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for name, rows in (("owls", QUESTIONS), ("ants", QUESTIONS[2:])):
        data = folder / f"{name}.jsonl"
        data.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        write(folder / f"{name}.yaml", choice_task(name, data))
    write(folder / "both.yaml", {"group": "both", "task": ["owls", "ants"], "aggregate_metric_list": [{"metric": "acc"}], "metadata": {"version": 1}})
    texts = folder / "texts.jsonl"
    texts.write_text("\n".join(json.dumps({"text": text}) for text in ("Owls eat mice.", "An ant has six legs, and so on.")) + "\n", encoding="utf-8")
    metrics = [{"metric": name} for name in ("word_perplexity", "bits_per_byte")]
    write(
        folder / "texts.yaml",
        {**data_of("texts", texts), "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}", "metric_list": metrics},
    )
    return folder


def choice_task(name: str, data: Path) -> dict[str, Any]:
    means = [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("acc", "acc_norm")]
    asked = {"doc_to_text": "Q: {{question}}\nA:", "doc_to_choice": "{{choices}}", "doc_to_target": "{{gold}}"}
    return {**data_of(name, data), "output_type": "multiple_choice", **asked, "metric_list": means}


def data_of(name: str, data: Path) -> dict[str, Any]:
    files = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": str(data)}}, "validation_split": "validation"}
    return {"task": name, **files, "fewshot_split": "validation", "metadata": {"version": 1.5}}


def write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def evaluated(root: Path, model: Path, include: Path | None, *names: str, **settings: Any) -> Artifact:
    config = HarnessEvalConfig(tasks=names, dtype="float32", **settings)
    subject = base_subject(model, root)
    plan = stage.plan(config, subject, include, None)
    return make(plan, lambda draft: stage.work(plan, draft, subject, include, PlainReport()), root)[0]


def figures(artifact: Artifact) -> dict[tuple[str, str], Metric]:
    return {(metric.metric, metric.group): metric for metric in artifact.rows("metrics", Metric)}


def test_items_are_the_documents_and_their_mean_is_the_harness_own_figure(tmp_path: Path, model: Path, tasks: Path) -> None:
    made = evaluated(tmp_path, model, tasks, "owls")
    items = [item for item in made.rows("items", ItemScore) if item.metric == "harness.owls.acc"]
    reported = {row.metric: row for row in made.rows("tasks", HarnessTask)}
    assert len(items) == 4
    assert {item.group for item in items} == {"owls"}
    assert sum(item.numerator for item in items) / 4 == reported["acc"].value == figures(made)["harness.owls.acc", "all"].value
    assert {(row.version, row.shots, row.n_documents) for row in reported.values()} == {("1.5", 0, 4)}
    samples = list(made.rows("samples", HarnessSample))
    assert [json.loads(sample.document)["question"] for sample in samples] == [question["question"] for question in QUESTIONS]
    assert {sample.id for sample in samples} == {item.id for item in items}
    assert made.summary["benchmark"] == "harness"


def test_a_document_is_shown_with_its_question_and_choices(tmp_path: Path, model: Path, tasks: Path) -> None:
    """The second is right of Emma's; what is chosen is what acc counts. The two examples before a question are not part of it."""
    made = evaluated(tmp_path, model, tasks, "owls:2", "texts")
    shown = chosen_items(made)
    scores = {item.id: item for item in made.rows("items", ItemScore) if item.metric == "harness.owls.acc"}
    emma = next(id_ for id_, item in shown.items() if "Emma" in item.question)
    assert shown[emma].question == "Q: Who wrote Emma?\nA:"
    assert [(choice.text, choice.is_right) for choice in shown[emma].sets[0].choices] == [("nobody at all", False), ("Jane Austen", True)]
    assert shown[emma].gold == ("Jane Austen",)
    assert {id_: float(any(choice.is_right and choice.is_chosen for choice in shown[id_].sets[0].choices)) for id_ in scores} == {
        id_: score.numerator for id_, score in scores.items()
    }
    text = next(item for id_, item in shown.items() if id_.startswith("texts"))
    assert (text.gold, text.chosen, text.sets) == ((), "", ())
    assert "Owls eat mice." in text.question


def test_less_is_better_of_a_figure_whose_task_says_so(tmp_path: Path, model: Path, tasks: Path) -> None:
    lines = (tasks / "owls.yaml").read_text().replace("higher_is_better: true", "higher_is_better: false", 1)  # acc, as if it were an error rate
    (tasks / "owls.yaml").write_text(lines)
    found = read_measured(evaluated(tmp_path, model, tasks, "owls"))
    assert [pair(f"harness.owls.{name}", found, found, 0.0).is_lower_better for name in ("acc", "acc_norm")] == [True, False]


@pytest.mark.parametrize(("target", "right"), [("1", ["0"]), ("[0, 1]", ["1", "0"]), ("0", ["1"]), ("Paris", []), ("a", ["a"])])
def test_what_is_right_is_named_by_number_or_by_words(target: str, right: list[str]) -> None:
    choices = ("a", "b") if target == "a" else ("1", "0")
    sample = HarnessSample("t.d0", "t", "none", "{}", target, "[[-1.0, true], [-2.0, false]]", "{}", "", "Q?", choices)
    assert of_sample(sample).gold == tuple(right)


def test_shots_are_set_per_task_and_recorded(tmp_path: Path, model: Path, tasks: Path) -> None:
    made = evaluated(tmp_path, model, tasks, "owls:2", "ants")
    assert {row.task: row.shots for row in made.rows("tasks", HarnessTask)} == {"owls": 2, "ants": 0}
    assert made.summary["tasks"]["owls"] == {"version": "1.5", "shots": 2, "documents": 4}
    assert made.summary["few_shot_seed"] == 1234


def test_a_group_is_one_figure_over_all_its_documents_as_the_harness_has_it(tmp_path: Path, model: Path, tasks: Path) -> None:
    made = evaluated(tmp_path, model, tasks, "both")
    found = figures(made)
    by_task = {row.task: row.value for row in made.rows("tasks", HarnessTask) if row.metric == "acc"}
    assert found["harness.both.acc", "owls"].value == by_task["owls"]
    assert found["harness.both.acc", "all"].value == pytest.approx((4 * by_task["owls"] + 2 * by_task["ants"]) / 6)
    assert found["harness.owls.acc_norm", "all"].n_items == 4  # the group does not pool it


def test_bits_per_byte_is_weighted_by_bytes_and_what_is_no_mean_has_no_items(tmp_path: Path, model: Path, tasks: Path) -> None:
    made = evaluated(tmp_path, model, tasks, "texts")
    items = list(made.rows("items", ItemScore))
    assert {item.metric for item in items} == {"harness.texts.bits_per_byte"}
    assert [item.denominator for item in items] == [len("Owls eat mice."), len("An ant has six legs, and so on.")]
    words = figures(made)["harness.texts.word_perplexity", "all"]
    assert words.value is not None
    assert words.low is None  # exp of a mean: the harness's value stands alone


@pytest.mark.slow  # 8 s: PEFT and the harness are imported
def test_an_adapter_in_the_bank_gives_the_harness_what_peft_gives_it(tmp_path: Path, model: Path, tasks: Path) -> None:
    import torch
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from factcli.backends.harness import Terms, manager_of, run_task
    from factcli.backends.local import LocalModel

    ours = LocalModel.load(model, dtype="float32")
    adapter = ours.bank.add("skill_a", 4, 8.0, 0.0, 0)
    with torch.no_grad():
        adapter.vector += 0.1 * torch.randn(adapter.vector.shape, generator=torch.Generator().manual_seed(0))
    ours.bank.save("skill_a", tmp_path / "adapter", str(model))
    manager = manager_of(tasks, only_included=True)
    terms = Terms(chat=False, limit=None, seed=1234, batch_rows=2)
    with_it = run_task(ours, ["skill_a"], manager, "owls", 1, terms)
    without = run_task(ours, [], manager, "owls", 1, terms)
    wrapped = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), tmp_path / "adapter").eval()
    task = manager.load(["owls"])["tasks"]["owls"]
    task.set_config("num_fewshot", 1)
    theirs = simple_evaluate(model=HFLM(pretrained=wrapped, tokenizer=AutoTokenizer.from_pretrained(model), batch_size=2), tasks=[task], bootstrap_iters=0)

    def logprobs(samples: Any) -> list[float]:
        return [logprob for sample in samples for logprob, _ in sample["filtered_resps"]]

    assert logprobs(with_it.tasks[0].samples) == pytest.approx(logprobs(theirs["samples"]["owls"]), abs=2e-5)
    assert max(abs(a - b) for a, b in zip(logprobs(with_it.tasks[0].samples), logprobs(without.tasks[0].samples), strict=True)) > 1e-2


def test_the_same_command_goes_on_after_the_tasks_that_were_done(tmp_path: Path, model: Path, tasks: Path) -> None:
    write(tasks / "broken.yaml", {**choice_task("broken", tasks / "owls.jsonl"), "doc_to_text": "{{ question | no_such_filter }}"})
    with pytest.raises(InputError, match="cannot run task broken"):
        evaluated(tmp_path, model, tasks, "owls", "broken")
    partial = next(path for path in (tmp_path / "harness-base").glob(".partial-*") if path.is_dir())
    assert "owls" in (partial / "journal.jsonl").read_text()


def test_an_unknown_task_is_told_with_the_nearest_name(tmp_path: Path, model: Path, tasks: Path) -> None:
    from factcli.backends.harness import _loaded, manager_of

    with pytest.raises(InputError, match="no task 'owl'; did you mean 'owls'"):
        _loaded(manager_of(tasks, only_included=True), "owl")


def test_shots_for_a_task_that_has_none_by_definition_are_refused(tmp_path: Path, model: Path, tasks: Path) -> None:
    write(tasks / "bare.yaml", {**choice_task("bare", tasks / "owls.jsonl"), "num_fewshot": 0})
    with pytest.raises(SettingsError, match="no examples before a question by its definition, not 3"):
        evaluated(tmp_path, model, tasks, "bare:3")


def test_data_on_the_hub_without_network_are_told(tmp_path: Path, model: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    write(tasks / "far.yaml", {**choice_task("far", tasks / "owls.jsonl"), "dataset_path": "nobody/no_such_data", "dataset_kwargs": None})
    with pytest.raises(InputError, match="far cannot be fetched") as told:
        evaluated(tmp_path, model, tasks, "far")
    assert "network" in told.value.hint


def test_a_prompt_that_the_model_has_no_room_for_is_counted(
    tmp_path: Path, model: Path, tasks: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no repository of git
    from factcli.backends.harness import Terms, manager_of, run_task
    from factcli.backends.local import LocalModel

    short = LocalModel.load(model, dtype="float32")
    short.model.config.max_position_embeddings = 12
    capfd.readouterr()
    results = run_task(short, [], manager_of(tasks, only_included=True), "owls", 2, Terms(False, None, 0, 4))
    assert results.n_cut == 11  # every choice of every question
    assert capfd.readouterr() == ("", "")


def test_a_task_file_and_its_data_are_in_the_key(tmp_path: Path, model: Path, tasks: Path) -> None:
    subject = base_subject(model, tmp_path)
    config = HarnessEvalConfig(tasks=(f"{tasks / 'owls.yaml'}:1",))
    before = stage.plan(config, subject, None, None)
    assert {Path(name).name for name in before.prompts} == {"lm_eval", "owls.yaml", "owls.jsonl"}
    (tasks / "owls.jsonl").write_text(json.dumps(QUESTIONS[0]) + "\n", encoding="utf-8")
    assert stage.plan(config, subject, None, None).key != before.key


def test_a_task_file_is_run_by_its_path(tmp_path: Path, model: Path, tasks: Path) -> None:
    made = evaluated(tmp_path, model, None, f"{tasks / 'owls.yaml'}:1", limit=2)
    assert [(row.task, row.asked_as, row.shots, row.n_documents) for row in made.rows("tasks", HarnessTask)] == [("owls", "owls", 1, 2)] * 2
    assert "the first 2 documents" in made.manifest.headline


@pytest.mark.parametrize(
    ("spec", "found"), [("arc_challenge:25", TaskSpec("arc_challenge", 25)), ("mmlu", TaskSpec("mmlu", None)), ("a/b.yaml:0", TaskSpec("a/b.yaml", 0))]
)
def test_a_task_is_asked_for_by_name_and_shots(spec: str, found: TaskSpec) -> None:
    assert spec_of(spec) == found


def test_no_task_and_one_asked_for_twice_are_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(SettingsError, match="no task is asked for"):
        stage.plan(HarnessEvalConfig(), base_subject(model, tmp_path), None, None)
    with pytest.raises(ValidationError, match="owls is asked for twice"):
        HarnessEvalConfig(tasks=("owls", "owls:3"))


@pytest.mark.parametrize("text", ["- a list", "task: [unclosed", "dataset_kwargs: {data_files: /nowhere.jsonl}"])
def test_a_file_that_defines_no_task_is_refused_before_any_work(tmp_path: Path, model: Path, text: str) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"no task file|is not there"):
        stage.plan(HarnessEvalConfig(tasks=(str(path),)), base_subject(model, tmp_path), None, None)
