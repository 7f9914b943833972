"""Which page a topic means: exact, redirect, normalised, fuzzy, absent; the rules are in names.py."""

from factcli.knowledge.evidence import PageMatch
from factcli.knowledge.pack.names import folded, most_edits, near, spelled, split_brackets
from factcli.knowledge.pack.records import HIDDEN, sound
from factcli.knowledge.pack.store import Reader

ABSENT = PageMatch("absent", "")
MOST_CANDIDATES = 2000  # names that share a part with the one asked for; the first of them in the order of the pack
LONGEST_ASKED = 300


class Lookup:
    """Finds pages by name. `min_similarity`: see names.near."""

    def __init__(self, reader: Reader, min_similarity: float) -> None:
        self._reader = reader
        self._min_similarity = min_similarity

    def find(self, topic: str) -> PageMatch:
        asked = spelled(HIDDEN.sub(" ", sound(topic)))
        if not asked or len(asked) > LONGEST_ASKED:
            return ABSENT
        return self._exact(asked) or self._normalised(asked) or self._fuzzy(asked) or ABSENT

    def _exact(self, asked: str) -> PageMatch | None:
        for name in dict.fromkeys((asked, spelled(asked.replace("_", " ")))):
            rows = self._reader.all("SELECT p.title, n.is_title FROM names n LEFT JOIN pages p ON p.id = n.page WHERE n.name = ?", (name,))
            if rows:
                title, is_title = rows[0]
                return ABSENT if title is None else PageMatch("exact" if is_title else "redirect", title)
        return None

    def _normalised(self, asked: str) -> PageMatch | None:
        key, (name, brackets) = folded(asked), split_brackets(asked)
        if not key:
            return None
        if found := self._only("folded", key):
            return found
        return None if brackets else self._only("base", folded(name))

    def _only(self, column: str, key: str) -> PageMatch | None:
        """The one page with this key; absent where there are several or the name is ambiguous; None where there is none."""
        query = f"SELECT DISTINCT n.page, p.title, n.is_title FROM names n LEFT JOIN pages p ON p.id = n.page WHERE n.{column} = ?"  # noqa: S608  # of two words of ours
        rows = self._reader.all(query, (key,))
        titled = [row for row in rows if row[2]] or rows
        if not titled:
            return None
        pages = {page for page, _, _ in titled}
        return PageMatch("normalised", titled[0][1]) if len(pages) == 1 and None not in pages else ABSENT

    def without(self, title: str) -> str:
        """The page that a title would be taken for by nearness if it had none of its own, or "": how wrong nearness is."""
        found = self._fuzzy(spelled(title), leave_out=title)
        return found.title if found else ""

    def _fuzzy(self, asked: str, leave_out: str = "") -> PageMatch | None:
        name, brackets = split_brackets(asked)
        key = folded(name)
        edits = most_edits(len(key), self._min_similarity)
        if not edits:
            return None
        best: dict[int, tuple[float, str]] = {}
        for page, title, full, known in self._candidates(key, edits):
            if title == leave_out or folded(brackets) != folded(split_brackets(full)[1]):
                continue
            similarity = near(key, known, self._min_similarity)
            if similarity > best.get(page, (0.0, ""))[0]:
                best[page] = (similarity, title)
        ranked = sorted(best.values(), reverse=True)
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return PageMatch("fuzzy", ranked[0][1])

    def _candidates(self, key: str, edits: int) -> list[tuple]:
        """Names that have one of edits + 1 parts of the key unchanged, as every name within so many edits has."""
        size = len(key) // (edits + 1)
        parts = [key[i * size : (i + 1) * size if i < edits else len(key)] for i in range(edits + 1)]
        wanted = [" AND ".join(f'"{part[i : i + 3]}"' for i in range(len(part) - 2)) for part in parts if len(part) >= 3]
        if not wanted:
            return []
        named = "SELECT n.page, p.title, n.name, n.base FROM names n JOIN pages p ON p.id = n.page"
        query = f"{named} WHERE n.id IN (SELECT rowid FROM near WHERE near MATCH ? LIMIT ?)"  # noqa: S608
        return self._reader.all(query, (" OR ".join(f"({part})" for part in wanted), MOST_CANDIDATES))
