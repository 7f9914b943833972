"""Pack: a committed knowledge pack, opened for lookup and search. Opening reads a few kilobytes, whatever the pack's size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from factcli.artifact import Artifact
from factcli.errors import BackendError, InputError
from factcli.knowledge import few
from factcli.knowledge.evidence import PageMatch, Passage
from factcli.knowledge.pack import bm25, dense
from factcli.knowledge.pack.lookup import Lookup
from factcli.knowledge.pack.records import sound
from factcli.knowledge.pack.store import FILE, Reader
from factcli.knowledge.pack.within import PageCache, PageIndex, page_index
from factcli.knowledge.pack.words import words

Ranker = Literal["bm25", "dense"]
MOST_KNOWN_WORDS = 200_000  # whose ids are kept in memory


def open_pack(artifact: Artifact, ranker: Ranker = "bm25", embedder: Path | None = None) -> "Pack":
    """The pack that `fact pack build` made. `ranker` dense: the open corpus is searched by embeddings of the model in `embedder`.

    Raises InputError for another kind of artifact or a damaged one, BackendError where the search is not installed.
    """
    if artifact.kind != "pack":
        raise InputError(f"{artifact.ref} is of kind {artifact.kind}, need a pack", "make one: fact pack build --from FILE")
    return Pack(artifact.path, ranker, embedder)


class Pack:
    """A folder with pack.sqlite and bm25/. An `Evidence` (knowledge/evidence.py): safe from several threads; open it anew in each process."""

    def __init__(self, folder: Path, ranker: Ranker = "bm25", embedder: Path | None = None) -> None:
        self._reader = Reader(folder / FILE)
        about = self._reader.about()
        self.n_pages, self.n_passages = int(about["pages"]), int(about["passages"])
        self._weights = few.Weights(float(about["k1"]), float(about["b"]))
        self._lookup = Lookup(self._reader, float(about["min_similarity"]))
        self._index = _index(folder, int(about["shards"]))
        self._dense = dense.DenseReader(folder, embedder) if ranker == "dense" else None
        self._pages = PageCache(self._page_index)
        self._ids: dict[str, int] = {}

    def find_page(self, topic: str) -> PageMatch:
        """The page about a topic; `absent` where there is none: that is counted, not an error."""
        return self._lookup.find(topic)

    def search(self, query: str, k: int, title: str | None) -> Sequence[Passage]:
        """The k best passages of the page `title` (in its own spelling), of all pages where it is None; fewer where there are fewer."""
        if title is not None:
            page = self._pages.get(title)
            return page.best(words(sound(query)), k) if page else ()
        if self._dense is not None:
            return self._passages(self._dense.best(sound(query), k))
        return self._passages(self._index.best(self.word_ids(query), k))

    def passages_of(self, title: str) -> list[str]:
        """The texts of a page's passages in order; none where there is no such page."""
        page = self._pages.get(title)
        return [passage.text for passage in page.passages] if page else []

    def word_ids(self, query: str) -> list[int]:
        """Columns of the index: the query's words that the pack has, repeats included."""
        found = words(sound(query))
        if unknown := {word for word in found if word not in self._ids}:
            if len(self._ids) > MOST_KNOWN_WORDS:
                self._ids = {}
            self._ids |= dict.fromkeys(unknown, -1) | dict(self._reader.among("SELECT word, id FROM words WHERE word IN ({marks})", tuple(unknown)))
        ids = self._ids
        return [id for word in found if (id := ids.get(word, -1)) >= 0]

    def _passages(self, found: Sequence[tuple[int, float]]) -> list[Passage]:
        query = "SELECT t.id, p.title, t.text FROM passages t JOIN pages p ON p.id = t.page WHERE t.id IN ({marks})"
        rows = {id: (title, text) for id, title, text in self._reader.among(query, [id for id, _ in found])}
        return [Passage(_name(id), *rows[id], score) for id, score in found]

    def _page_index(self, title: str) -> PageIndex | None:
        rows = self._reader.all("SELECT p.first, p.n FROM names n JOIN pages p ON p.id = n.page WHERE n.name = ? AND n.is_title", (title,))
        if not rows:
            return None
        first, n = rows[0]
        texts = self._reader.all("SELECT id, text FROM passages WHERE id >= ? AND id < ? ORDER BY id", (first, first + n))
        return page_index([Passage(_name(id), title, text) for id, text in texts], self._weights)


def _name(id: int) -> str:
    """A passage's id: its number in the pack."""
    return f"p{id}"


def _index(folder: Path, n_shards: int) -> bm25.Bm25Reader:
    try:
        return bm25.Bm25Reader(folder / bm25.FOLDER, n_shards)
    except ImportError as error:
        raise BackendError(f"searching a pack needs {error.name}, which is not installed", 'pip install "factcli[score]"') from error
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the index of {folder} cannot be read: {error}", "the pack is damaged: `fact verify` says what else is") from error
