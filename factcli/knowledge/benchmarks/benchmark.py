"""What a benchmark is: its items, where they are published, in which forms they are handed on, and the version of its definition."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of
from factcli.knowledge.benchmarks.tables import Header, entries_of_file
from factcli.knowledge.entries import Entry, sorted_out
from factcli.rows import Reject
from factcli.textfiles import BadEntryError

Kind = Literal["short", "choices", "texts", "long", "generation", "world"]


class HasId(Protocol):
    """An item; the same id in every run, whatever else the file holds."""

    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)


class Found(NamedTuple, Generic[T]):
    """What was read: items in the order of the source, and the entries that became none."""

    items: tuple[T, ...]
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set on the hub. `files`: glob patterns of the files that hold the items; nothing else is fetched but the card."""

    name: str
    files: tuple[str, ...]
    train_files: tuple[str, ...] = ()  # of which few-shot examples are drawn; none: there are no training questions


@dataclass(frozen=True, slots=True)
class Own(Generic[T]):
    """Questions of this benchmark's form that an artifact holds."""

    is_in: Callable[[Artifact], bool]
    read: Callable[[Artifact], Found[T]]


@dataclass(frozen=True, slots=True)
class Benchmark(Generic[T]):
    """One benchmark. `version` is raised in any commit that changes what a score of it means.

    `item` makes an item of one row of a file or of the hub, and raises BadEntryError where it cannot. None: there are no files of it.
    """

    name: str
    version: int
    kind: Kind
    about: str  # one line for people
    file_format: str  # one line: what --file takes
    item: Callable[[Mapping[str, Any]], T] | None = None
    hub: HubSet | None = None
    own: Own[T] | None = None
    columns: tuple[str, ...] = ()  # that the header of a table must have
    optional: tuple[str, ...] = ()  # read besides, where they are there; other columns of Parquet, which may be large, are not, unless none is named
    headless: tuple[str, ...] = ()  # columns of a table without header, where the set is handed on so
    rule: str = ""  # how answers are graded; the name of a rule in `judge`

    @property
    def definition(self) -> str:
        """A digest of what the version stands for, so that results of two definitions are told apart."""
        hub = (self.hub.name, self.hub.files) if self.hub else None
        return sha256_of([self.name, self.version, self.kind, self.rule, hub])[:16]

    @property
    def recorded(self) -> dict[str, Any]:
        """What each result says of the benchmark in its manifest's summary."""
        return {"benchmark": self.name, "benchmark_version": self.version, "benchmark_definition": self.definition}

    def read_file(self, path: Path) -> Found[T]:
        """The items of a file. Raises InputError for one that cannot be read, or has other columns."""
        return self.of_entries(self.entries(path))

    def entries(self, path: Path) -> Iterator[Entry | Reject]:
        """The rows of a file, before anything is made of them."""
        return entries_of_file(path, Header(self.columns, self.optional, self.headless, self.file_format))

    def of_entries(self, entries: Iterable[Entry | Reject]) -> Found[T]:
        """Each item once, by its id; what became none with its reason, in the order of the source."""
        found: dict[str, T] = {}

        def once(entry: Entry) -> None:
            item = self._item(entry)
            if found.setdefault(item.id, item) is not item:
                raise BadEntryError(f"id {item.id} was there before")

        _, rejects = sorted_out(iter(entries), once)
        return Found(tuple(found.values()), tuple(rejects))

    def _item(self, entry: Entry) -> T:
        assert self.item is not None, f"{self.name} has no files"
        if not isinstance(entry.value, Mapping):
            raise BadEntryError("no JSON object")
        return self.item(entry.value)
