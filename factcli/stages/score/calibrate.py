"""`fact score calibrate`: a judge, or a source of claims, against human labels; what comes out is its calibration card.

The labels are FActScore's: claims of each response, marked S, NS or IR. A judge is run on the humans' own claims, or on claims of
another source, each of which then has the label of the human claim that is nearest in words, if one is near. Without a judge those
labels are the verdicts, and the card says what the source of claims does to the score. The correction's interval is tried on halves of
the labelled responses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.read import row_reader
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import counts_of, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.settings import GenerationConfig
from factcli.cardrows import CardMeasure, CardResponse, ClaimMatch, HeldOut
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.judge.cards import figures
from factcli.judge.cards.attaching import LABELS, Basis, basis_of
from factcli.judge.cards.figures import DEFAULT, Irrelevant, Opinion
from factcli.judge.claims import filling as claiming
from factcli.judge.claims.reading import given_claims
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.matching import NEAR, nearest
from factcli.judge.verdicts import filling as judging
from factcli.judge.verdicts.filling import Matter
from factcli.judge.verdicts.judges import Judge, identity_of, inputs_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.knowledge.answer_files import VERDICT_OF_LABEL, Answers, GivenClaims
from factcli.knowledge.evidence import Evidence
from factcli.progress import Report
from factcli.rows import Reject, Verdict
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.stats import Item, ratio, share

REVISION = 1
TABLES: dict[str, type] = {
    "answers": ScoredAnswer, "claims": AnswerClaim, "human_claims": AnswerClaim, "matches": ClaimMatch, **judging.TABLES,
    "responses": CardResponse, "measures": CardMeasure, "held_out": HeldOut, **FILLED,
}  # fmt: skip
CARD = "card"  # the unit that is written last
NO_LABELS = "no human labels"


class CalibrateConfig(Config):
    """Settings of `fact score calibrate`."""

    irrelevant: Irrelevant = setting("counted", "Human label IR: counted as not supported, as in FActScore's published scores, or left_out.")
    near: float = setting(NEAR, "ROUGE-L from which a claim of another source is about the same thing as a human one.", gt=0, le=1)
    resamples: int = setting(figures.RESAMPLES, "Halves of the labelled responses on which the corrections are tried.", ge=0)
    limit: int | None = setting(None, "Labelled responses to take, in the order of the file; unset is all.", ge=1)
    seed: int = setting(0, "Seed of the halves.", ge=0)
    claims: ClaimsConfig = ClaimsConfig(source="given", abstention="none")
    judge: JudgeConfig = JudgeConfig()
    generation: GenerationConfig = GenerationConfig()


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled responses with all their given claims, what was left out, who judges by what, and who takes answers apart."""

    answers: tuple[ScoredAnswer, ...]
    given: Mapping[str, GivenClaims]
    rejects: tuple[Reject, ...]
    pinned: Mapping[str, str]  # input file -> sha256
    judge: Judge | None = None
    who: Answering | None = None
    pack: Artifact | None = None
    evidence: Evidence | None = None

    def human(self, answer: ScoredAnswer) -> list[AnswerClaim]:
        draughts = given_claims(answer, self.given[answer.id], "human")
        return [AnswerClaim(f"{answer.id}.h{n}", answer.id, d.text, d.sentence, d.start, d.end, "given", label=d.label) for n, d in enumerate(draughts)]


def labelled(answers: Answers, limit: int | None) -> tuple[tuple[ScoredAnswer, ...], tuple[Reject, ...]]:
    """The responses that have human labels, and why the others are left out. Raises InputError where there are none."""
    has = [answer for answer in answers.rows if answer.id in answers.given and any(claim.label for claim in answers.given[answer.id].human)]
    if not has:
        raise InputError("no response of the file has human labels", "FActScore's format: `annotations` with `human-atomic-facts`, each with a label")
    ids = {answer.id for answer in has}
    without = (Reject(answer.id, "labels", NO_LABELS, answer.text[:500]) for answer in answers.rows if answer.id not in ids)
    return tuple(has[:limit]), (*answers.rejects, *without)


def basis(config: CalibrateConfig, source: Source) -> Basis:
    return basis_of(source.judge, config.judge, config.claims, source.who)


def plan(config: CalibrateConfig, source: Source, name: str | None) -> Plan:
    """Raises SettingsError where the judge lacks evidence."""
    judges = _judges(source)
    judging.require_evidence(source.evidence, judges, config.judge)
    inputs = {**inputs_of(judges), **({"pack": source.pack} if source.pack else {}), **(dict(source.who.inputs) if source.who else {})}
    pinned = {**source.pinned, **claiming.pinned(config.claims), **judging.prompts_of(judges, config.judge)}
    model = {**identity_of(judges), **({"claims": dict(source.who.identity)} if source.who else {})}
    return Plan("score calibrate", REVISION, "card", name or "card", config, inputs, TABLES, pinned, model)


def _judges(source: Source) -> tuple[Judge, ...]:
    return (source.judge,) if source.judge is not None else ()


def imagined(config: CalibrateConfig, source: Source) -> list[Estimate]:
    """What it would buy. Claims that are yet to be found are taken to be as many as the human ones."""
    of_claims = claiming.imagined_claims(source.answers, config.claims, source.who)
    matter = Matter(source.answers, {answer.id: source.human(answer) for answer in source.answers}, source.evidence)
    return [*([of_claims] if of_claims else []), *judging.imagine_verdicts(matter, _judges(source), config.judge)]


def work(plan: Plan, draft: Draft, source: Source, report: Report) -> Outcome:
    """A unit is an answer (its claims), then a claim (its verdict), then the card."""
    config = plan.config
    assert isinstance(config, CalibrateConfig)
    backend = claiming.fill_claims(draft, source.answers, source.given, config.claims, source.who, report)
    usages = {"claims": usage_of(draft, source.who, backend)} if source.who is not None and backend is not None else {}
    claims = _claims(draft)
    if source.judge is not None:
        matter = Matter(source.answers, claims, source.evidence)
        usages["judge"] = judging.fill_verdicts(draft, matter, _judges(source), config.judge, report, len(source.answers))
    verdicts = {row["claim_id"]: row["verdict"] for row in draft.rows("verdicts")}
    compared = [compare(config, source, answer, claims.get(answer.id, []), verdicts) for answer in source.answers]
    responses = [one.response for one in compared]
    measures = [*figures.measures_of(responses), *_of_claims(config, compared)]
    held_out = figures.held_out(figures.both_of(responses), config.resamples, config.seed)
    if not draft.done(CARD):
        draft.write(CARD, 1 << 60, _tables(config, source, compared) | {"measures": measures, "held_out": held_out})
    return _outcome(config, source, draft, measures, held_out, judging.added(usages) if usages else {})


def _claims(draft: Draft) -> dict[str, list[AnswerClaim]]:
    read, found = row_reader(AnswerClaim), dict[str, list[AnswerClaim]]()
    for row in draft.rows("claims"):
        found.setdefault(row["answer_id"], []).append(read(row))
    return found


@dataclass(frozen=True, slots=True)
class Compared:
    """One response: the claims of the source beside the human ones."""

    answer: ScoredAnswer
    response: CardResponse
    human: Sequence[AnswerClaim]
    claims: Sequence[AnswerClaim]
    matches: Sequence[ClaimMatch]  # of other sources than humans


def compare(config: CalibrateConfig, source: Source, answer: ScoredAnswer, claims: Sequence[AnswerClaim], verdicts: Mapping[str, Verdict]) -> Compared:
    human = source.human(answer)
    matches = [] if is_human(config.claims) else [_match(claim, human, config.near) for claim in claims]
    labels = {match.id: match.label for match in matches} if matches else {claim.id: claim.label for claim in claims}
    opinions = [Opinion(labels[claim.id], _verdict(source, verdicts, claim.id, labels[claim.id])) for claim in claims]
    response = figures.response_of(answer, human, opinions, config.irrelevant)
    if source.judge is None:  # labels agree with themselves: that is no sensitivity
        response = replace(response, true_positive=0, false_positive=0, true_negative=0, false_negative=0)
    return Compared(answer, response, human, claims, matches)


def is_human(claims: ClaimsConfig) -> bool:
    return claims.source == "given" and claims.annotator == "human"


def _match(claim: AnswerClaim, human: Sequence[AnswerClaim], near: float) -> ClaimMatch:
    found = nearest(claim, human)
    if found.claim is None or found.overlap < near:
        return ClaimMatch(claim.id, "", found.overlap, "")
    return ClaimMatch(claim.id, found.claim.id, found.overlap, found.claim.label)


def _verdict(source: Source, verdicts: Mapping[str, Verdict], claim_id: str, label: str) -> Verdict:
    """The judge's; without a judge the label that was handed on."""
    return verdicts.get(claim_id, "unscored") if source.judge is not None else VERDICT_OF_LABEL.get(label, "unscored")


def _tables(config: CalibrateConfig, source: Source, compared: Sequence[Compared]) -> dict[str, Sequence[Any]]:
    human = [] if is_human(config.claims) else [claim for one in compared for claim in one.human]
    matches = [match for one in compared for match in one.matches]
    responses = [one.response for one in compared]
    return {"answers": source.answers, "human_claims": human, "matches": matches, "responses": responses, "rejected": source.rejects}


def _of_claims(config: CalibrateConfig, compared: Sequence[Compared]) -> Iterator[CardMeasure]:
    """How the source's claims cover the human ones, and the other way round."""
    yield figures.measure("claims_per_response", ratio(Item(one.response.cluster, len(one.claims)) for one in compared))
    if is_human(config.claims):
        return
    yield figures.measure("human_claims_per_response", ratio(Item(one.response.cluster, len(one.human)) for one in compared))
    own = (Item(one.response.cluster, bool(match.human_claim_id)) for one in compared for match in one.matches)
    yield figures.measure("claims_near_a_human_one", share(own))
    found = (Item(one.response.cluster, nearest(claim, one.claims).overlap >= config.near) for one in compared for claim in one.human)
    yield figures.measure("human_claims_near_one", share(found))


def _outcome(
    config: CalibrateConfig, source: Source, draft: Draft, measures: Sequence[CardMeasure], held_out: Sequence[HeldOut], usage: Mapping[str, Any]
) -> Outcome:
    on, by_id = basis(config, source), {one.id: one for one in measures}
    summary: dict[str, Any] = {"judge": on.judge, "claims": on.claims, "judge_key": on.judge_key, "claims_key": on.claims_key}
    summary |= {"irrelevant": config.irrelevant, "labelled_responses": by_id["bias"].n_items, "estimator": DEFAULT}
    summary |= {one.id: one.value for one in measures} | {f"coverage_{one.id}": one.coverage for one in held_out}
    counts = {"without_labels": len(source.rejects), **counts_of(draft)}
    if source.judge is not None:
        counts |= judging.require_scored(draft, config.judge)
    return Outcome(_headline(on, by_id, held_out), summary, counts, usage, figures.table_of(by_id, held_out))


def _headline(on: Basis, measures: Mapping[str, CardMeasure], held_out: Sequence[HeldOut]) -> str:
    who = f"{on.judge} on {on.claims} claims" if on.judge != LABELS else f"{on.claims} claims without a judge,"
    told = [f"{who} of {measures['bias'].n_items} labelled responses"]
    name, what = ("balanced_accuracy", "balanced accuracy") if on.judge != LABELS else ("human_claims_near_one", "share of human claims with one near")
    if (shown := measures[name].value) is not None:
        told.append(f"{what} {shown:.3f}")
    if (bias := measures["bias"].value) is not None:
        told.append(f"score {100 * bias:+.1f} points from the humans'")
    told += [f"corrected, {100 * one.coverage:.0f}% of held-out halves covered" for one in held_out if one.id == DEFAULT and one.coverage is not None]
    return "; ".join(told)
