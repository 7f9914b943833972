"""Verdicts of whoever judges: of the judges that settings name, or the labels that a file brings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from factcli.artifact import Draft
from factcli.judge.claims.filling import fill_claims
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.verdicts.filling import Matter
from factcli.knowledge.answer_files import VERDICT_OF_LABEL
from factcli.knowledge.evidence import Evidence
from factcli.progress import PlainReport
from factcli.scorerows import AnswerClaim, ClaimVerdict, ScoredAnswer
from factcli.stages.score.factscore.sources import Source

LABELS = "labels"  # in place of a judge: what people said
NO_LABEL = "not labelled"


def write_labels(draft: Draft, answers: Sequence[ScoredAnswer], claims: Sequence[AnswerClaim]) -> None:
    """The labels of the claims as verdicts; a claim that nobody labelled is unscored."""
    for place, (answer, own) in enumerate(matter_of(answers, claims, None)):
        if not draft.done(f"{LABELS} {answer.id}"):
            draft.write(f"{LABELS} {answer.id}", place, {"verdicts": [_labelled(claim) for claim in own]})


def matter_of(answers: Sequence[ScoredAnswer], claims: Iterable[AnswerClaim], evidence: Evidence | None) -> Matter:
    """What judges are given."""
    by_answer: dict[str, list[AnswerClaim]] = {}
    for claim in claims:
        by_answer.setdefault(claim.answer_id, []).append(claim)
    return Matter(answers, by_answer, evidence)


class _Paper:
    """In place of a draft, for a dry run: nothing is on it, and what is written is kept in memory."""

    def __init__(self) -> None:
        self.claims: list[AnswerClaim] = []

    def done(self, _unit: str) -> bool:
        return False

    def write(self, _unit: str, _order: int, tables: Mapping[str, Sequence[Any]]) -> None:
        self.claims += tables.get("claims", ())


def imagined_claims_of(answers: Sequence[ScoredAnswer], source: Source, config: ClaimsConfig) -> list[AnswerClaim]:
    """The claims that there will be; in place of those that a model has yet to read, those that the rules find."""
    paper = _Paper()
    without_model = config.model_copy(update={"source": "rules"}) if config.source == "model" else config
    fill_claims(paper, answers, source.given, without_model, None, PlainReport())  # type: ignore[arg-type]  # all of a draft that is used
    return paper.claims


def _labelled(claim: AnswerClaim) -> ClaimVerdict:
    verdict = VERDICT_OF_LABEL.get(claim.label, "unscored")
    return ClaimVerdict(f"{claim.id}.j0", claim.id, LABELS, verdict, "" if claim.label else NO_LABEL, None, ())
