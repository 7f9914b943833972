"""From the rows of a draft (answers, claims, verdicts) to the responses that are scored, and what came of each."""

from collections.abc import Iterable, Mapping, Sequence

from factcli.judge.scores.answers import Response, Terms, values_of
from factcli.judge.scores.robust import JudgedClaim
from factcli.rows import Reject, Verdict
from factcli.scorerows import AnswerClaim, ScoredAnswer


def responses_of(answers: Iterable[ScoredAnswer], claims: Iterable[AnswerClaim], rulings: Mapping[str, Verdict], notes: Mapping[str, Reject]) -> list[Response]:
    """One per answer, in order. `rulings` by AnswerClaim.id; `notes`: by answer, why its claims could not be read, or that it has none."""
    by_answer: dict[str, list[JudgedClaim]] = {}
    for claim in claims:
        judged = JudgedClaim(claim.text, rulings[claim.id], claim.mark)
        by_answer.setdefault(claim.answer_id, []).append(judged)
    return [_response(answer, tuple(by_answer.get(answer.id, ())), notes.get(answer.id)) for answer in answers]


def _response(answer: ScoredAnswer, claims: tuple[JudgedClaim, ...], note: Reject | None) -> Response:
    failure = note.reason if note is not None and note.is_failure else ""
    no_claim = note.reason if note is not None and not note.is_failure and not claims else ""
    cluster = answer.topic or answer.subject or answer.prompt_id
    return Response(answer.id, answer.prompt_id, answer.prompt, answer.topic, cluster, answer.group, claims, answer.abstention, failure, no_claim)


def left_out(responses: Sequence[Response], terms: Terms, name: str) -> dict[str, list[str]]:
    """Topics (else ids) of the answers without a value of this score, by why; in the order of the answers."""
    found: dict[str, list[str]] = {}
    for response in responses:
        if values_of(response, terms)[name] is None:
            found.setdefault(why(response), []).append(response.topic or response.id)
    return found


def why(response: Response) -> str:
    """Why an answer has no value, in the same few words for all of a kind."""
    if response.failure:
        return "failed"
    if not response.is_saying:
        return "abstains" if response.abstention else "no claim"
    return "every claim is unscored" if response.counts.unscored == response.counts.n else "no relevant claim was scored"
