"""`fact eval harness`: tasks of the lm-evaluation-harness, for what a gain in factuality cost elsewhere.

Every document that the harness scored is kept (table `samples`), and becomes an item wherever the figure that the harness
reports is the mean of what its documents add, so that two models are compared on the same documents.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import yaml
from pydantic import field_validator

from factcli.artifact import Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.extras import require_eval
from factcli.judge.metrics import Metric, row
from factcli.likelihoodrows import HarnessSample, HarnessTask
from factcli.progress import Report
from factcli.stages.eval.subject import Subject
from factcli.stats import Item, ratio, share

if TYPE_CHECKING:
    from factcli.backends.harness import Results, TaskResult

REVISION = 2
TABLES: dict[str, type] = {"samples": HarnessSample, "items": ItemScore, "metrics": Metric, "tasks": HarnessTask}
SPEC = re.compile(r"(?P<name>.+?)(?::(?P<shots>[0-9]+))?")
SAME = 1e-9  # a mean of items and the harness's own figure, which differ in the order of the sum


class HarnessEvalConfig(Config):
    """`fact eval harness`."""

    tasks: tuple[str, ...] = setting((), "Tasks, groups, tags or task files, each NAME or NAME:SHOTS, e.g. arc_challenge:25.")
    chat: bool = setting(False, "Ask through the model's chat template; published figures are mostly without.")
    limit: int | None = setting(None, "Documents of each task, in their order; unset takes all. Figures on fewer are for a look only.", ge=1)
    seed: int = setting(1234, "Seed of the examples before a question; the harness's own default.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")
    batch_rows: int = setting(16, "Prompts read at once.", role="operational", ge=1)

    @field_validator("tasks")
    @classmethod
    def _are_tasks_each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = [spec_of(text).name for text in value]
        if len(set(names)) < len(names):
            raise ValueError(f"{next(name for name in names if names.count(name) > 1)} is asked for twice")
        return value


class TaskSpec(NamedTuple):
    """One task as asked for. `shots` None: as its definition has it."""

    name: str
    shots: int | None

    @property
    def is_file(self) -> bool:
        return Path(self.name).suffix == ".yaml"


def spec_of(text: str) -> TaskSpec:
    """NAME, NAME:SHOTS, FILE.yaml or FILE.yaml:SHOTS."""
    found = SPEC.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no task: need NAME or NAME:SHOTS")
    return TaskSpec(found["name"], int(found["shots"]) if found["shots"] else None)


def plan(config: HarnessEvalConfig, subject: Subject, include: Path | None, name: str | None) -> Plan:
    """The version of the harness and every file of the user's are in the key; its own definitions go with its version."""
    require_eval()
    if not config.tasks:
        raise SettingsError("no task is asked for", "for example --tasks arc_challenge:25,hellaswag:10, or -c configs/eval/drift.yaml")
    version = metadata.version("lm_eval")
    pinned = {"lm_eval": sha256_of(version), **_pinned(config, include)}
    made = name or f"harness-{subject.name}"
    return Plan("eval harness", REVISION, "eval", made, config, subject.inputs, TABLES, pinned, subject.base.identity)


def _pinned(config: HarnessEvalConfig, include: Path | None) -> dict[str, str]:
    """sha256 of the task files given, of what they include, and of the data that they name."""
    if include is not None and not include.is_dir():
        raise InputError(f"there is no folder {include}", "--include DIR holds task files (*.yaml)")
    files = [path for path in sorted(include.rglob("*")) if path.suffix in (".yaml", ".py")] if include else []
    for spec in map(spec_of, config.tasks):
        if spec.is_file and not Path(spec.name).is_file():
            raise InputError(f"there is no task file {spec.name}", "a task of the harness by its name, or a FILE.yaml that defines one")
        files += [Path(spec.name)] if spec.is_file else []
    found = dict.fromkeys(needed for file in files for needed in _needed(file))
    return {str(path): sha256_of_file(path) for path in found}


def _needed(file: Path) -> Iterator[Path]:
    """A task file, what it includes, and its data where they are files."""
    yield file
    values = _read_task(file) if file.suffix == ".yaml" else {}
    includes = values.get("include") or []
    for name in [includes] if isinstance(includes, str) else includes:
        if (file.parent / name).is_file():
            yield from _needed(file.parent / name)
    given = (values.get("dataset_kwargs") or {}).get("data_files") or []
    for name in _names(given):
        if "://" not in name and not any(sign in name for sign in "*?["):
            if not Path(name).is_file():
                raise InputError(f"{file} takes its data from {name}, which is not there", "a path in data_files counts from the working directory")
            yield Path(name)


def _names(given: Any) -> list[str]:
    if isinstance(given, Mapping):
        return [name for part in given.values() for name in _names(part)]
    return [given] if isinstance(given, str) else [str(name) for name in given]


class _TaskLoader(yaml.SafeLoader):
    """A task file, its functions as their names: nothing is imported."""


_TaskLoader.add_constructor("!function", lambda _, node: str(node.value))


def _read_task(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _TaskLoader)  # noqa: S506  # a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is no task file: {' '.join(str(error).split())[:200]}", "it defines a task of the lm-evaluation-harness in YAML") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is no task file: it holds no `name: value` lines", "it defines a task of the lm-evaluation-harness in YAML")
    return values


def cost() -> Cost:
    """Nothing is known before the tasks' data are here."""
    return Cost()


def work(plan: Plan, draft: Draft, subject: Subject, include: Path | None, report: Report) -> Outcome:
    """Every task asked for is a unit."""
    config = plan.config
    assert isinstance(config, HarnessEvalConfig)
    specs = [spec_of(text) for text in config.tasks]
    open_ = [(order, spec) for order, spec in enumerate(specs) if not draft.done(spec.name)]
    if open_:
        _run(config, subject, include, open_, draft, report)
    return _outcome(draft, subject, config)


def _run(config: HarnessEvalConfig, subject: Subject, include: Path | None, open_: Sequence[tuple[int, TaskSpec]], draft: Draft, report: Report) -> None:
    model = subject.load(config.dtype)
    from factcli.backends.harness import Terms, manager_of, run_task

    report.begin(f"Running {subject.name} on the harness", len(config.tasks))
    manager = manager_of(include, only_included=_are_included([spec for _, spec in open_], include))
    terms = Terms(config.chat, config.limit, config.seed, config.batch_rows)
    for order, spec in open_:
        report.update(order, len(config.tasks), spec.name)
        results = run_task(model, subject.adapters, manager, spec.name, spec.shots, terms)
        if results.n_cut:
            report.say(f"  {spec.name}: {results.n_cut} prompts were too long for the model and lost their beginning: fewer shots fit")
        draft.write(spec.name, order, rows_of(results))
    report.end()


def _are_included(specs: Sequence[TaskSpec], include: Path | None) -> bool:
    """Whether the user's own files define all that is asked for, so that the harness's own tasks need not be read."""
    defined = {values.get("task") if isinstance(values.get("task"), str) else None for values in _own(include)}
    groups = {values.get("group") for values in _own(include)}
    return all(spec.is_file or spec.name in (defined | groups) - {None} for spec in specs)


def _own(include: Path | None) -> list[dict[str, Any]]:
    return [_read_task(path) for path in sorted(include.rglob("*.yaml"))] if include else []


def rows_of(results: "Results") -> Mapping[str, Sequence[Any]]:
    """The rows of one task, group or tag."""
    rows: dict[str, list[Any]] = {"samples": [], "items": [], "metrics": [], "tasks": []}
    for result in results.tasks:
        rows["samples"] += [_sample(result, sample) for sample in result.samples]
        for (metric, filter_), value in sorted(result.figures.items()):
            named = metric if filter_ == "none" else f"{filter_}.{metric}"
            of = results.asked_as if metric in results.pooled else result.task
            items = _items(result, metric, filter_, f"harness.{of}.{named}")
            is_mean = bool(items) and abs(_mean(items) - value) <= SAME * max(1.0, abs(value))
            rows["items"] += items if is_mean else []
            rows["tasks"].append(_task(results, result, metric, named, value))
            if not is_mean:  # the harness's own value; what it is made of cannot be redrawn
                rows["metrics"].append(Metric(f"harness.{result.task}.{named}", "all", value, None, None, len(result.samples), len(result.samples)))
    rows["metrics"] += metrics_of(rows["items"])
    return rows


def _task(results: "Results", result: "TaskResult", metric: str, named: str, value: float) -> HarnessTask:
    is_better = result.is_higher_better.get(metric, True)
    return HarnessTask(result.task, results.asked_as, result.version, result.shots, named, value, is_better, len({s["doc_id"] for s in result.samples}))


def _items(result: "TaskResult", metric: str, filter_: str, name: str) -> list[ItemScore]:
    """One per document; none where a document adds no number to this figure."""
    items = []
    for sample in result.samples:
        if sample["filter"] != filter_ or metric not in sample:
            continue
        counted = _counted(metric, sample[metric])
        if counted is None:
            return []
        items.append(ItemScore(_id(result, sample), name, _id(result, sample), result.task, *counted))
    return items


def _counted(metric: str, value: Any) -> tuple[float, float] | None:
    """(numerator, denominator). Of a text, (log-likelihood, bytes) becomes bits per byte."""
    if isinstance(value, bool | int | float):
        return float(value), 1.0
    if metric == "bits_per_byte":
        return -value[0] / math.log(2), float(value[1])
    return None


def _mean(items: Sequence[ItemScore]) -> float:
    total = sum(item.denominator for item in items)
    return sum(item.numerator for item in items) / total if total else math.nan


def _id(result: "TaskResult", sample: Mapping[str, Any]) -> str:
    return f"{result.task}.d{sample['doc_id']}.{sample['doc_hash'][:8]}"


def _sample(result: "TaskResult", sample: Mapping[str, Any]) -> HarnessSample:
    scores = {metric: sample[metric] for metric in sample["metrics"]}
    return HarnessSample(
        id=_id(result, sample),
        task=result.task,
        filter=sample["filter"],
        document=_json(sample["doc"]),
        target=str(sample["target"]),
        responses=_json(sample["filtered_resps"]),
        scores=_json(scores),
        prompt_sha256=sample["prompt_hash"],
        question=result.questions.get(sample["doc_id"], ""),
        choices=_choices(sample["arguments"]),
    )


def _choices(arguments: Sequence[Any]) -> tuple[str, ...]:
    """What was scored of several texts. Where each has a beginning of its own, as in Winogrande, its last line is part of what tells them apart."""
    scored = [one for one in arguments if len(one) == 2 and isinstance(one[1], str)]
    if len(scored) < 2:
        return ()
    is_one_question = len({context for context, _ in scored}) == 1
    return tuple((text if is_one_question else context.rpartition("\n")[2] + text).strip() for context, text in scored)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no word for: a number of numpy's is its own number, all else its text."""
    return value.item() if hasattr(value, "item") else str(value)


def metrics_of(items: Sequence[ItemScore]) -> list[Metric]:
    """One row per figure, and per task where a figure is pooled over several."""
    rows = []
    for metric in dict.fromkeys(item.metric for item in items):
        own = [item for item in items if item.metric == metric]
        tasks = dict.fromkeys(item.group for item in own)
        for group in ("all", *(tasks if len(tasks) > 1 else ())):
            counted = [item for item in own if group in ("all", item.group)]
            as_items = [Item(item.subject, item.numerator, item.denominator) for item in counted]
            is_share = all(0 <= item.numerator <= item.denominator for item in counted)
            rows.append(row(metric, group, share(as_items) if is_share else ratio(as_items)))
    return rows


def _outcome(draft: Draft, subject: Subject, config: HarnessEvalConfig) -> Outcome:
    figures = {value["metric"]: value["value"] for value in draft.rows("metrics") if value["group"] == "all"}
    if not figures:
        raise SettingsError("the tasks gave no figure at all", "see what they measure in their definitions")
    named = [f"{metric.removeprefix('harness.')} {value:.3f}" for metric, value in figures.items() if value is not None]
    headline = f"{subject.name}: {', '.join(named[:4])}{f' and {len(named) - 4} more' if len(named) > 4 else ''}"
    tasks = {value["task"]: {"version": value["version"], "shots": value["shots"], "documents": value["n_documents"]} for value in draft.rows("tasks")}
    benchmark = {"benchmark": "harness", "benchmark_version": metadata.version("lm_eval"), "few_shot_seed": config.seed, "tasks": tasks}
    if config.limit is not None:
        headline += f" (the first {config.limit} documents of each task)"
    return Outcome(headline, {"model": subject.name, **benchmark, **figures})
