"""Long answers that `fact score factscore` judged: their claims with the verdicts, and the passages that were shown to the judge."""

from collections import Counter
from collections.abc import Mapping, Sequence

from factcli.artifact import Artifact
from factcli.judge.verdicts.combining import by_claim, combined
from factcli.judge.verdicts.settings import Rule
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, ScoredAnswer
from factcli.stages.report.browser.items import Item, JudgedClaim, Reply, clipped_text
from factcli.stages.report.text import clipped, stretches

SHOWN_PASSAGES, LONGEST = 2, 500  # of a claim's evidence, in characters each: what fits a box beside the claim


def scored_replies(scores: Artifact) -> list[tuple[Item, Reply]]:
    """What was asked and what was said to it, answer by answer; a prompt that has several answers is an item for each."""
    benchmark = str(scores.summary.get("benchmark") or "long answers")
    answers = list(scores.rows("answers", ScoredAnswer))
    n_of_prompt = Counter(answer.prompt_id for answer in answers)
    claims: dict[str, list[AnswerClaim]] = {}
    for claim in scores.rows("claims", AnswerClaim):
        claims.setdefault(claim.answer_id, []).append(claim)
    told = _Told(scores)
    found = []
    for answer in answers:
        id_ = answer.prompt_id if n_of_prompt[answer.prompt_id] == 1 else answer.id
        item = Item(id_, benchmark, answer.group, clipped_text(answer.prompt or answer.topic or answer.prompt_id), "")
        found.append((item, _reply(answer, claims.get(answer.id, ()), told)))
    return found


class _Told:
    """What was said of each claim, and by what."""

    def __init__(self, scores: Artifact) -> None:
        judging = scores.manifest.config.get("judge")
        self._rule: Rule = judging.get("combine", "first") if isinstance(judging, Mapping) else "first"
        self._verdicts = by_claim(scores.rows("verdicts", ClaimVerdict))
        self._passages = {row.id: row for row in scores.rows("evidence", EvidencePassage)}

    def claim(self, claim: AnswerClaim) -> JudgedClaim:
        verdicts = self._verdicts.get(claim.id, [])
        if not verdicts:
            return JudgedClaim(claim.text, "unscored", "", "no judge was asked", None)
        opinion = combined(verdicts, self._rule)
        return JudgedClaim(claim.text, opinion.verdict, self._evidence(verdicts[0].evidence), opinion.reason, opinion.probability)

    def _evidence(self, ids: Sequence[str]) -> str:
        shown = [row for id_ in ids[:SHOWN_PASSAGES] if (row := self._passages.get(id_))]
        more = f" (and {len(ids) - len(shown)} more passages)" if len(ids) > len(shown) > 0 else ""
        return " … ".join(f"{row.title}: {clipped(row.text, LONGEST)}" for row in shown) + more


def _reply(answer: ScoredAnswer, claims: Sequence[AnswerClaim], told: _Told) -> Reply:
    if answer.abstention:
        return Reply("abstained", clipped_text(answer.text), None, answer.id)
    judged = tuple(told.claim(claim) for claim in claims)
    cut = tuple(stretches(clipped_text(answer.text), [(claim.start, claim.end) for claim in claims]))
    return Reply("claims" if judged else "unjudged", "", None, answer.id, cut, judged)
