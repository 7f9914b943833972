"""What a confidence is worth where truth is known: units of `fact score confidence` beside what a world's ledger says of them.

truth = truths(scores, world)
auroc(ranked(scores, truth, "max_conf"))       factcli.stats.ranking: AUROC, share at coverage, risk-coverage area
"""

from collections.abc import Mapping

from factcli.artifact import Artifact
from factcli.judge.answers import grade_answer
from factcli.knowledge.ledger import Ledger, accepts
from factcli.rows import Fact, Question
from factcli.scorerows import AnswerClaim, ScoredAnswer, UnitConfidence
from factcli.stats.ranking import RankedClaim
from factcli.world.reader import read_biography


def truths(scores: Artifact, world: Artifact) -> dict[str, bool]:
    """By AnswerClaim.id, whether it is true of its subject. A claim that the world's grammar cannot read, or of nobody in it, is left out.

    A short answer is right where it holds an accepted spelling.
    """
    ledger = Ledger(world.rows("facts", Fact))
    accepted = {question.id: question.answers for question in world.rows("questions", Question) if question.task == "qa"}
    answers = {answer.id: answer for answer in scores.rows("answers", ScoredAnswer)}
    found = ((claim.id, _truth(claim, answers[claim.answer_id], ledger, accepted)) for claim in scores.rows("claims", AnswerClaim))
    return {id_: truth for id_, truth in found if truth is not None}


def ranked(scores: Artifact, truth: Mapping[str, bool], measure: str) -> list[RankedClaim]:
    """The units whose truth is known and that have this measure; what an answer says twice counts once."""
    subjects = {answer.id: answer.subject or answer.prompt_id for answer in scores.rows("answers", ScoredAnswer)}
    rows = [row for row in scores.rows("confidences", UnitConfidence) if row.unit_id in truth and not row.same_as]
    known = [(row, getattr(row, measure)) for row in rows if getattr(row, measure) is not None]
    return [RankedClaim(subjects[row.answer_id], row.answer_id, value, truth[row.unit_id]) for row, value in known]


def _truth(claim: AnswerClaim, answer: ScoredAnswer, ledger: Ledger, accepted: Mapping[str, tuple[str, ...]]) -> bool | None:
    if answer.prompt_id in accepted:
        return grade_answer(claim.text, accepted[answer.prompt_id]).grade == "right"
    read = read_biography(claim.text, answer.topic).claims if answer.topic else ()
    fact = ledger.lookup(answer.subject, read[0].relation) if len(read) == 1 else None
    return None if fact is None else accepts(fact, read[0].value)
