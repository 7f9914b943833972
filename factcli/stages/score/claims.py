"""`fact score claims`: answers and their claims, to be looked at and used again; nothing is judged.

Who abstains has no claims and stays in the table of answers. What every score does first, done once: a later one can take these claims as given.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.filling import counts_of, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.errors import InputError, TooManyFailuresError
from factcli.judge.claims import abstention, filling
from factcli.judge.claims.settings import ClaimsConfig
from factcli.knowledge.answer_files import Answers, answers_of_artifact, answers_of_file, named
from factcli.progress import Report
from factcli.rows import Person
from factcli.scorerows import ScoredAnswer

REVISION = 2
KINDS = ("samples", "eval")
TABLES: dict[str, type] = {"answers": ScoredAnswer, **filling.TABLES}


class ScoreClaimsConfig(Config):
    """Settings of `fact score claims`."""

    claims: ClaimsConfig = ClaimsConfig()
    limit: int | None = setting(None, "Answers to take apart, in their order; unset is all.", ge=1)
    generation: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Source:
    """The answers, abstentions marked, and where they come from."""

    answers: Answers
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def of_file(config: ScoreClaimsConfig, path: Path) -> Source:
    """The answers of a file."""
    return Source(_chosen(config, answers_of_file(path), str(path)), {f"answers {path.name}": sha256_of_file(path)})


def of_artifact(config: ScoreClaimsConfig, artifact: Artifact, world: Artifact | None) -> Source:
    """The answers of samples or an evaluation; `world`, where they come from one, gives the names of people as topics."""
    answers = answers_of_artifact(artifact)
    if world is not None:
        answers = replace(named(answers, world.rows("people", Person)), inputs={**answers.inputs, "world": world})
    return Source(_chosen(config, answers, artifact.ref))


def _chosen(config: ScoreClaimsConfig, answers: Answers, name: str) -> Answers:
    rows = answers.rows[: config.limit]
    if config.claims.source == "given" and not answers.given:
        raise InputError(f"{name} brings no claims", "--claims rules needs none; or give a file with FActScore's annotations or a list `claims`")
    if config.claims.source == "world" and not any(row.topic for row in rows):
        raise InputError(f"{name} says of no answer whom it is about", "claims of a world's grammar need a name: answers about a world, or `topic` in the file")
    return replace(answers, rows=abstention.marked(rows, config.claims))


def plan(config: ScoreClaimsConfig, source: Source, who: Answering | None, name: str | None) -> Plan:
    pinned = {**source.pinned, **filling.pinned(config.claims)}
    inputs = {**(who.inputs if who else {}), **source.answers.inputs}
    return Plan("score claims", REVISION, "claims", name or "claims", config, inputs, TABLES, pinned, who.identity if who else {})


def imagined(config: ScoreClaimsConfig, source: Source, who: Answering | None) -> Estimate | None:
    """What it would buy; None where no model is asked."""
    return filling.imagined_claims(source.answers.rows, config.claims, who)


def work(plan: Plan, draft: Draft, source: Source, who: Answering | None, report: Report) -> Outcome:
    """One unit per answer; those that were taken apart before an interruption are kept."""
    config, answers = plan.config, source.answers
    assert isinstance(config, ScoreClaimsConfig)
    backend = filling.fill_claims(draft, answers.rows, answers.given, config.claims, who, report)
    for place, answer in enumerate(answers.rows):
        if not draft.done(f"answer {answer.id}"):
            draft.write(f"answer {answer.id}", place, {"answers": [answer]})
    if answers.rejects and not draft.done("source"):
        draft.write("source", -1, {"rejected": answers.rejects})
    return _outcome(draft, answers, config, usage_of(draft, who, backend) if who is not None and backend is not None else {})


def _outcome(draft: Draft, answers: Answers, config: ScoreClaimsConfig, usage: Mapping[str, Any]) -> Outcome:
    marks: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for row in draft.rows("claims"):
        marks[row["mark"]] += 1
        told[row["answer_id"]] += 1
    if not marks:
        raise TooManyFailuresError("no answer has a claim: there is nothing to score", "see who abstains: --set claims.abstention=none; or another --claims")
    n_abstain = sum(answer.abstention != "" for answer in answers.rows)
    headline = f"{marks.total()} claims of {len(told)} answers by {config.claims.source}"
    notes = [(n_abstain, "abstain"), (len(answers.rows) - len(told) - n_abstain, "without a claim")]
    notes += [(len(answers.rejects), "of the file rejected")]
    notes += [(marks[mark], mark) for mark in ("duplicate", "trivial", "copied")]
    headline += "".join(f"; {n} {what}" for n, what in notes if n)
    summary = {
        "answers": len(answers.rows),
        "with_claims": len(told),
        "abstain": n_abstain,
        "claims": marks.total(),
        "claims_per_answer": round(marks.total() / len(told), 2),
    }
    marked = {mark: n for mark, n in sorted(marks.items()) if mark}
    return Outcome(headline, summary, {"answers": len(answers.rows), "claims": marks.total(), "marked": marked, **counts_of(draft)}, usage)
