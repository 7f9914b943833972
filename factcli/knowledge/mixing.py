"""Several data sets mixed into one training set: so much of each, counted, drawn by seed and row (`fact sft --mix`).

The original kept one fraction per data set but one entry per data set and split, and zipped them: a second split of a data set was
dropped without a word (spec §7.9). Here a fraction belongs to a data set and a part of it, and each is counted by itself.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import TypeVar

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.errors import InputError, SettingsError
from factcli.knowledge.task_files import examples_of_file
from factcli.prompts import load, quoted
from factcli.rows import Chat, Reject
from factcli.topicrows import MixtureExample

READ, TERSE_READ = "wiki/read", "wiki/terse_read"  # how `fact synth wiki` asks with the document
PARTS = ("train", "dev", "with-document", "closed-book")
ALL_OF_TRAIN = "train"
Choose = Callable[[list[Chat]], list[Chat]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A row to train on that comes from a mixed data set: a question, and the answer that carries the loss."""

    id: str  # begins with its source, so that no two data sets have one
    task: str
    question: str
    answer: str
    subject: str
    version: int = 0
    fictitious: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A data set, an artifact or a file, and how much of which of its parts is taken. `label`: its name, or its file's."""

    label: str
    fractions: Mapping[str, float]  # part -> share of its rows; above 1 whole passes, then a share
    artifact: Artifact | None = None
    file: Path | None = None

    @property
    def names(self) -> dict[str, float]:
        """As the settings of the artifact keep it: no path of this machine."""
        return {f"{self.label}:{part}": fraction for part, fraction in self.fractions.items()}


@dataclass(frozen=True, slots=True)
class Mixed:
    """The rows in the order of their sources, how many of each part were taken of how many, and what a file held that is none."""

    rows: tuple[TaskRow, ...]
    counts: Mapping[str, Mapping[str, int]]  # "bio:train" -> rows taken, of
    rejects: tuple[Reject, ...]


def sources_of(mix: Mapping[str, float], find: Callable[[str], Artifact | None]) -> tuple[Source, ...]:
    """What each name of the mix stands for. `find` gives the artifact of a name, None for what is no artifact and so a file.

    Raises SettingsError for a part that is none, two fractions of one part, or two files of one name.
    """
    fractions: dict[str, dict[str, float]] = {}
    for given, fraction in mix.items():
        name, part = _split(given)
        of_name = fractions.setdefault(name, {})
        if part in of_name:
            raise SettingsError(f"mix has two fractions for {name}:{part}", "give one")
        of_name[part] = fraction
    sources = [_source(name, parts, find(name)) for name, parts in fractions.items()]
    labels = [source.label for source in sources]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise SettingsError(f"mix has two data sets called {twice}", "give one of the files another name")
    return tuple(sources)


def _split(given: str) -> tuple[str, str]:
    name, colon, part = given.rpartition(":")
    if not colon or "/" in part:  # a path may hold a colon, a part no slash
        return given, ALL_OF_TRAIN
    if part not in PARTS:
        raise SettingsError(f"mix {given!r}: {part!r} is no part of a data set", f"parts: {', '.join(PARTS)}; rows of the split test are for measuring")
    return name, part


def _source(name: str, fractions: Mapping[str, float], artifact: Artifact | None) -> Source:
    if "train" in fractions and len(fractions) > 1 and {"with-document", "closed-book"} & set(fractions):
        raise SettingsError(f"mix takes {name}:train and parts of it, so rows would come twice", "give with-document and closed-book, or train")
    if artifact is not None:
        return Source(artifact.ref if "/" in name else name, fractions, artifact)
    return Source(Path(name).name, fractions, file=Path(name))


def pinned(sources: Sequence[Source]) -> dict[str, str]:
    """sha256 of what is mixed in that is no artifact: files, and the prompts that topics are asked with."""
    files = {f"mix {source.label}": sha256_of_file(source.file) for source in sources if source.file is not None}
    of_topics = {_reads(source.artifact) for source in sources if source.artifact is not None and "mixture" in source.artifact.manifest.tables}
    return files | {name: load(name).sha256 for name in sorted(of_topics)}


def mixed(sources: Sequence[Source], seed: int, choose: Choose) -> Mixed:
    """The rows of all sources. `choose` picks among the task examples of a data set, by the method that learns them."""
    rows: list[TaskRow] = []
    rejects: list[Reject] = []
    counts: dict[str, dict[str, int]] = {}
    for source in sources:
        for part, fraction in source.fractions.items():
            found, wrong = _rows(source, part, choose)
            taken = share_of(found, fraction, seed, lambda row: row.id)
            counts[f"{source.label}:{part}"] = {"rows": len(taken), "of": len(found)}
            rows += taken
        rejects += wrong
    return Mixed(tuple(rows), counts, tuple(rejects))


def share_of(rows: Sequence[T], fraction: float, seed: int, id_of: Callable[[T], str]) -> list[T]:
    """round(fraction x n) rows in their order: whole passes, then those whose (seed, id) hash lowest, the same on every machine."""
    wanted = round(fraction * len(rows))
    passes = min(floor(fraction), wanted // len(rows)) if rows else 0
    ranked = sorted(range(len(rows)), key=lambda place: hashlib.sha256(f"{seed}\0{id_of(rows[place])}".encode()).hexdigest())
    rest = sorted(ranked[: wanted - passes * len(rows)])
    return [*rows] * passes + [rows[place] for place in rest]


def _rows(source: Source, part: str, choose: Choose) -> tuple[list[TaskRow], tuple[Reject, ...]]:
    """All rows of a part, and a file's rejects. Raises InputError where the part is empty."""
    rejects: tuple[Reject, ...] = ()
    if source.artifact is None:
        assert source.file is not None
        examples, rejects = examples_of_file(source.file)
        found = [TaskRow(f"{source.label}:{row.id}", "qa", row.question, row.answer, row.id) for row in examples if row.split == part]
    elif "mixture" in source.artifact.manifest.tables:
        found = list(_of_topics(source.artifact, source.label, part))
    else:
        found = list(_of_chats(source.artifact, source.label, part, choose))
    if not found:
        raise InputError(f"{source.label} has no rows of part {part} to mix in", "leave it out, or name another part: train, dev, with-document, closed-book")
    return found, rejects


def _of_chats(artifact: Artifact, label: str, part: str, choose: Choose) -> Iterator[TaskRow]:
    if "chats" not in artifact.manifest.tables:
        raise InputError(f"{artifact.ref} has no task examples to mix in", "`fact synth` writes chats, `fact synth wiki` a mixture")
    chats = [chat for chat in artifact.rows("chats", Chat) if chat.split == part]
    for chat in choose(chats):
        yield TaskRow(f"{label}:{chat.id}", chat.task, chat.question, chat.answer, chat.subject, chat.version, chat.fictitious)


def _of_topics(artifact: Artifact, label: str, part: str) -> Iterator[TaskRow]:
    """The mixture of Self-Learning: to answer from a document, which stands in the prompt, and from what the model knows."""
    template = _reads(artifact)
    for row in artifact.rows("mixture", MixtureExample):
        kind = "with-document" if row.with_document else "closed-book"
        if part in (kind, row.split):
            yield TaskRow(f"{label}:{row.id}", "qa", asked(row, template), row.answer, row.topic_id)


def _reads(artifact: Artifact) -> str:
    """The template by which this artifact of `fact synth wiki` asks with the document, one of those that it pins."""
    return TERSE_READ if TERSE_READ in artifact.manifest.prompts else READ


def asked(row: MixtureExample, template: str = READ) -> str:
    """The user's turn: the question as it is, or under its document in the words with which `fact synth wiki` draws samples from it."""
    if not row.with_document:
        return row.question
    ((_, text),) = [turn for turn in load(template).filled({"question": row.question, "document": quoted(row.document)}) if turn[0] == "user"]
    return text
