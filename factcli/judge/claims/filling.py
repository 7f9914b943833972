"""A draft filled with the claims of answers: one unit an answer, whoever takes them apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.artifact import Draft
from factcli.artifact.manifest import sha256_of
from factcli.backends.chains import Chain
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import Rows, Unit, fill, imagine
from factcli.backends.opening import Answering, Backend
from factcli.backends.planning import Estimate
from factcli.judge.claims import asking, marks, rules, subject
from factcli.judge.claims.reading import Draught, given_claims, world_claims
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.claims.splitting import splitter
from factcli.knowledge.answer_files import GivenClaims
from factcli.progress import Report
from factcli.rows import Reject
from factcli.scorerows import AnswerClaim, ScoredAnswer

TABLES: dict[str, type] = {"claims": AnswerClaim, **FILLED}
STEP = "claims"  # of a reject: an answer that has no claim
Given = Mapping[str, GivenClaims]


def pinned(config: ClaimsConfig) -> dict[str, str]:
    """What claims depend on besides settings and answers, name -> digest: a Plan's prompts. Raises SettingsError for a parser that is missing."""
    if config.source in ("given", "world"):
        return {}
    name = splitter(config.parser).name
    return {f"sentences by {name}": sha256_of(name), **(asking.pinned(config) if config.source == "model" else {})}


def fill_claims(draft: Draft, answers: Sequence[ScoredAnswer], given: Given, config: ClaimsConfig, who: Answering | None, report: Report) -> Backend | None:
    """Write what the draft lacks of the units `claims {answer.id}`, in the order of the answers; gives the backend that was asked, if any.

    `answers` have been through abstention.marked; those that abstain, and those in which nothing is found, get a reject that says so.
    A unit whose model gives no usable answer is a row of `rejected` with `is_failure`. Raises TooManyFailuresError, see backends/filling.py.
    """
    if config.source == "model":
        return fill(draft, _asked(who), _units(answers, config, _asked(who)), len(answers), report, "Claims", is_greedy=config.temperature == 0)
    for place, answer in enumerate(answers):
        if not draft.done(_unit(answer)):
            draft.write(_unit(answer), place, _rows(answer, _draughts(answer, given.get(answer.id), config), config))
    return None


def imagined_claims(answers: Sequence[ScoredAnswer], config: ClaimsConfig, who: Answering | None) -> Estimate | None:
    """What `fill_claims` would buy; None where no model is asked."""
    return imagine(_asked(who), _units(answers, config, _asked(who))) if config.source == "model" else None


def _asked(who: Answering | None) -> Answering:
    assert who is not None, "source model is asked of somebody"
    return who


def _units(answers: Sequence[ScoredAnswer], config: ClaimsConfig, who: Answering) -> Iterator[Unit]:
    decomposer = asking.decomposer(config, who)
    for place, answer in enumerate(answers):
        yield Unit(_unit(answer), place, _Asked(decomposer, answer, config))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The claims of one answer by a model; an answer that abstains asks nothing."""

    decomposer: asking.Decomposer
    answer: ScoredAnswer
    config: ClaimsConfig

    def __call__(self) -> Chain[Rows]:
        answer = self.answer
        if answer.abstention or not re.search(r"\w", answer.text):
            return _rows(answer, [], self.config)
        taken = yield from self.decomposer.take_apart(answer, splitter(self.config.parser).split(answer.text, self.config.carry_over))
        rows = _rows(answer, taken.draughts, self.config)
        sources = [replace(origin, id=claim.id) for number, origin in taken.origins for claim in rows.get("claims", ()) if claim.sentence == number]
        return {**rows, "origins": sources, "rejected": [*rows.get("rejected", ()), *taken.rejects]}


def _unit(answer: ScoredAnswer) -> str:
    return f"claims {answer.id}"


def _draughts(answer: ScoredAnswer, given: GivenClaims | None, config: ClaimsConfig) -> list[Draught]:
    """The claims of one answer where no model is asked."""
    if answer.abstention:
        return []
    if config.source == "given":
        return given_claims(answer, given, config.annotator) if given else []
    if config.source == "world":
        return world_claims(answer)
    sentences = splitter(config.parser).split(answer.text, config.carry_over)
    return [Draught(text, number, one.start, one.end) for number, one in enumerate(sentences) for text in rules.claims_of(one.text)]


def _rows(answer: ScoredAnswer, draughts: Sequence[Draught], config: ClaimsConfig) -> Rows:
    """The unit's rows: claims with ids and marks, or the reason why there is none."""
    if not draughts:
        return {"rejected": [Reject(answer.id, STEP, _why_none(answer, config), answer.text[:500])]}
    pronoun = _pronoun(answer, config)
    claims = [
        AnswerClaim(
            f"{answer.id}.c{number}", answer.id, subject.resolved(one.text, answer.topic, pronoun) if _resolves(config) else one.text,
            one.sentence, one.start, one.end, config.source, label=one.label,
        )
        for number, one in enumerate(draughts)
    ]  # fmt: skip
    return {"claims": marks.marked(claims, answer.prompt, answer.topic, config.near_duplicate)}


def _resolves(config: ClaimsConfig) -> bool:
    """Given claims are as somebody wrote them, and a world's grammar must be able to read its own again."""
    return config.pronouns and config.source in ("model", "rules")


def _pronoun(answer: ScoredAnswer, config: ClaimsConfig) -> str:
    if not (_resolves(config) and answer.topic):
        return ""
    return subject.pronoun_of(one.text for one in splitter(config.parser).split(answer.text))


def _why_none(answer: ScoredAnswer, config: ClaimsConfig) -> str:
    if answer.abstention:
        return f"abstains ({answer.abstention})"
    if not re.search(r"\w", answer.text):
        return "empty"
    return "no claims given" if config.source == "given" else "no claim found"
