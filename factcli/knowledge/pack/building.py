"""Building a pack: a stream of records becomes pages, names, passages and an index. Rejects are handed on, never dropped."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from factcli.knowledge import few
from factcli.knowledge.pack import bm25, store
from factcli.knowledge.pack.passages import passages
from factcli.knowledge.pack.records import Ambiguous, Page, Record, Redirect, Rejected
from factcli.knowledge.pack.words import BY_RULE, Measure

REPEATED = "title that was there before"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a pack is cut and searched. `shard_passages` 0: one index."""

    passage_tokens: int = 256
    shard_passages: int = 0
    k1: float = 1.5
    b: float = 0.75
    min_similarity: float = 0.9


@dataclass(slots=True)
class Tally:
    """What was read so far."""

    pages: int = 0
    passages: int = 0
    redirects: int = 0
    ambiguous: int = 0
    shards: int = 0
    not_kept: Counter[str] = field(default_factory=Counter)  # reason -> number of entries that are counted and not kept


class Builder:
    """Writes a pack into `folder`, which holds none yet; `scratch` may be lost at any moment."""

    def __init__(self, folder: Path, scratch: Path, settings: Settings, tokens: Measure = BY_RULE) -> None:
        self._folder, self._scratch, self._settings, self._tokens = folder, scratch, settings, tokens
        self._store = store.Store(folder)
        self._index = bm25.Bm25Writer(scratch, settings.shard_passages)
        self._redirects = (scratch / "redirects.jsonl").open("w", encoding="utf-8")
        self.tally = Tally()

    def read(self, records: Iterable[Record], reject: Callable[[Rejected], None]) -> Iterator[Tally]:
        """Take all records in; yields after each page."""
        for record in records:
            if isinstance(record, Page):
                if fault := self._take(record):
                    reject(fault)
                yield self.tally
            elif isinstance(record, Ambiguous):
                self._take_ambiguous(record)
            elif isinstance(record, Redirect):
                self._later(record.name, record.title)
            elif isinstance(record, Rejected):
                reject(record)
            else:
                self.tally.not_kept[record.reason] += 1

    def finish(self) -> Tally:
        """Redirects, indexes, everything on disk."""
        self._redirects.close()
        for _ in range(2):  # a redirect to a redirect finds its page in the second round
            self._add_redirects()
        settings = self._settings
        self.tally.shards = self._index.write(self._folder / bm25.FOLDER, few.Weights(settings.k1, settings.b))
        about = {"format": store.FORMAT, "pages": self.tally.pages, "passages": self.tally.passages, "shards": self.tally.shards}
        rules = {"k1": settings.k1, "b": settings.b, "min_similarity": settings.min_similarity}
        self._store.finish(self._index.vocabulary, {name: str(value) for name, value in (about | rules).items()})
        self._store.close()
        return self.tally

    def _take(self, page: Page) -> Rejected | None:
        if self._store.has_name(page.title):
            return Rejected(page.place, REPEATED, page.title)
        cut = list(passages(page.text, self._settings.passage_tokens, self._tokens))
        self._store.add_page(page.title, cut)
        for text in cut:
            self._index.add(f"{page.title}\n{text}")
        for name in page.other_names:
            self._later(name, page.title)
        self.tally.pages += 1
        self.tally.passages += len(cut)
        return None

    def _take_ambiguous(self, record: Ambiguous) -> None:
        if not self._store.has_name(record.title):
            self._store.add_ambiguous(record.title)
            self.tally.ambiguous += 1

    def _later(self, name: str, title: str) -> None:
        """Redirects wait until all pages are there: their own titles come first."""
        self._redirects.write(json.dumps([name, title]) + "\n")

    def _add_redirects(self) -> None:
        path = self._scratch / "redirects.jsonl"
        again = self._scratch / "redirects.again.jsonl"
        faults: Counter[str] = Counter()
        with path.open(encoding="utf-8") as file, again.open("w", encoding="utf-8") as unresolved:
            for line in file:
                if fault := self._store.add_redirect(*json.loads(line)):
                    faults[fault] += 1
                    unresolved.write(line)
                else:
                    self.tally.redirects += 1
        again.replace(path)
        for fault in (store.NO_PAGE, store.TAKEN):
            self.tally.not_kept.pop(fault, None)
        self.tally.not_kept += faults
