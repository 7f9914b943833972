"""Judges that ask nobody: an entailment model in this process, and the ledger of a world."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.answers import normalise
from factcli.judge.entailment import Entailer, Entailment
from factcli.judge.ledger import Ruling, judge_claim, judge_value
from factcli.judge.verdicts.quoting import EMPTY, line
from factcli.judge.verdicts.reading import Opinion, unscored
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.judge.verdicts.showing import Shown
from factcli.knowledge.ledger import Ledger
from factcli.rows import Fact, Person
from factcli.scorerows import AnswerClaim, EvidencePassage, ScoredAnswer

TOO_LONG = "too long for the entailment model"
NEEDS_PASSAGES = "an entailment model judges by passages only"
NOBODY = "nobody of the world is meant"


class Weighed(NamedTuple):
    """An opinion and the ids of what it stands on."""

    opinion: Opinion
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntailmentJudging:
    """Each passage is held against each claim; the one that supports it most decides, as a claim needs one source only."""

    entailer: Entailer
    config: JudgeConfig

    def weighed(self, claims: Sequence[tuple[AnswerClaim, Shown]]) -> list[Weighed]:
        """One for each claim, in their order; all pairs are judged together."""
        texts = [line(claim.text) for claim, _ in claims]
        passages = [shown.of(claim.id, self.config.k) for claim, shown in claims]
        lacks = [self._lack(text, shown, of_claim) for text, (_, shown), of_claim in zip(texts, claims, passages, strict=True)]
        pairs = [(premise(one), text) for text, of_claim, lack in zip(texts, passages, lacks, strict=True) if not lack for one in of_claim]
        judged = self.entailer.judge(pairs)
        return [self._weighed(lack, of_claim, judged) for lack, of_claim in zip(lacks, passages, strict=True)]

    def _lack(self, text: str, shown: Shown, passages: Sequence[EvidencePassage]) -> str:
        if not text:
            return EMPTY
        if shown.is_closed_book:
            return NEEDS_PASSAGES
        return shown.lack(passages) or ("" if self.entailer.fits(text) else TOO_LONG)

    def _weighed(self, lack: str, passages: Sequence[EvidencePassage], judged: Iterator[Entailment]) -> Weighed:
        if lack:
            return Weighed(unscored(lack), ())
        best = max(next(judged).entails for _ in passages)
        verdict = "supported" if best > self.config.threshold else "unsupported"
        return Weighed(Opinion(verdict, "", best), tuple(passage.id for passage in passages))  # type: ignore[arg-type]  # both are verdicts


def premise(passage: EvidencePassage) -> str:
    """Title and text: a passage from the middle of a page mostly says `she`."""
    return f"{passage.title}: {passage.text}" if passage.title else passage.text


class WorldJudging:
    """The ledger of a world, and who is meant by what name."""

    def __init__(self, world: Artifact) -> None:
        if not {"facts", "people"} <= {name for name, n_rows in world.manifest.tables.items() if n_rows}:
            raise InputError(f"{world.ref} has no facts about people", "the judge `world` needs one that `fact world` made")
        facts = list(world.rows("facts", Fact))
        self._ledger = Ledger(facts)
        self._facts = {fact.id: fact for fact in facts}
        self._names = {person.id: person.name for person in world.rows("people", Person)}
        self._ids = {normalise(name): id_ for id_, name in self._names.items()}

    def weighed(self, answer: ScoredAnswer, claim: AnswerClaim) -> Weighed:
        """What the grammar reads is looked up; of a short answer the value itself is compared."""
        subject = answer.subject if answer.subject in self._names else self._ids.get(normalise(answer.topic), "")
        if not subject:
            return Weighed(unscored(NOBODY), ())
        ruling = judge_claim(claim.text, self._names[subject], subject, self._ledger)
        fact = self._asked_about(answer)
        if ruling.verdict == "unscored" and fact is not None:
            ruling = judge_value(claim.text, fact)
        return _weighed(ruling)

    def _asked_about(self, answer: ScoredAnswer) -> Fact | None:
        """The fact of a question about one: ids grow by suffix, so it is among the ancestors of the question's."""
        if answer.task != "qa":
            return None
        parts = answer.prompt_id.split(".")
        return next((fact for n in range(len(parts), 0, -1) if (fact := self._facts.get(".".join(parts[:n])))), None)


def _weighed(ruling: Ruling) -> Weighed:
    probability = {"supported": 1.0, "unsupported": 0.0}.get(ruling.verdict)
    return Weighed(Opinion(ruling.verdict, ruling.reason, probability), (ruling.evidence,) if ruling.evidence else ())
