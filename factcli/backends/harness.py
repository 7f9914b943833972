"""The lm-evaluation-harness on a model of this process, with the adapters that are asked for plugged in.

The harness's own class for transformers models is given the loaded model, so that prompts, tokens and sums are the
harness's; adapters act through the bank's hooks, as they do wherever else the model is asked. Nothing is cached, no
generated code is run, no remote code is loaded.
"""

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml
from lm_eval import evaluator, simple_evaluate
from lm_eval.api.group import Group
from lm_eval.api.task import Task
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from factcli.backends.likelihood import positions
from factcli.backends.local import LocalModel
from factcli.errors import InputError, SettingsError, nearest
from factcli.train.base import first_line

CUTTING = ("exceeds model's maximum length", "Left truncation applied")  # in what the harness says
UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError, ImportError, yaml.YAMLError, jinja2.TemplateError)
NO_DATA = "tasks of the hub need the network or a filled cache; a task file of your own names its data: dataset_path: json, dataset_kwargs: data_files"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What the harness says of one task. A sample is the harness's own mapping, the task's metrics by name among its fields."""

    task: str
    version: str
    shots: int
    figures: Mapping[tuple[str, str], float]  # (metric, filter) -> the value over all samples
    is_higher_better: Mapping[str, bool]
    samples: Sequence[Mapping[str, Any]]
    questions: Mapping[int, str]  # by doc_id: the document's own part of the prompt, where it is text


@dataclass(frozen=True, slots=True)
class Results:
    """What was asked for by one name. `pooled`: the metrics for which a group's figure is the mean over all its documents."""

    asked_as: str
    tasks: Sequence[TaskResult]
    pooled: frozenset[str]
    n_cut: int  # prompts that were too long for the model and lost their beginning


class _Quiet(HFLM):
    """Without progress bars: the command has its own."""

    def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> Any:
        return super().loglikelihood(requests, disable_tqdm=disable_tqdm)

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> Any:
        return super().loglikelihood_rolling(requests, disable_tqdm=disable_tqdm)

    def _loglikelihood_tokens(self, requests: Any, disable_tqdm: bool = True, override_bs: int | None = None) -> Any:  # noqa: ARG002
        return super()._loglikelihood_tokens(requests, disable_tqdm=True, override_bs=override_bs)

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
        return super().generate_until(requests, disable_tqdm=disable_tqdm)


@dataclass(frozen=True, slots=True)
class Terms:
    """How tasks are run: prompts through the chat template or as text, documents of each task at most, seed of few-shot examples."""

    chat: bool
    limit: int | None
    seed: int
    batch_rows: int


def run_task(model: LocalModel, adapters: Sequence[str], manager: TaskManager, name: str, shots: int | None, terms: Terms) -> Results:
    """One task, group, tag or task file. `shots` None: as the task's definition has it.

    Raises InputError for a name that the harness does not know, data that are not there, a definition that cannot be used.
    """
    found = _loaded(manager, name)
    tasks = _tasks(found)
    _set_shots(tasks, name, shots)
    with _said_as_input_errors(name), _quiet() as heard, model.bank.active(list(adapters)):
        lm = _Quiet(pretrained=model.model, tokenizer=model.tokenizer, batch_size=terms.batch_rows, max_length=positions(model))
        values = simple_evaluate(
            model=lm,
            tasks=list(found),
            limit=terms.limit,
            bootstrap_iters=0,
            apply_chat_template=terms.chat,
            random_seed=terms.seed,
            numpy_random_seed=terms.seed,
            torch_random_seed=terms.seed,
            fewshot_random_seed=terms.seed,
            confirm_run_unsafe_code=False,
            task_manager=manager,
        )
    assert values is not None, "one process is rank 0"
    return Results(_name_of(name), [_result(values, task) for task in tasks], _pooled(found), heard.n_cut)


def manager_of(include: Path | None, only_included: bool) -> TaskManager:
    """The harness's index of tasks, those of a folder among them. Reading its own 14,000 takes half a minute: not where none is asked for."""
    with _quiet():
        return TaskManager(include_path=str(include) if include else None, include_defaults=not only_included)


def _loaded(manager: TaskManager, name: str) -> list[Task | Group]:
    is_file = Path(name).suffix == ".yaml"
    if not is_file and name not in manager.all_tasks:
        raise InputError(f"the harness has no task {name!r}{nearest(name, manager.all_tasks)}", "one of its own, one of --include DIR, or a FILE.yaml")
    with _said_as_input_errors(name), _quiet():
        loaded = manager.load([name])
    children = {child for names in loaded.get("group_map", {}).values() for child in names}
    top = [group for group in loaded.get("groups", {}).values() if group.name not in children]
    return list(top) or list(loaded["tasks"].values())


def _tasks(found: Sequence[Task | Group]) -> list[Task]:
    return [task for one in found for task in (one.get_all_tasks() if isinstance(one, Group) else [one])]


def _set_shots(tasks: Sequence[Task], name: str, shots: int | None) -> None:
    """As the harness itself does it, but what it would pass over in silence is refused."""
    for task in tasks:
        own = task.get_config("num_fewshot")
        if shots and own == 0:
            raise SettingsError(f"{name}: {task.task_name} has no examples before a question by its definition, not {shots}", f"ask for it as {name}")
        if shots is not None:
            task.set_config(key="num_fewshot", value=shots)


def _result(values: Mapping[str, Any], task: Task) -> TaskResult:
    name, figures = task.task_name, {}
    for key, value in values["results"][name].items():
        metric, comma, filter_ = key.partition(",")
        if comma and not metric.endswith("_stderr") and isinstance(value, int | float):
            figures[metric, filter_] = float(value)
    better = {metric: is_higher is not False for metric, is_higher in values["higher_is_better"].get(name, {}).items()}
    samples = values["samples"][name]
    questions = {sample["doc_id"]: asked for sample in samples if isinstance(asked := task.doc_to_text(sample["doc"]), str)}
    return TaskResult(name, str(values["versions"].get(name)), int(values["n-shot"].get(name) or 0), figures, better, samples, questions)


def _pooled(found: Sequence[Task | Group]) -> frozenset[str]:
    groups = [one for one in found if isinstance(one, Group)]
    if len(groups) != 1:
        return frozenset()
    means = [one for one in groups[0].aggregate_metric_list or [] if one.weight_by_size and one.aggregation == "mean"]
    return frozenset(one.metric for one in means)


def _name_of(name: str) -> str:
    return Path(name).stem if Path(name).suffix == ".yaml" else name


@contextlib.contextmanager
def _said_as_input_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (InputError, SettingsError):
        raise
    except ConnectionError as error:
        raise InputError(f"the data of task {name} cannot be fetched: {first_line(error)}", NO_DATA) from error
    except UNUSABLE as error:
        raise InputError(f"the harness cannot run task {name}: {type(error).__name__}: {first_line(error)}", f"see its definition; {NO_DATA}") from error


class _Warnings(logging.Handler):
    """Counts the prompts that the harness cut because the model has no positions for all of it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.n_cut = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.n_cut += any(words in record.getMessage() for words in CUTTING)


@contextlib.contextmanager
def _quiet() -> Iterator[_Warnings]:
    """The harness tells of each step in the log and draws bars of its own; what it warns of in vain is counted."""
    logger, heard = logging.getLogger("lm_eval"), _Warnings()
    before = logger.level, logger.propagate, list(logger.handlers)
    logger.level, logger.propagate, logger.handlers = logging.WARNING, False, [heard]
    revision = evaluator.get_git_commit_hash  # starts git, which complains on the terminal of a folder that is no repository
    evaluator.get_git_commit_hash = lambda: ""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield heard
    finally:
        logger.level, logger.propagate, logger.handlers = before[0], before[1], before[2]
        evaluator.get_git_commit_hash = revision
