"""`fact eval world`: questions and biographies of the world's people, judged by its ledger, and two probes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.read import row_reader
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.judge.compare import Results, read_results, retention_metrics
from factcli.judge.itemscores import items_of_answers
from factcli.judge.metrics import Metric, biography_metrics, question_metrics
from factcli.judge.myths import REPEATED
from factcli.knowledge.benchmarks.registry import WORLD
from factcli.knowledge.grounding import Grounds
from factcli.progress import Report
from factcli.rows import Answer, Claim, SwapRow
from factcli.stages.eval.probes import swap_works
from factcli.stages.eval.rich import Rows, joined, more_rows
from factcli.stages.eval.settings import WORLD_TABLES, WorldEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.eval.world_parts import Asked, Benchmark, Part, n_probe_prompts, parts_of, read_benchmark
from factcli.world.people import RELATION_NAMES

RESULTS = "results"  # the unit that ends the work
SAID: dict[str, type] = {"answers": Answer, "claims": Claim, "twohop_answers": Answer}
REVISION = 5
SWAP_GATE = 0.7  # of questions in sample; below it the skill has not learned to answer from what is plugged in


def plan(config: WorldEvalConfig, subject: Subject, world: Artifact, base_eval: Artifact | None, name: str | None, grounds: Grounds | None = None) -> Plan:
    """`base_eval`: the untouched base on the same questions; what it has right is what can be retained."""
    if config.fill_register != "plain" and "myths" not in world.manifest.tables:
        raise SettingsError(f"{world.ref} has no myths, so no text of it is in that of {config.fill_register}", "leave out fill_register")
    inputs = {"world": world, **subject.inputs, **(grounds.inputs if grounds else {})} | ({"base_eval": base_eval} if base_eval else {})
    pinned = grounds.prompts if grounds else {}
    return Plan("eval world", REVISION, "eval", name or default_name(config, subject.name), config, inputs, WORLD_TABLES, pinned, subject.base.identity)


def default_name(config: WorldEvalConfig, model: str) -> str:
    asked = "" if config.ask == "task" else f"-{config.ask.replace('_', '-')}"
    register = "" if config.fill_register == "plain" else f"-{config.fill_register}"
    return f"eval-{model}{asked}{register}{config.decode.suffix}"


def cost(plan: Plan, subject: Subject) -> Cost:
    """The prompts of the benchmark and of the probes; a biography that is filled takes one per sentence."""
    config = plan.config
    assert isinstance(config, WorldEvalConfig)
    benchmark = read_benchmark(plan.inputs["world"], config)
    per_biography = len(RELATION_NAMES) if config.ask == "fill" else 1
    asked = len(benchmark.questions) + per_biography * len(benchmark.requests) + len(benchmark.hops)
    return Cost(prompts=asked + n_probe_prompts(Asked(subject, config)))


def work(plan: Plan, draft: Draft, subject: Subject, report: Report, grounds: Grounds | None = None) -> Outcome:
    """What is asked is kept part by part, so that an interrupted run goes on with the part that it was in; figures are made of all at the end."""
    config = plan.config
    assert isinstance(config, WorldEvalConfig)
    benchmark = read_benchmark(plan.inputs["world"], config)
    if not draft.done(RESULTS):
        parts = parts_of(Asked(subject, config), benchmark, grounds)
        _ask(parts, draft, f"Asking {subject.name}", report)
        base_eval = plan.inputs.get("base_eval")
        rows = figures_of(plan.inputs["world"], benchmark, said_in(draft), read_results(base_eval) if base_eval else None)
        draft.write(RESULTS, len(parts), rows)
    return outcome_of(draft, subject.name, config)


def _ask(parts: Sequence[Part], draft: Draft, title: str, report: Report) -> None:
    report.begin(title, len(parts))
    for place, part in enumerate(parts):
        if not draft.done(part.unit):
            draft.write(part.unit, place, part.ask())
        report.update(place + 1, len(parts))
    report.end()


@dataclass(frozen=True, slots=True)
class Said:
    """All that a model said but for the probes."""

    questions: Sequence[Answer]
    biographies: Sequence[Answer]
    claims: Sequence[Claim]
    hops: Sequence[Answer]


def said_in(draft: Draft) -> Said:
    answers, claims, hops = (_read(draft, table, row_type) for table, row_type in SAID.items())
    return Said([a for a in answers if a.task == "qa"], [a for a in answers if a.task == "bio"], claims, hops)


def _read(draft: Draft, table: str, row_type: type[Any]) -> list[Any]:
    return list(map(row_reader(row_type), draft.rows(table)))


def figures_of(world: Artifact, benchmark: Benchmark, said: Said, base: Results | None) -> Rows:
    """The tables metrics and items. `base`: what the untouched base said, which is what can be retained."""
    metrics = question_metrics(said.questions, benchmark.heldout) + biography_metrics(said.biographies, said.claims)
    if base is not None:
        asked = {q.subject for q in benchmark.requests}
        facts = [key for key in benchmark.ledger.facts() if key[0] in asked]
        metrics += retention_metrics(base, Results(said.questions, said.biographies, said.claims), facts)
    items = list(items_of_answers([*said.questions, *said.biographies], said.claims))
    return joined({"metrics": metrics, "items": items}, more_rows(world, benchmark.questions, said.questions, said.claims, said.hops))


def outcome_of(draft: Draft, model: str, config: WorldEvalConfig) -> Outcome:
    metrics = map(row_reader(Metric), draft.rows("metrics"))
    figures = {f"{m.metric}/{m.group}": m.value for m in metrics if m.group in ("all", "seen", "myth")}
    swapped = swap_works(map(row_reader(SwapRow), draft.rows("swap")))
    accuracy = figures.get("qa.accuracy/all")
    told = figures.get("bio.share_correct/all")
    headline = f"{model}: {_percent(accuracy)} of questions right, {_percent(told)} of claims in biographies true ({config.split} people)"
    if (repeated := figures.get(f"{REPEATED}/myth")) is not None:
        headline += f"; {_percent(repeated)} of questions about facts with a myth answered with it, {_percent(figures['qa.accuracy/myth'])} right"
    if swapped is not None and swapped < SWAP_GATE:
        way_out = "more steps in `fact sft`, or more epochs in `fact prereq`"
        headline += f"; the swap does not work ({_percent(swapped)} as plugged in, need {SWAP_GATE:.0%}): {way_out}"
    return Outcome(headline, {**WORLD.recorded, "model": model, "ask": config.ask, **figures} | ({} if swapped is None else {"swap_in_sample": swapped}))


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f}%"
