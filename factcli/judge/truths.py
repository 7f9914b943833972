"""How true answers are where that is known: by labels that somebody gives, or by the facts that the questions were made from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.judge.answers import grade_answer
from factcli.judge.ledger import judge_biography
from factcli.knowledge.entries import Entry, id_of, json_entries, none_usable, sorted_out
from factcli.knowledge.ledger import Ledger
from factcli.rows import Answer, Chat, Fact, Person, Question, Reject
from factcli.scorerows import ScoredAnswer
from factcli.textfiles import BadEntryError

NEEDED = "JSONL with `id` (of an answer or of a prompt) and `truth`: true, false, right, wrong, S, NS, or a share 0..1"
WORDS = {"right": 1.0, "correct": 1.0, "true": 1.0, "yes": 1.0, "s": 1.0, "wrong": 0.0, "incorrect": 0.0, "false": 0.0, "no": 0.0, "ns": 0.0}
FIELDS = ("truth", "correct", "is_correct", "label")


@dataclass(frozen=True, slots=True)
class Labels:
    """Truths of a file by id, and the lines that are none."""

    by_id: Mapping[str, float]
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the questions were made from: accepted answers by prompt, and a ledger for what is told of a subject."""

    accepted: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str] = field(default_factory=dict)  # of the subjects in the ledger
    ledger: Ledger | None = None


def labels_of_file(path: Path) -> Labels:
    """One truth per id. Raises InputError where there is none; an id with two different truths is an error too."""
    kept, rejects = sorted_out(json_entries(path), _label)
    by_id: dict[str, float] = {}
    for entry, (id, truth) in kept:
        if by_id.setdefault(id, truth) != truth:
            raise InputError(f"{path}, {entry.place} calls {id} another than before", "one truth for each id")
    if not by_id:
        raise none_usable(path, rejects, NEEDED)
    return Labels(by_id, tuple(rejects))


def _label(entry: Entry) -> tuple[str, float]:
    value = entry.value
    if not isinstance(value, dict) or "id" not in value:
        raise BadEntryError("no id")
    given = next((value[name] for name in FIELDS if value.get(name) is not None), None)
    return id_of(value["id"]), _truth(given)


def _truth(given: Any) -> float:
    truth = WORDS.get(given.strip().lower()) if isinstance(given, str) else given
    if not isinstance(truth, bool | int | float) or not 0 <= truth <= 1:
        raise BadEntryError("no truth: need true, false, right, wrong, S, NS, or a share 0..1")
    return float(truth)


def sources_of_facts(ancestors: Iterable[Artifact]) -> dict[str, Artifact]:
    """Those of the ancestors that know answers, by the role that they have: the data, and the world."""
    return {artifact.kind: artifact for artifact in ancestors if artifact.kind in ("synth", "world") and _has_answers(artifact)}


def _has_answers(artifact: Artifact) -> bool:
    return any(artifact.manifest.tables.get(table) for table in ("chats", "questions"))


def facts_of(sources: Iterable[Artifact]) -> Facts:
    """All that they know. Of fictitious subjects the ledger says nothing: their facts have versions."""
    accepted: dict[str, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    facts: dict[str, Fact] = {}
    for artifact in sources:
        tables = artifact.manifest.tables
        own = {fact.id: fact for fact in artifact.rows("facts", Fact)} if tables.get("facts") else {}
        facts |= {id: fact for id, fact in own.items() if not fact.fictitious}
        if tables.get("people"):
            names |= {person.id: person.name for person in artifact.rows("people", Person)}
        if tables.get("questions"):
            accepted |= {row.id: row.answers for row in artifact.rows("questions", Question) if row.answers}
        if tables.get("chats"):
            accepted |= {row.id: _spellings(row, own) for row in artifact.rows("chats", Chat) if row.task == "qa"}
    return Facts(accepted, names, Ledger(facts.values()) if facts else None)


def _spellings(chat: Chat, facts: Mapping[str, Fact]) -> tuple[str, ...]:
    aliases = (alias for id in chat.fact_ids if id in facts and facts[id].value == chat.answer for alias in facts[id].aliases)
    return (chat.answer, *aliases)


def truth_of(answer: ScoredAnswer, facts: Facts) -> float | None:
    """1 right, 0 wrong; of a biography the share of its judged claims that are supported. None for an abstention, or where nothing is known."""
    if answer.prompt_id in facts.accepted:
        grade = grade_answer(answer.text, facts.accepted[answer.prompt_id]).grade
        return None if grade == "abstained" else float(grade == "right")
    if answer.task != "bio" or facts.ledger is None or answer.subject not in facts.names or not answer.text:
        return None
    told = Answer(answer.id, answer.prompt_id, "bio", answer.subject, answer.group, answer.prompt, answer.text, 1.0, False, None, None)
    verdicts = [claim.verdict for claim in judge_biography(told, facts.names[answer.subject], facts.ledger, lambda *_: 1.0)]
    n_judged = sum(verdict in ("supported", "unsupported") for verdict in verdicts)
    return verdicts.count("supported") / n_judged if n_judged else None


@dataclass(frozen=True, slots=True)
class Truths:
    """Truth of answers and prompts. `is_known`: whether there is any source of truth at all."""

    labels: Mapping[str, float] = field(default_factory=dict)
    facts: Facts | None = None

    @property
    def is_known(self) -> bool:
        return bool(self.labels) or self.facts is not None

    def of_answer(self, answer: ScoredAnswer) -> float | None:
        """By its label, else by the facts."""
        if answer.id in self.labels:
            return self.labels[answer.id]
        return truth_of(answer, self.facts) if self.facts is not None else None

    def of_prompt(self, prompt_id: str, answers: Sequence[ScoredAnswer]) -> float | None:
        """By its label; else by its accepted answers, where an answer that declines counts as not right: it does not know; else the mean of
        those of its answers that have a truth.
        """
        if prompt_id in self.labels:
            return self.labels[prompt_id]
        truths = [self.of_answer(answer) for answer in answers]
        if self.facts is not None and prompt_id in self.facts.accepted:
            truths = [truth or 0.0 for truth in truths]
        known = [truth for truth in truths if truth is not None]
        return sum(known) / len(known) if known else None
