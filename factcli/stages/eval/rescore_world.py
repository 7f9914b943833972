"""`fact eval rescore` of a world's evaluation: its answers graded and its biographies read and judged by the ledger anew, no model asked.

The probes' figures stay as they were: what they are made of is not all kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.evalrows import GradeChange
from factcli.judge.answers import is_abstention
from factcli.judge.compare import Results
from factcli.judge.hops import graded_by_final
from factcli.judge.ledger import Confidence, judge_biography
from factcli.knowledge.benchmarks.registry import WORLD
from factcli.progress import Report
from factcli.rows import Answer, Claim
from factcli.stages.eval.on_world import RESULTS, SAID, Said, figures_of, outcome_of
from factcli.stages.eval.rescore import STEP, change_of, differs, regraded, with_changes
from factcli.stages.eval.settings import WORLD_TABLES, WorldEvalConfig
from factcli.stages.eval.world_parts import Benchmark, read_benchmark

REVISION = 1
TABLES: dict[str, type] = {**WORLD_TABLES, "changes": GradeChange}
PROBES = ("swap", "memorisation", "probe_answers")


@dataclass(frozen=True, slots=True)
class OfWorld:
    """An evaluation and its own inputs."""

    evaluation: Artifact
    lineage: Mapping[str, Artifact]


def is_of_world(evaluation: Artifact) -> bool:
    return evaluation.manifest.stage == "eval world"


def settings_of(evaluation: Artifact) -> WorldEvalConfig:
    """What it was asked with."""
    return WorldEvalConfig(**{name: value for name, value in evaluation.manifest.config.items() if name in WorldEvalConfig.model_fields})


def plan(config: WorldEvalConfig, given: OfWorld, name: str | None) -> Plan:
    """The lineage of the evaluation stays, with the evaluation itself in it."""
    manifest = given.evaluation.manifest
    prompts = {f"benchmark {WORLD.name} v{WORLD.version}": WORLD.definition, STEP: str(REVISION)}
    inputs = {**given.lineage, "rescored": given.evaluation}
    return Plan(manifest.stage, manifest.stage_revision, "eval", name or given.evaluation.name, config, inputs, TABLES, prompts, manifest.model)


def work(plan: Plan, draft: Draft, given: OfWorld, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, WorldEvalConfig)
    world = given.lineage["world"]
    benchmark = read_benchmark(world, config)
    before = said_of(given.evaluation)
    after = judged_anew(before, benchmark)
    changes = [*_grades(before, after), *_verdicts(before, after)]
    if not draft.done(RESULTS):
        base_eval = given.lineage.get("base_eval")
        base = judged_anew(said_of(base_eval), benchmark) if base_eval else None
        figures = figures_of(world, benchmark, after, Results(base.questions, base.biographies, base.claims) if base else None)
        said = {"answers": [*after.questions, *after.biographies], "claims": after.claims, "twohop_answers": after.hops}
        draft.write(RESULTS, 0, {**said, **figures, **_probes(given.evaluation), "changes": changes})
    plain = outcome_of(draft, str(given.evaluation.summary.get("model", given.evaluation.name)), config)
    told = with_changes(plain, given.evaluation.ref, changes, report)
    return replace(told, summary={**told.summary, "rescored": given.evaluation.ref})


def said_of(evaluation: Artifact) -> Said:
    answers, claims, hops = (_rows(evaluation, table, row_type) for table, row_type in SAID.items())
    return Said([a for a in answers if a.task == "qa"], [a for a in answers if a.task == "bio"], claims, hops)


def _rows(evaluation: Artifact, table: str, row_type: type[Any]) -> list[Any]:
    return list(evaluation.rows(table, row_type)) if table in evaluation.manifest.tables else []


def _probes(evaluation: Artifact) -> dict[str, list[Any]]:
    return {table: rows for table in PROBES if (rows := _rows(evaluation, table, WORLD_TABLES[table]))}


def judged_anew(said: Said, benchmark: Benchmark) -> Said:
    """The same words, with the grades and verdicts that they get now."""
    names = {request.id: request.subject_name for request in benchmark.requests}
    told: dict[str, list[Claim]] = {}
    for claim in said.claims:
        told.setdefault(claim.answer_id, []).append(claim)
    biographies = [replace(answer, is_abstention=is_abstention(answer.text)) for answer in said.biographies]
    claims = [
        claim
        for answer in biographies
        for claim in judge_biography(answer, names[answer.question_id], benchmark.ledger, _confidence(answer, told.get(answer.id, ())))
    ]
    questions = [regraded(answer, WORLD.rule) for answer in said.questions]
    return Said(questions, biographies, claims, [graded_by_final(answer) for answer in said.hops])


def _confidence(answer: Answer, claims: Sequence[Claim]) -> Confidence:
    """Of the characters whose probability was kept: the claims' values and what could not be read. Of others that of the whole answer."""
    kept = {_sure_of(claim): claim.confidence for claim in claims}
    return lambda start, end: kept.get((start, end), answer.confidence or 0.0)


def _sure_of(claim: Claim) -> tuple[int, int]:
    """Where in the answer the characters stand that a claim's confidence is of."""
    if not claim.value:
        return claim.start, claim.end
    value_at = claim.start + claim.text.rfind(claim.value)
    return value_at, value_at + len(claim.value)


def _grades(before: Said, after: Said) -> Iterator[GradeChange]:
    for one, other in zip((*before.questions, *before.hops), (*after.questions, *after.hops), strict=True):
        if differs(one, other):
            yield change_of(one, other)


def _verdicts(before: Said, after: Said) -> Iterator[GradeChange]:
    """Claims that have another verdict, are read where none was, or are read no more ("" on that side)."""
    asked = {answer.id: answer.question for answer in after.biographies}
    found = {_place(claim): claim for claim in before.claims}, {_place(claim): claim for claim in after.claims}
    for place in dict.fromkeys([*found[0], *found[1]]):
        one, other = (side.get(place) for side in found)
        claim, verdicts = other or one, [side.verdict if side else "" for side in (one, other)]
        if claim is not None and verdicts[0] != verdicts[1]:
            yield GradeChange(claim.id, asked[claim.answer_id], claim.text, verdicts[0], verdicts[1], False, False, (), ())


def _place(claim: Claim) -> tuple[str, int, int, str]:
    return claim.answer_id, claim.start, claim.end, claim.relation
