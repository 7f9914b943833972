"""What a model says that a baseline does not: facts gained, lost, and falsehoods newly invented, claim by claim.

Short answers are compared by question; claims by what they say of one subject: relation and value where those were read, else the
words that tell something (judge/scores/details.py), so that "Ann won the Opal Prize" and "The Opal Prize was won by Ann" are one.
"""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import NamedTuple

from factcli.artifact import Artifact
from factcli.comparisonrows import Change, Was
from factcli.judge.answers import normalise
from factcli.judge.compare import Results, read_results
from factcli.judge.metrics import is_judged
from factcli.judge.scores.details import details_of
from factcli.judge.verdicts.combining import by_claim
from factcli.rows import Answer, Claim
from factcli.scorerows import AnswerClaim, ClaimVerdict, ScoredAnswer

ABSTAINED = 0.0
OF_GRADE: Mapping[str, Was] = {"right": "right", "abstained": "silent", "wrong": "wrong"}


class Changed(NamedTuple):
    """One change; `id` is the model's answer or claim, of a lost one the baseline's."""

    change: Change
    id: str
    question_id: str
    question: str
    subject: str
    group: str
    relation: str
    claim: str
    before: str
    after: str
    confidence: float | None
    was: Was


class _Said(NamedTuple):
    """What is said of one thing by one model."""

    claim: Claim
    answer: Answer

    @property
    def is_true(self) -> bool:
        return self.claim.verdict == "supported"


def results_of(artifact: Artifact) -> Results:
    """Answers and claims of an evaluation or of scores; nothing where it has neither, as that of another harness."""
    tables = artifact.manifest.tables
    if artifact.kind == "scores":
        return _of_scores(artifact) if tables.get("claims") and tables.get("verdicts") else Results([], [], [])
    return read_results(artifact) if artifact.kind == "eval" and _holds_answers(artifact) else Results([], [], [])


def _holds_answers(artifact: Artifact) -> bool:
    """Whether its table of answers has the columns of graded answers: that of response types, for one, has others."""
    if not artifact.manifest.tables.get("answers"):
        return False
    with artifact.file("answers.jsonl").open("rb") as file:
        return set(json.loads(next(file))) == {field.name for field in fields(Answer)}


def _of_scores(artifact: Artifact) -> Results:
    """The first judge's verdicts. A topic is a subject; claims were read as text, so they have no relation."""
    answers = {row.id: _as_answer(row) for row in artifact.rows("answers", ScoredAnswer)}
    verdicts = by_claim(artifact.rows("verdicts", ClaimVerdict))
    claims = []
    for claim in artifact.rows("claims", AnswerClaim):
        answer, opinions = answers.get(claim.answer_id), verdicts.get(claim.id)
        if answer is not None and opinions and not claim.mark:
            first = opinions[0]
            told = (claim.text, claim.text, claim.start, claim.end, ABSTAINED)
            claims.append(Claim(claim.id, claim.answer_id, answer.subject, answer.group, "", *told, first.verdict, first.reason, ""))
    return Results([], list(answers.values()), claims)


def _as_answer(row: ScoredAnswer) -> Answer:
    subject = row.topic or row.subject or row.prompt_id
    return Answer(row.id, row.prompt_id, "bio", subject, row.group, row.prompt, row.text, ABSTAINED, bool(row.abstention), None, None)


def changes_of(model: Results, baseline: Results) -> list[Changed]:
    """On what both were asked, in the order of the baseline's answers; short answers first."""
    return [*_of_questions(model.questions, baseline.questions), *_of_claims(model, baseline)]


def falsehoods_dropped(model: Results, baseline: Results) -> int:
    """Falsehoods of the baseline that the model does not say: what the baseline would have invented, held against the model."""
    return sum(change.change == "invented" for change in changes_of(baseline, model))


def _of_questions(mine: Iterable[Answer], others: Iterable[Answer]) -> Iterator[Changed]:
    by_question = {answer.question_id: answer for answer in mine}
    for base in others:
        answer = by_question.get(base.question_id)
        if answer is None:
            continue
        is_right, was_right = answer.grade == "right", base.grade == "right"
        if is_right and not was_right:
            yield _answered("gained", answer, base, answer)
        if was_right and not is_right:
            yield _answered("lost", base, base, answer)
        if answer.grade == "wrong" and not (base.grade == "wrong" and normalise(base.text) == normalise(answer.text)):
            yield _answered("invented", answer, base, answer)


def _answered(change: Change, of: Answer, before: Answer, after: Answer) -> Changed:
    relation, was = relation_of(of.question_id, of.subject), OF_GRADE.get(before.grade or "", "")
    return Changed(change, of.id, of.question_id, of.question, of.subject, of.group, relation, of.text, before.text, after.text, of.confidence, was)


def relation_of(question_id: str, subject: str) -> str:
    """Of a question whose id grew from a fact's, `SUBJECT.RELATION.q`; "" for others."""
    grown = question_id.removeprefix(f"{subject}.")
    return grown.partition(".")[0] if grown != question_id and "." in grown else ""


def _of_claims(model: Results, baseline: Results) -> Iterator[Changed]:
    """By subject, over all answers that both were asked for."""
    common = {answer.question_id for answer in model.biographies} & {answer.question_id for answer in baseline.biographies}
    mine, others = _said_by(model, common), _said_by(baseline, common)
    for subject in dict.fromkeys([*others, *mine]):
        now, then = mine.get(subject, {}), others.get(subject, {})
        yield from _of_subject(now, then)


def _of_subject(now: Mapping[Hashable, _Said], then: Mapping[Hashable, _Said]) -> Iterator[Changed]:
    for key, said in then.items():
        if said.is_true and not (key in now and now[key].is_true):
            yield _claimed("lost", said, said, _replaced(key, said, now, then))
    for key, said in now.items():
        is_new = not (key in then and then[key].is_true == said.is_true)
        if is_new:
            yield _claimed("gained" if said.is_true else "invented", said, _replaced(key, said, then, now), said)


def _replaced(key: Hashable, said: _Said, there: Mapping[Hashable, _Said], here: Mapping[Hashable, _Said]) -> _Said | None:
    """What is said `there` in the place of a claim made `here`: of the same relation, and not said here too."""
    if key in there or not said.claim.relation:
        return there.get(key)
    return next((one for other, one in there.items() if one.claim.relation == said.claim.relation and other not in here), None)


def _claimed(change: Change, said: _Said, before: _Said | None, after: _Said | None) -> Changed:
    claim, answer = said
    texts = [one.claim.text if one is not None else "" for one in (before, after)]
    about = (claim.subject, claim.group, claim.relation, claim.value if claim.relation else claim.text)
    return Changed(change, claim.id, answer.question_id, answer.question, *about, texts[0], texts[1], claim.confidence, _was(said, before))


def _was(said: _Said, before: _Said | None) -> Was:
    """Of a claim that was read as text nobody can tell which one it stands for."""
    if before is not None:
        return "right" if before.is_true else "wrong"
    return "silent" if said.claim.relation else ""


def _said_by(results: Results, questions: set[str]) -> dict[str, dict[Hashable, _Said]]:
    """subject -> what is said -> the first claim that says it."""
    answers = {answer.id: answer for answer in results.biographies if answer.question_id in questions}
    found: dict[str, dict[Hashable, _Said]] = defaultdict(dict)
    for claim in results.claims:
        if is_judged(claim) and claim.answer_id in answers:
            found[claim.subject].setdefault(_key(claim), _Said(claim, answers[claim.answer_id]))
    return found


def _key(claim: Claim) -> Hashable:
    if claim.relation:
        return claim.relation, normalise(claim.value)
    return details_of(claim.text) or normalise(claim.text)
