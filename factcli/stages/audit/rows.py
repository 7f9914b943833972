"""The training rows of a data set: short ones that can be asked, long ones that are judged by their facts, and what is neither."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.errors import InputError
from factcli.judge.truths import facts_of
from factcli.knowledge.benchmarks.limit import part_of
from factcli.knowledge.task_files import examples_of_file
from factcli.rows import Chat, Reject
from factcli.stages.audit.settings import AuditConfig
from factcli.world.people import keyed_rng

FICTITIOUS = "fictitious: no model knows it"
BEYOND = "beyond the limit"
PARTLY = "a long answer with facts beyond the limit"
LONG = "a long answer whose facts no short row asks for"


@dataclass(frozen=True, slots=True)
class Source:
    """A data set. `short` are asked; `long` follow from the short rows of their facts; `left_out`: row id -> why it is neither.

    With a limit `short` is drawn from `pool`, all rows that can be asked: what each is asked with does not depend on the limit.
    """

    name: str
    chats: tuple[Chat, ...]  # of the split train
    short: tuple[Chat, ...]
    pool: tuple[Chat, ...]
    long: tuple[Chat, ...]
    left_out: Mapping[str, str]
    accepted: Mapping[str, tuple[str, ...]]  # of short rows, every spelling that is right
    forms: Mapping[str, tuple[str, ...]]  # of short rows, their question and all others that ask for the same fact
    artifact: Artifact | None = None
    rejects: tuple[Reject, ...] = ()
    pinned: Mapping[str, str] = field(default_factory=dict)  # input file -> sha256


def of_artifact(config: AuditConfig, artifact: Artifact) -> Source:
    """Raises InputError for an artifact without task rows."""
    if not artifact.manifest.tables.get("chats"):
        raise InputError(f"{artifact.ref} has no task rows", "`fact synth bio` and `fact synth qa` write some; or give JSONL of question and answer")
    chats = tuple(chat for chat in artifact.rows("chats", Chat) if chat.split == "train")
    return _sorted(config, artifact.ref, chats, facts_of([artifact]).accepted, artifact, (), {})


def of_file(config: AuditConfig, path: Path) -> Source:
    """The examples of a file, of which nothing but question and answer is known."""
    examples, rejects = examples_of_file(path)
    chats = tuple(Chat(e.id, "qa", e.question, e.answer, e.id, (), 0, False, "head", "train") for e in examples if e.split == "train")
    return _sorted(config, path.name, chats, {}, None, rejects, {f"data {path.name}": sha256_of_file(path)})


def _sorted(
    config: AuditConfig,
    name: str,
    chats: tuple[Chat, ...],
    accepted: Mapping[str, tuple[str, ...]],
    artifact: Artifact | None,
    rejects: tuple[Reject, ...],
    pinned: Mapping[str, str],
) -> Source:
    left_out = {chat.id: FICTITIOUS for chat in chats if chat.fictitious and not config.fictitious}
    asked = [chat for chat in chats if chat.id not in left_out]
    pool = [chat for chat in asked if chat.task == "qa" and len(chat.answer.split()) <= config.longest]
    ids = {chat.id for chat in pool}
    long = [chat for chat in asked if chat.id not in ids]
    short = part_of(pool, config.limit, lambda chat: chat.id, (config.seed, "audit limit"))  # of rows, so that they spread over the subjects as the set does
    drawn = {chat.id for chat in short}
    left_out |= {chat.id: BEYOND for chat in pool if chat.id not in drawn}
    if not short:
        ways = "see --set longest=..., fictitious=true; of long answers `fact score confidence --answers FILE --sampler MODEL` says how sure a model is"
        raise InputError(f"{name} has no row with a short answer to ask ({len(chats)} training rows)", ways)
    spellings = {chat.id: accepted.get(chat.id) or (chat.answer,) for chat in short}
    return Source(name, chats, short, tuple(pool), tuple(long), left_out, spellings, _forms(pool), artifact, rejects, pinned)


def _forms(rows: Sequence[Chat]) -> dict[str, tuple[str, ...]]:
    """Each row's own question first."""
    by_fact: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in rows:
        by_fact[row.fact_ids].append(row.question)
    return {row.id: tuple(dict.fromkeys([row.question, *(by_fact[row.fact_ids] if row.fact_ids else ())])) for row in rows}


class Examples:
    """Draws examples for a row: of other subjects, where there are enough about the same relation, as the paper has it."""

    def __init__(self, rows: Sequence[Chat], config: AuditConfig) -> None:
        self._rows = rows
        self._config = config
        self._by_relation: dict[str, list[Chat]] = defaultdict(list)
        for row in rows:
            self._by_relation[relation_of(row)].append(row)

    def of(self, row: Chat, number: int) -> tuple[Chat, ...]:
        """The set `number` of a row; fewer than wanted where the data have no more."""
        shots = self._config.shots
        alike = [one for one in self._by_relation[relation_of(row)] if one.subject != row.subject]
        pool = alike if len(alike) >= shots else [one for one in self._rows if one.subject != row.subject]
        return tuple(keyed_rng(self._config.seed, "audit", row.id, str(number)).sample(pool, min(shots, len(pool))))


def relation_of(row: Chat) -> str:
    """Of a row about one fact; "" for others."""
    return row.fact_ids[0].rpartition(".")[2] if len(row.fact_ids) == 1 else ""
