"""From one answer with its verdicts to its rows of `scores`: one per score, always, None with a reason where there is no value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from factcli.judge.scores.aggregate import Counts, count, f1_at_k, penalised, precision, precision_of_relevant
from factcli.judge.scores.robust import JudgedClaim, robust
from factcli.rows import Verdict
from factcli.scorerows import Score

# factscore: FActScore's score of a response, precision x length penalty; precision: S / (S + NS + IR), its init_score;
# precision_of_relevant: S / (S + NS); f1_at_k: that and recall at K; robust: what tricks cannot raise
NAMES = ("factscore", "precision", "precision_of_relevant", "f1_at_k", "robust")
NO_CLAIM = "no claim: counted as an abstention"
ABSTAINS = "abstains"
ALL_UNSCORED = "every claim is unscored"
NONE_RELEVANT = "every claim is irrelevant or unscored"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer to be scored."""

    id: str
    prompt_id: str
    prompt: str
    topic: str
    cluster: str  # what is redrawn for intervals: answers about one topic are right or wrong together
    group: str
    claims: tuple[JudgedClaim, ...] = ()
    abstention: str = ""  # which detector took it for one; it then has no claims
    failure: str = ""  # why nothing is known about it, e.g. no usable answer of the model that reads claims
    no_claim: str = ""  # why it has none, where that is known

    @property
    def counts(self) -> Counts:
        return count(claim.verdict for claim in self.claims)

    @property
    def is_saying(self) -> bool:
        """Whether FActScore takes it for a response: it does not abstain and has claims."""
        return bool(self.claims)

    def if_unscored(self, verdict: Verdict) -> "Response":
        """The same, were all its unscored claims of this verdict."""
        claims = tuple(claim._replace(verdict=verdict) if claim.verdict == "unscored" else claim for claim in self.claims)
        return replace(self, claims=claims)


class Terms(NamedTuple):
    """What scores are computed with."""

    gamma: float
    k: int  # supported claims of a full answer


def values_of(response: Response, terms: Terms) -> Mapping[str, float | None]:
    """Its value by score. An answer that says nothing has a robust score alone, 0; one that failed has none."""
    if response.failure:
        return dict.fromkeys(NAMES)
    counts = response.counts
    return {
        "factscore": penalised(counts, terms.gamma),
        "precision": precision(counts),
        "precision_of_relevant": precision_of_relevant(counts),
        "f1_at_k": f1_at_k(counts, terms.k),
        "robust": robust(response.claims, response.topic, response.prompt, terms.k),
    }


def score_rows(response: Response, terms: Terms) -> Sequence[Score]:
    """One row per score."""
    counts = response.counts
    rows = []
    for name, value in values_of(response, terms).items():
        reason = _reason(response, counts) if value is None else ""
        rows.append(Score(f"{response.id}.{name}", response.id, response.prompt_id, name, value, reason, counts.n, counts.unscored))
    return rows


def _reason(response: Response, counts: Counts) -> str:
    if response.failure:
        return f"failed: {response.failure}"
    if response.abstention:
        return f"{ABSTAINS} ({response.abstention})"
    if not counts.n:
        return f"{NO_CLAIM} ({response.no_claim})" if response.no_claim else NO_CLAIM
    return ALL_UNSCORED if counts.unscored == counts.n else NONE_RELEVANT
