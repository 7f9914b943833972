"""A later score corrected by the newest card of the same judge and the same source of claims.

A stage that scores with a judge calls `attached` with each response's share of supported claims (no length penalty: humans were
asked for none) and puts what it gives into its summary. The judge is the same where its identity and all settings of judging are;
passages may be others, for a card is made on the pages of its labelled topics: then `is_same_evidence` is false.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of
from factcli.artifact.read import survey
from factcli.backends.opening import Answering
from factcli.cardrows import CardResponse
from factcli.config import identity_of
from factcli.judge.cards.figures import DEFAULT, both_of
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.verdicts.judges import Judge
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.stats.corrected import ESTIMATORS, Corrected, Judged

LABELS = "labels"  # the judge of a card without one: human labels, handed on to the nearest claims
AMONG_JUDGES = ("combine",)  # a setting that changes no single judge's verdicts


@dataclass(frozen=True, slots=True)
class Basis:
    """What a card and a score must share. `judge` and `claims` are names, the keys digests of what they stand for."""

    judge: str
    claims: str
    judge_key: str
    claims_key: str


def basis_of(judge: Judge | None, judging: JudgeConfig, claims: ClaimsConfig, who: Answering | None) -> Basis:
    """`who` takes answers apart; None where no model does. `judge` None: the labels themselves."""
    settings = {name: value for name, value in identity_of(judging).items() if name not in AMONG_JUDGES}
    judge_key = sha256_of([dict(judge.identity), settings])[:20] if judge is not None else ""
    return Basis(judge.name if judge is not None else LABELS, _source(claims, who), judge_key, _claims_key(claims, who))


def _source(claims: ClaimsConfig, who: Answering | None) -> str:
    if claims.source == "given":
        return "human" if claims.annotator == "human" else "given"
    return f"model {who.endpoint.name}" if who is not None else claims.source


def _claims_key(claims: ClaimsConfig, who: Answering | None) -> str:
    """Given claims are what they are; whoever else takes answers apart does so by all its settings but those of abstention."""
    if claims.source == "given":
        return sha256_of([claims.source, claims.annotator])[:20]
    settings = {name: value for name, value in identity_of(claims).items() if name not in ("annotator", "abstention")}
    return sha256_of([settings, dict(who.identity) if who is not None else {}])[:20]


def find_card(root: Path, basis: Basis) -> Artifact | None:
    """The newest card of this judge and this source of claims; damaged ones do not count."""
    for artifact in survey(root)[0]:
        summary = artifact.summary
        if artifact.kind == "card" and (summary.get("judge_key"), summary.get("claims_key")) == (basis.judge_key, basis.claims_key):
            return artifact
    return None


def corrected_by(card: Artifact, judged: Sequence[Judged], estimator: str = DEFAULT) -> Corrected:
    """What humans would say of these answers on average, with its 95% interval."""
    return ESTIMATORS[estimator](both_of(card.rows("responses", CardResponse)), judged, "answers")


def attached(root: Path, basis: Basis, judged: Iterable[tuple[str, float | None]], evidence: Artifact | None = None) -> dict[str, Any]:
    """For the summary of a score, {} where there is no card. `judged`: (topic or prompt, share of supported claims) of each response.

    Responses without a share (abstained, nothing scored) are left out, as they are of the score itself.
    """
    card = find_card(root, basis)
    if card is None:
        return {}
    found = corrected_by(card, [Judged(cluster, value) for cluster, value in judged if value is not None])
    told = {"card": card.ref, "estimator": found.estimator, "human_score": found.value, "low": found.low, "high": found.high}
    told |= {"n_labelled": found.n_labelled, "n_judged": found.n_judged, "reason": found.reason}
    return told | {"irrelevant": card.summary.get("irrelevant"), "is_same_evidence": _same(card, evidence)}


def _same(card: Artifact, evidence: Artifact | None) -> bool:
    known: Mapping[str, Any] = card.manifest.inputs
    recorded = known["pack"].digest if "pack" in known else None
    return recorded == (evidence.digest if evidence is not None else None)
