"""The claims of one answer, and what is known of each: by a world's ledger and its exact reader, or by a knowledge pack and a judge."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from factcli.artifact import Artifact
from factcli.backends.chains import UnansweredError, run_chains
from factcli.backends.opening import Backend
from factcli.errors import InputError
from factcli.flows.chat.speaking import Spoken
from factcli.judge.claims import rules, subject
from factcli.judge.claims.splitting import splitter
from factcli.judge.entailers import loaded
from factcli.judge.ledger import Ruling, judge_biography, judge_value
from factcli.judge.responses import worded
from factcli.judge.verdicts.asking import Asking, asker_of, one_claim
from factcli.judge.verdicts.deciding import EntailmentJudging
from factcli.judge.verdicts.judges import EntailmentJudge, LanguageJudge
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.judge.verdicts.showing import Showing, Shown
from factcli.knowledge.evidence import Evidence
from factcli.knowledge.ledger import Ledger, evidence
from factcli.rows import Answer, Fact, Person
from factcli.scorerows import AnswerClaim, ScoredAnswer
from factcli.world.grammar import question_forms
from factcli.world.people import RELATION_NAMES

Verdict = Literal["supported", "unsupported", "no evidence"]
CAPITALISED = re.compile(r"[A-Z][\w'’.-]*(?: (?:of|the|de|van|von|da|al|bin|la|le) [A-Z][\w'’.-]*| [A-Z][\w'’.-]*)*")
NOBODY = "nobody is named whom the ledger knows"
NO_ENTRY = "the ledger has no entry"


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """One claim of an answer. `evidence`: what it was held against, a line each; `confidence`: of its value, None where none is given."""

    text: str
    verdict: Verdict
    reason: str  # why there is no evidence; "" otherwise
    confidence: float | None
    evidence: tuple[str, ...]


class Judging(Protocol):
    """`versions`: of the invented facts that are plugged in; the real ones are version 0 and always hold."""

    def judged(self, question: str, said: Spoken, versions: Sequence[int]) -> tuple[JudgedClaim, ...]: ...


class NoJudging:
    """Where there is neither a world nor a pack: nothing is said of claims."""

    def judged(self, question: str, said: Spoken, versions: Sequence[int]) -> tuple[JudgedClaim, ...]:  # noqa: ARG002 - Judging's
        return ()


class LedgerJudging:
    """The facts of a world, and of invented people those of the versions that are plugged in."""

    def __init__(self, sources: Sequence[Artifact]) -> None:
        self._facts = [fact for source in sources for fact in source.rows("facts", Fact)]
        self._people: dict[str, str] = {}  # id -> name
        for source in sources:
            self._people |= {person.id: person.name for person in source.rows("people", Person)}
        by_length = sorted(self._people, key=lambda id_: -len(self._people[id_]))
        self._named = [(re.compile(rf"(?<!\w){re.escape(self._people[id_])}(?!\w)", re.IGNORECASE), id_) for id_ in by_length]
        self._ledgers: dict[tuple[int, ...], Ledger] = {}

    def judged(self, question: str, said: Spoken, versions: Sequence[int]) -> tuple[JudgedClaim, ...]:
        found = worded(said.text)
        if found.type == "unknown":
            return ()
        person = next((id_ for pattern, id_ in self._named if pattern.search(question)), None)
        if person is None:
            return (JudgedClaim(said.text, "no evidence", NOBODY, said.confidence(found.start, found.end), ()),)
        ledger = self._ledger(tuple(versions))
        relation = _relation_asked(question, self._people[person])
        if relation is not None:
            value = said.text[found.start : found.end]
            return (self._of_value(value, person, relation, ledger, said.confidence(found.start, found.end)),)
        return tuple(self._of_biography(question, said, person, ledger))

    def _of_value(self, value: str, person: str, relation: str, ledger: Ledger, confidence: float | None) -> JudgedClaim:
        name = self._people[person]
        text = f"{name}, {relation.replace('_', ' ')}: {value}"
        fact = ledger.lookup(person, relation)
        if fact is None:
            return JudgedClaim(text, "no evidence", NO_ENTRY, confidence, ())
        return _judged(text, judge_value(value, fact), confidence, (evidence(fact, name),))

    def _of_biography(self, question: str, said: Spoken, person: str, ledger: Ledger) -> list[JudgedClaim]:
        name = self._people[person]
        answer = Answer("chat", "chat", "bio", person, "", question, said.text, 0.0, False, None, None)
        by_id = {fact.id: fact for fact in ledger.facts().values()}
        claims = judge_biography(answer, name, ledger, lambda start, end: said.confidence(start, end) or 0.0)
        judged = []
        for claim in claims:
            lines = (evidence(by_id[claim.evidence], name),) if claim.evidence in by_id else ()
            sure = claim.confidence if said.confidence(claim.start, claim.end) is not None else None
            judged.append(_judged(claim.text, Ruling(claim.verdict, claim.reason, claim.evidence), sure, lines))
        return judged

    def _ledger(self, versions: tuple[int, ...]) -> Ledger:
        """Where two plugged versions differ, the one that was plugged in first holds."""
        if versions not in self._ledgers:
            held: dict[tuple[str, str], Fact] = {}
            for version in (0, *versions):
                for fact in self._facts:
                    if fact.version == version:
                        held.setdefault((fact.subject, fact.relation), fact)
            self._ledgers[versions] = Ledger(held.values())
        return self._ledgers[versions]


def _judged(text: str, ruling: Ruling, confidence: float | None, lines: tuple[str, ...]) -> JudgedClaim:
    if ruling.verdict in ("supported", "unsupported"):
        return JudgedClaim(text, ruling.verdict, "", confidence, lines)  # type: ignore[arg-type]  # both are verdicts here
    return JudgedClaim(text, "no evidence", ruling.reason, confidence, lines)


def _relation_asked(question: str, name: str) -> str | None:
    """What a question in one of the grammar's forms is about."""
    asked = _plain(question)
    for relation in RELATION_NAMES:
        for is_heldout in (False, True):
            if any(_plain(form.render(name)) == asked for form in question_forms(relation, is_heldout)):
                return relation
    return None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?.! ")


@dataclass(slots=True)
class PackJudging:
    """Passages of a knowledge pack (or none, for a judge that goes by what it knows), and one judge."""

    pack: Evidence | None
    judge: LanguageJudge | EntailmentJudge
    config: JudgeConfig
    _opened: Backend | None = None
    _entailing: EntailmentJudging | None = None

    def judged(self, question: str, said: Spoken, versions: Sequence[int]) -> tuple[JudgedClaim, ...]:  # noqa: ARG002 - Judging's
        if worded(said.text).type == "unknown":
            return ()
        answer = ScoredAnswer("chat", "chat", question, self._topic(question), said.text)
        claims = _claims(answer)
        shown = Showing(self.pack, self.config).of(answer, claims)
        by_id = {passage.id: f"{passage.title}: {passage.text}" for passage in shown.passages}
        rulings = self._by_entailment(claims, shown) if isinstance(self.judge, EntailmentJudge) else self._by_asking(answer, claims, shown, self.judge)
        return tuple(
            _judged(claim.text, ruling, said.confidence(claim.start, claim.end), tuple(by_id[id_] for id_ in ids))
            for claim, (ruling, ids) in zip(claims, rulings, strict=True)
        )

    def _topic(self, question: str) -> str:
        """The longest capitalised name in the question that is the title of a page; "" looks everywhere."""
        if self.pack is None:
            return ""
        names = sorted(set(CAPITALISED.findall(question)), key=len, reverse=True)
        return next((name for name in names if self.pack.find_page(name).match not in ("absent", "fuzzy")), "")

    def _by_entailment(self, claims: Sequence[AnswerClaim], shown: Shown) -> list[tuple[Ruling, tuple[str, ...]]]:
        assert isinstance(self.judge, EntailmentJudge)
        if self._entailing is None:
            self._entailing = EntailmentJudging(loaded(self.judge.ref), self.config)
        weighed = self._entailing.weighed([(claim, shown) for claim in claims])
        return [(Ruling(one.opinion.verdict, one.opinion.reason, ""), one.evidence) for one in weighed]

    def _by_asking(self, answer: ScoredAnswer, claims: Sequence[AnswerClaim], shown: Shown, judge: LanguageJudge) -> list[tuple[Ruling, tuple[str, ...]]]:
        if self._opened is None:
            self._opened = judge.who.open()
        asking = Asking(judge, asker_of(judge, self.config), self.config, answer, shown)
        found: dict[str, tuple[Ruling, tuple[str, ...]]] = {}
        for id_, rows in run_chains(self._opened.generate, ((claim.id, one_claim(asking, claim)) for claim in claims)):
            if isinstance(rows, UnansweredError):
                found[id_] = (Ruling("unscored", f"the judge gave no answer: {rows.response.cause}", ""), ())
            else:
                (row,) = rows["verdicts"]
                found[id_] = (Ruling(row.verdict, row.reason, ""), row.evidence)
        return [found[claim.id] for claim in claims]


def _claims(answer: ScoredAnswer) -> list[AnswerClaim]:
    """By rule, without a model; a short answer is a claim only beside its question."""
    sentences = splitter().split(answer.text)
    pronoun = subject.pronoun_of(one.text for one in sentences) if answer.topic else ""
    found = [(text, place, one) for place, one in enumerate(sentences) for text in rules.claims_of(one.text)]
    is_short = len(sentences) == 1 and len(answer.text.split()) < rules.HEADING
    if is_short or not found:
        return [AnswerClaim("chat.c0", "chat", f"{answer.prompt} {answer.text}", 0, 0, len(answer.text), "rules")]
    return [
        AnswerClaim(f"chat.c{number}", "chat", subject.resolved(text, answer.topic, pronoun), place, one.start, one.end, "rules")
        for number, (text, place, one) in enumerate(found)
    ]


def ledger_of(sources: Mapping[str, Artifact]) -> LedgerJudging:
    """Of a world, and the data in which people were invented. Raises InputError where there are no facts about people."""
    holding = [artifact for artifact in sources.values() if artifact.manifest.tables.get("facts") and artifact.manifest.tables.get("people")]
    if not holding:
        raise InputError("there are no facts about people to hold answers against", "name a world that `fact world` made: --world REF")
    return LedgerJudging(holding)
