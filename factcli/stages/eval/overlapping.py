"""`fact eval overlap`: the words that answers share with reference answers, for test sets that have such (Self-Learning's)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.naming import as_name
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric, row
from factcli.judge.overlap import NAMES, Overlap, overlap, require_overlap
from factcli.judgedrows import Overlapping
from factcli.knowledge.answer_files import Answers, one_each
from factcli.progress import Report
from factcli.rows import Reject
from factcli.scorerows import ScoredAnswer
from factcli.stats import Item, ratio

REVISION = 1
TABLES: dict[str, type] = {"overlaps": Overlapping, "items": ItemScore, "metrics": Metric, "rejected": Reject}


class OverlapConfig(Config):
    """Settings of `fact eval overlap`."""

    tasks: tuple[str, ...] | None = setting(None, "Kinds of answers to compare, e.g. [bio]; unset is all.")
    limit: int | None = setting(None, "Answers to compare, in their order; unset is all.", ge=1)


@dataclass(frozen=True, slots=True)
class Compared:
    """Answers that have a reference, with it, and why others are left out."""

    name: str
    pairs: tuple[tuple[ScoredAnswer, str], ...]
    left_out: Mapping[str, int]
    rejects: tuple[Reject, ...] = ()
    inputs: Mapping[str, Artifact] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def with_references(config: OverlapConfig, name: str, answers: Answers, references: Mapping[str, str]) -> Compared:
    """`references`: by id or words of the question. Raises InputError where no answer has one."""
    chosen, n_more = one_each(answers.rows)
    wanted = [answer for answer in chosen.values() if config.tasks is None or answer.task in config.tasks]
    found = [(answer, text) for answer in wanted if (text := references.get(answer.prompt_id) or references.get(answer.prompt, ""))]
    if not found:
        raise InputError(f"no answer of {name} has a reference", "references are found by the id of the question, or by its words")
    kept = tuple(found[: config.limit])
    left_out = {"further answers": n_more, "of another task": len(chosen) - len(wanted), "no reference": len(wanted) - len(found)}
    left_out["beyond the limit"] = len(found) - len(kept)
    return Compared(name, kept, {why: n for why, n in left_out.items() if n}, answers.rejects, answers.inputs)


def plan(config: OverlapConfig, compared: Compared, name: str | None) -> Plan:
    require_overlap()
    made = name or as_name(f"overlap-{compared.name}")
    return Plan("eval overlap", REVISION, "eval", made, config, compared.inputs, TABLES, compared.pinned)


def cost(compared: Compared) -> Cost:
    return Cost(rows={"overlaps": len(compared.pairs)})


def work(draft: Draft, compared: Compared, report: Report) -> Outcome:
    report.begin("Counting words in common", len(compared.pairs))
    rows = [_row(answer, reference) for answer, reference in compared.pairs]
    report.end()
    metrics = [row(f"overlap.{name}", "all", ratio(Item(one.subject, getattr(one, name)) for one in rows)) for name in NAMES]
    if not draft.done("results"):
        draft.write("results", 0, {"overlaps": rows, "items": _items(rows), "metrics": metrics, "rejected": compared.rejects})
    said = ", ".join(f"{metric.metric.partition('.')[2]} {metric.value:.1f}" for metric in metrics if metric.value is not None)
    summary = {metric.metric: metric.value for metric in metrics}
    return Outcome(f"{compared.name}: {len(rows)} answers beside references: {said}", summary, {"left_out": dict(compared.left_out)})


def _row(answer: ScoredAnswer, reference: str) -> Overlapping:
    subject = answer.topic or answer.subject or answer.prompt_id
    found: Overlap = overlap(reference, answer.text)
    return Overlapping(answer.prompt_id, answer.prompt, answer.text, reference, subject, answer.group, *found)


def _items(rows: Sequence[Overlapping]) -> list[ItemScore]:
    return [ItemScore(one.id, f"overlap.{name}", one.subject, one.group, getattr(one, name), 1.0) for one in rows for name in NAMES]
