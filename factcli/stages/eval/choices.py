"""`fact eval truthfulqa` and `fact eval mc`: answers to choose from, by their likelihood, with question-blind baselines beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from factcli.artifact import Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.knowledge.benchmarks.benchmark import Found
from factcli.knowledge.benchmarks.choices import MC, ChoiceItem
from factcli.knowledge.benchmarks.limit import part_of, told_part
from factcli.knowledge.benchmarks.primer import NONE, USUAL, primer_text
from factcli.knowledge.benchmarks.source import Source
from factcli.likelihoodrows import AskedQuestion, ScoredChoice
from factcli.progress import Report
from factcli.rows import Reject
from factcli.stages.eval.choices_asking import Manner, scored_choices
from factcli.stages.eval.choices_figures import Scored, metrics_of, scored
from factcli.stages.eval.subject import Subject

REVISION = 3
FIGURE_TABLES = {"items": ItemScore, "beside": ItemScore, "metrics": Metric}
TABLES: dict[str, type] = {"asked": AskedQuestion, "choices": ScoredChoice, **FIGURE_TABLES, "rejected": Reject}
UNIT = 100  # questions scored together, and kept if the run is interrupted
FORMS = {"mc": ("mc1", "mc2"), "binary": ("binary",)}


class ChoicesEvalConfig(Config):
    """How answers to choose from are scored."""

    ask: Literal["text", "task"] = setting("text", "text: in the benchmark's own words; task: as a chat in the model's template.")
    limit: int | None = setting(None, "Questions to ask, drawn, the same for every model; unset asks all.", ge=1)
    seed: int = setting(0, "Seed; nothing is drawn.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16", "float64"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")
    empty_choices: Literal["keep", "drop"] = setting("keep", "TruthfulQA's 22 empty choices: keep scores them, as published figures do; drop leaves them out.")
    hub_name: str = setting("", "Another data set on the hub than the benchmark's.")
    hub_files: tuple[str, ...] = setting((), "Its files, as patterns, e.g. ARC-Challenge/test-*.parquet.")
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")


class TruthfulqaEvalConfig(ChoicesEvalConfig):
    """`fact eval truthfulqa`, by likelihood."""

    form: Literal["mc", "binary"] = setting("mc", "mc: MC1 and MC2; binary: the best right answer against the best wrong one.")
    primer: str = setting(USUAL, "Text before every question: published (that of the published figures), none, or a file. ask = task has none.")


class McEvalConfig(ChoicesEvalConfig):
    """`fact eval mc`."""


def plan(config: ChoicesEvalConfig, subject: Subject, source: Source[ChoiceItem], name: str | None) -> Plan:
    """Questions from the hub are pinned to a commit, which is in the plan's settings; none of them is fetched yet."""
    if source.is_hub:
        config = config.model_copy(update={"hub_revision": at_its_commit(config, source).commit})
    benchmark = source.benchmark
    form = f"-{config.form}" if isinstance(config, TruthfulqaEvalConfig) and config.form != "mc" else ""
    pinned = {**source.digests(), **_primer_digest(config), "benchmark": benchmark.definition}
    made = name or f"{benchmark.name}{form}-{subject.name}{'' if config.ask == 'text' else '-task'}"
    inputs = {**source.inputs, **subject.inputs}
    return Plan(f"eval {benchmark.name}", REVISION, "eval", made, config, inputs, TABLES, pinned, subject.base.identity)


def _primer_digest(config: ChoicesEvalConfig) -> dict[str, str]:
    if not isinstance(config, TruthfulqaEvalConfig):
        return {}
    if config.primer in (USUAL, NONE):
        return {"primer": sha256_of(_primer(config))}
    if config.ask == "task":
        raise SettingsError(f"primer = {config.primer}, and ask = task puts each question alone in the model's template", "use --set ask=text")
    primer_text(config.primer)
    return {"primer": sha256_of_file(Path(config.primer))}


def _primer(config: ChoicesEvalConfig) -> str:
    return primer_text(config.primer) if isinstance(config, TruthfulqaEvalConfig) and config.ask == "text" else ""


def at_its_commit(config: ChoicesEvalConfig, source: Source[ChoiceItem]) -> Source[ChoiceItem]:
    """The source; the hub's at the commit of the settings, or at its newest one."""
    return source.pinned(config.hub_name, config.hub_revision, config.hub_files)


def cost(plan: Plan, source: Source[ChoiceItem]) -> Cost:
    """Each choice once with its question and once without; those on the hub are counted once they are here."""
    config = plan.config
    assert isinstance(config, ChoicesEvalConfig)
    if source.is_hub:
        return Cost()
    sets = _sets(config)
    each = [len(one.texts) * (3 if one.name == "binary" else 1) for item in _asked(config, source.read()) for one in item.sets if one.name in sets]
    return Cost(prompts=2 * sum(each))


def work(plan: Plan, draft: Draft, subject: Subject, source: Source[ChoiceItem], report: Report) -> Outcome:
    """Some questions at a time are a unit; figures are made of all of them at the end."""
    config = plan.config
    assert isinstance(config, ChoicesEvalConfig)
    found = at_its_commit(config, source).read()
    items = _asked(config, found)
    _score(config, subject, source, items, draft, report)
    rows = scored(items, [ScoredChoice(**values) for values in draft.rows("choices")])
    metrics = metrics_of(rows)
    if not draft.done("figures"):
        asked = [AskedQuestion(item.id, item.question) for item in items]
        figures: dict[str, Sequence[Any]] = {"items": rows.items, "beside": rows.beside, "metrics": metrics}
        draft.write("figures", len(items), {"asked": asked, **figures, "rejected": found.rejects})
    return _outcome(config, subject, source, found, rows, metrics, _n_cut(draft))


def _sets(config: ChoicesEvalConfig) -> tuple[str, ...]:
    return FORMS[config.form] if isinstance(config, TruthfulqaEvalConfig) else ("mc",)


def _asked(config: ChoicesEvalConfig, found: Found[ChoiceItem]) -> list[ChoiceItem]:
    """Questions that have a set of choices of the form that is asked for, as many as the limit."""
    sets = _sets(config)
    is_whole = config.empty_choices == "keep" and config.ask == "text"  # a chat has no empty answer
    read = found.items if is_whole else [item.without_empty() for item in found.items]
    items = [item for item in read if any(one.name in sets for one in item.sets)]
    if not items:
        others = f"{len(found.items)} questions have other choices; " if found.items else ""
        first = f"the first: {found.rejects[0].id}: {found.rejects[0].reason}" if found.rejects else "and nothing was rejected"
        raise InputError(f"no question has choices of {' or '.join(sets)}: {others}{len(found.rejects)} entries were rejected, {first}")
    return list(part_of(items, config.limit, lambda item: item.id))


def _score(config: ChoicesEvalConfig, subject: Subject, source: Source[ChoiceItem], items: Sequence[ChoiceItem], draft: Draft, report: Report) -> None:
    starts = [start for start in range(0, len(items), UNIT) if not draft.done(items[start].id)]
    if not starts:
        return
    report.begin(f"Scoring the choices of {len(items)} questions with {subject.name}", len(items))
    model = subject.load(config.dtype)
    if model.note and config.ask == "task":
        report.say(model.note)
    manner = Manner(config.ask, _primer(config), ("Question: ", "Answer:") if source.benchmark is MC else ("Q: ", "A:"))
    for start in starts:
        part = items[start : start + UNIT]
        draft.write(part[0].id, start, {"choices": scored_choices(model, subject.adapters, part, _sets(config), manner)})
        report.update(start + len(part), len(items))
    report.end()


def _n_cut(draft: Draft) -> int:
    return sum(values["is_cut"] for values in draft.rows("choices"))


def _outcome(
    config: ChoicesEvalConfig, subject: Subject, source: Source[ChoiceItem], found: Found[ChoiceItem], rows: Scored, metrics: Sequence[Metric], n_cut: int
) -> Outcome:
    figures = {f"{metric.metric}/all": metric.value for metric in metrics if metric.group == "all"}
    named = {metric.removeprefix(f"{source.benchmark.name}."): metric for metric in dict.fromkeys(item.metric for item in rows.items)}
    told = [f"{name} {_percent(figures[f'{metric}/all'])} ({_beside(metric, figures)})" for name, metric in named.items()]
    n_items = len({item.id for item in rows.items})
    headline = f"{subject.name}: {'; '.join(told)}{told_part(n_items, len(found.items), 'questions') if config.limit else ''}"
    notes = [(n_cut, "choices whose prompt is too long for the model and lost its beginning"), (len(found.rejects), "entries of the file rejected")]
    headline += "".join(f"; {n} {what}" for n, what in notes if n)
    asked: dict[str, Any] = {"ask": config.ask, "questions": n_items}
    if isinstance(config, TruthfulqaEvalConfig):
        asked |= {"form": config.form, "primer": config.primer if config.primer in (USUAL, NONE) else Path(config.primer).name}
    summary = {**source.benchmark.recorded, "model": subject.name, **asked, **figures}
    return Outcome(headline, summary, {"rejected": len(found.rejects), "cut_prompts": n_cut})


def _beside(metric: str, figures: dict[str, float | None]) -> str:
    names = ("blind", "longest", "first", "chance")
    return ", ".join(f"{name} {_percent(figures[f'{metric}_{name}/all'])}" for name in names if f"{metric}_{name}/all" in figures)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f}%"
