"""Answers -> claims -> verdicts -> scores: each step resumable, none bought twice, the scores aligned with the answers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.read import row_reader
from factcli.backends.filling import counts_of, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.judge.claims import abstention
from factcli.judge.claims import filling as claiming
from factcli.judge.metrics import Metric
from factcli.judge.scores.answers import NAMES, Response, Terms, score_rows
from factcli.judge.scores.figures import benchmark_of, figures, k_of
from factcli.judge.scores.items import items
from factcli.judge.verdicts import filling as verdicts
from factcli.judge.verdicts.combining import JudgeAgreement, agreement, by_claim, combined
from factcli.judge.verdicts.judges import Judge, LanguageJudge, identity_of, inputs_of
from factcli.knowledge.evidence import Evidence
from factcli.progress import Report
from factcli.rows import Reject
from factcli.scorerows import AnswerClaim, ClaimVerdict, Score, ScoredAnswer
from factcli.stages.score.factscore import judging, telling
from factcli.stages.score.factscore.correcting import corrected, said
from factcli.stages.score.factscore.judging import imagined_claims_of, matter_of
from factcli.stages.score.factscore.scoring import left_out, responses_of
from factcli.stages.score.factscore.settings import TABLES, FactscoreConfig
from factcli.stages.score.factscore.sources import Source

REVISION = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bench:
    """Who does the work: the reader of claims (None without a model), the judges (none: labels of the file), and the evidence."""

    reader: Answering | None
    judges: tuple[Judge, ...]
    evidence: Evidence | None = None
    inputs: Mapping[str, Artifact] = field(default_factory=dict)  # of the evidence

    @property
    def names(self) -> list[str]:
        """Of those who judge."""
        return [judge.name for judge in self.judges] or [judging.LABELS]


def plan(config: FactscoreConfig, source: Source, bench: Bench, name: str | None) -> Plan:
    """Raises SettingsError where a judge lacks evidence."""
    verdicts.require_evidence(bench.evidence, bench.judges, config.judge)
    reader = bench.reader.inputs if bench.reader else {}
    inputs = {**source.inputs, **bench.inputs, **inputs_of(bench.judges), **{f"reader-{role}": artifact for role, artifact in reader.items()}}
    pinned = {**source.pinned, **claiming.pinned(config.claims), **verdicts.prompts_of(bench.judges, config.judge)}
    model = {**identity_of(bench.judges), "reader": dict(bench.reader.identity) if bench.reader else None}
    return Plan("score factscore", REVISION, "scores", name or "factscore", config, inputs, TABLES, pinned, model)


def imagined(config: FactscoreConfig, source: Source, bench: Bench) -> dict[str, Estimate]:
    """What it would buy, by who is asked. Claims that a model has yet to read are taken to be those that the rules find."""
    answers = abstention.marked(source.answers, config.claims)
    reading = claiming.imagined_claims(answers, config.claims, bench.reader)
    found = {"claims": reading} if reading else {}
    if bench.judges:
        matter = matter_of(answers, imagined_claims_of(answers, source, config.claims), bench.evidence)
        asked = [judge.name for judge in bench.judges if isinstance(judge, LanguageJudge)]
        found |= dict(zip(asked, verdicts.imagine_verdicts(matter, bench.judges, config.judge), strict=True))
    return found


def work(plan: Plan, draft: Draft, source: Source, bench: Bench, report: Report) -> Outcome:
    """A unit is an answer that is read, or a claim (or an answer, where batched) that a judge judges; what is there is not bought again."""
    config = plan.config
    assert isinstance(config, FactscoreConfig)
    answers = abstention.marked(source.answers, config.claims)
    if not draft.done("answers"):
        draft.write("answers", -1, {"answers": answers, "rejected": source.rejects})
    usage = _filled(draft, answers, source, bench, config, report)
    judged = {**counts_of(draft), **verdicts.require_scored(draft, config.judge)}
    scored = _scored(draft, answers, bench, config)
    if not draft.done("scores"):
        added = list(items(answers, scored.responses, scored.terms))
        draft.write("scores", len(answers), {"scores": scored.rows, "items": added, "metrics": scored.metrics, "agreement": scored.agreement})
    without = {name: left_out(scored.responses, scored.terms, name) for name in NAMES}
    report.say("\n".join(telling.lines_of_left_out(without)))
    counts = {**judged, **_counts_of(answers, bench, without), "left_out": dict(source.left_out)}
    names = bench.names
    about = {"judges": names, "claims": config.claims.source, "benchmark": benchmark_of(source.answers, config.claims.source)}
    correction = corrected(draft.root, config, bench.reader, bench.judges, bench.inputs.get("pack"), scored.responses)
    summary = {**telling.summary(scored.metrics, scored.terms), **about, "correction": correction}
    return Outcome(telling.headline(scored.metrics, scored.terms, names, scored.agreement) + said(correction), summary, counts, usage)


@dataclass(frozen=True, slots=True)
class _Scored:
    """What follows from the verdicts."""

    responses: Sequence[Response]
    terms: Terms
    rows: Sequence[Score]
    metrics: Sequence[Metric]
    agreement: Sequence[JudgeAgreement]


def _scored(draft: Draft, answers: Sequence[ScoredAnswer], bench: Bench, config: FactscoreConfig) -> _Scored:
    judged = by_claim(_rows(draft, "verdicts", ClaimVerdict))
    rulings = {claim_id: combined(found, config.judge.combine).verdict for claim_id, found in judged.items()}
    responses = responses_of(answers, _rows(draft, "claims", AnswerClaim), rulings, _notes(draft))
    terms = Terms(config.gamma, config.k or k_of(responses))
    rows = [row for response in responses for row in score_rows(response, terms)]
    return _Scored(responses, terms, rows, figures(responses, terms), agreement(judged, bench.names))


def _counts_of(answers: Sequence[ScoredAnswer], bench: Bench, without: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Any]:
    """Answers by what became of them: abstentions by detector, pages by how they were found, and why there is no value."""
    abstained = Counter(answer.abstention for answer in answers if answer.abstention)
    pages = verdicts.page_matches(verdicts.Matter(answers, {}, bench.evidence))
    reasons = {name: {why: len(ids) for why, ids in found.items()} for name, found in without.items()}
    return {"answers": len(answers), "abstained": dict(sorted(abstained.items())), "pages": pages, "without_value": reasons}


def _filled(draft: Draft, answers: Sequence[ScoredAnswer], source: Source, bench: Bench, config: FactscoreConfig, report: Report) -> Mapping[str, Any]:
    """Claims and verdicts of every answer; gives what they cost."""
    backend = claiming.fill_claims(draft, answers, source.given, config.claims, bench.reader, report)
    claims = list(_rows(draft, "claims", AnswerClaim))
    reading: Mapping[str, Any] = {}
    if backend is not None and bench.reader is not None:
        keys = {row["request"] for row in draft.rows("origins") if row["table"] == "claims"} - {""}
        reading = usage_of(draft, bench.reader, backend, keys)
    if not bench.judges:
        judging.write_labels(draft, answers, claims)
        return reading
    return _bill(reading, verdicts.fill_verdicts(draft, matter_of(answers, claims, bench.evidence), bench.judges, config.judge, report))


def _bill(reading: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    """What reading and judging used together; of several judges the parts stand beside it."""
    if not reading:
        return dict(judged)
    parts = {"by_judge": judged["by_judge"]} if "by_judge" in judged else {}
    return {**verdicts.added({"claims": reading, "verdicts": {name: value for name, value in judged.items() if name not in parts}}), **parts}


def _rows(draft: Draft, table: str, row_type: type[T]) -> Iterator[T]:
    """The rows so far, in order."""
    return map(row_reader(row_type), draft.rows(table))


def _notes(draft: Draft) -> dict[str, Reject]:
    """By answer: why its claims could not be read, or that it has none."""
    rejects = (row for row in _rows(draft, "rejected", Reject) if row.step == claiming.STEP or row.id.startswith(f"{claiming.STEP} "))
    return {row.id.removeprefix(f"{claiming.STEP} "): row for row in rejects}
