"""What `fact eval world` asks and counts more where the world has more: myths, questions over two facts, Zipf's law of popularity."""

from collections.abc import Mapping, Sequence
from typing import Any

from factcli.artifact import Artifact
from factcli.backends.completions import Completer
from factcli.judge.hops import graded_by_final, hop_items, hop_metrics
from factcli.judge.myths import by_fact, kinds_of, myth_items, myth_metrics
from factcli.judge.popularity import popularity_metrics
from factcli.knowledge.worldfiles import hop_questions
from factcli.rows import Answer, Claim, Fact, Myth, Person, Question, TwoHop
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.world import Method, ask_questions

Rows = Mapping[str, Sequence[Any]]


def read_hops(world: Artifact, config: WorldEvalConfig, subjects: frozenset[str]) -> list[Question]:
    """Questions over two facts whose first is about one of `subjects`; none where the world has none, or where the task's form is not asked in."""
    if "hops" not in world.manifest.tables or config.ask != "task":
        return []
    every = hop_questions(world.rows("hops", TwoHop), world.rows("people", Person), (config.split,))
    return [question for question in every if question.subject in subjects]


def ask_hops(model: Completer, questions: Sequence[Question], method: Method, config: WorldEvalConfig) -> list[Answer]:
    return [graded_by_final(answer) for answer in ask_questions(model, questions, method, config.hop_tokens)] if questions else []


def more_rows(world: Artifact, questions: Sequence[Question], answers: Sequence[Answer], claims: Sequence[Claim], hops: Sequence[Answer]) -> Rows:
    """Rows to be added to the tables metrics and items."""
    metrics, items = [], []
    if "myths" in world.manifest.tables:
        myths = by_fact(world.rows("myths", Myth))
        kinds = kinds_of(answers, questions, myths)
        metrics += myth_metrics(answers, claims, kinds, myths)
        items += myth_items(answers, kinds)
    if hops:
        metrics += hop_metrics(hops, world.rows("hops", TwoHop), world.rows("places", Fact))
        items += hop_items(hops)
    if world.manifest.config["spec"].get("exposure_exponent"):
        metrics += popularity_metrics(answers, questions)
    return {"metrics": metrics, "items": items}


def joined(rows: Rows, more: Rows) -> dict[str, Sequence[Any]]:
    """Both, table by table; a table without rows is left out of `more`."""
    return {**rows, **{table: [*rows.get(table, ()), *added] for table, added in more.items() if added}}
