"""What a model believes, by its own answers: short ones by how many of its samples agree, long ones claim by claim."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from factcli.answerrows import Sample
from factcli.judge.clusters import clusters_of, words_of
from factcli.scorerows import AnswerClaim, UnitConfidence

Measure = Literal["samp_conf", "max_conf"]


@dataclass(frozen=True, slots=True)
class Belief:
    """A unit of an answer, a claim or a short answer as a whole. `confidence` None: nothing was measured, and the reason says why."""

    id: str
    text: str
    confidence: float | None
    reason: str = ""


def of_samples(samples: Sequence[Sample]) -> Belief | None:
    """The answer that most of the drawn samples give, with their share (self-consistency); of equals the first.

    Samples that say nothing or were cut agree with none, and count. None where no other is left.
    """
    drawn = [sample for sample in samples if not sample.is_reference]
    said = [sample.text if sample.outcome == "ok" else "" for sample in drawn]
    groups = [group for group in clusters_of(said) if words_of(group.first)]
    if not groups:
        return None
    most = max(groups, key=lambda group: len(group.members))  # max takes the first of equals
    return Belief(drawn[most.members[0]].id, most.first, len(most.members) / len(drawn))


def of_claims(claims: Iterable[AnswerClaim], confidences: Mapping[str, UnitConfidence], measure: Measure) -> list[Belief]:
    """Each claim of an answer with its confidence, in order; one that repeats another is left to that."""
    beliefs = []
    for claim in claims:
        if claim.mark == "duplicate":
            continue
        row = confidences.get(claim.id)
        value = getattr(row, measure) if row else None
        beliefs.append(Belief(claim.id, claim.text, value, "" if value is not None else row.reason if row and row.reason else f"no {measure}"))
    return beliefs


@dataclass(frozen=True, slots=True)
class Sorted:
    """Units that are believed, and those that are not with the reason why not."""

    kept: tuple[Belief, ...]
    left_out: tuple[tuple[Belief, str], ...]

    @property
    def confidence(self) -> float | None:
        """Mean over what was kept."""
        known = [belief.confidence for belief in self.kept if belief.confidence is not None]
        return fmean(known) if known else None


def sorted_by(beliefs: Iterable[Belief], least: float) -> Sorted:
    """Believed is what has a confidence of at least `least`; what has none is not."""
    kept, left_out = [], []
    for belief in beliefs:
        if belief.confidence is None:
            left_out.append((belief, "no confidence"))
        elif belief.confidence < least:
            left_out.append((belief, "below the threshold"))
        else:
            kept.append(belief)
    return Sorted(tuple(kept), tuple(left_out))
