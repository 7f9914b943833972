"""Articles and lists of titles that a user brings: read line by line, with a reason for each line that cannot be used.

Documents are JSONL of title, text (a string, or a list of passages) and, where there are any, category and views; other
fields are passed over. Lists are JSONL, CSV or TSV with a header. A dump of millions of articles is never in memory: what is
kept of each is where it stands in the file.
"""

import csv
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.errors import InputError
from factcli.knowledge.cleaning import clean_article, clean_title
from factcli.rows import Reject
from factcli.textfiles import BadEntryError, read_utf8

SHOWN = 200  # letters of a rejected line


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that can be used: where it stands, and what titles are drawn by."""

    title: str
    category: str
    views: int | None
    n_words: int
    line: int
    offset: int  # bytes


@dataclass(frozen=True, slots=True)
class Article:
    """A line of the documents file, cleaned."""

    title: str
    category: str
    views: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A title of a list: its category, "" if none is said, and its line."""

    category: str
    line: int


@dataclass(frozen=True, slots=True)
class Documents:
    """What a documents file offers. `n_passed` lines have a title that is not on the list."""

    entries: tuple[Candidate, ...]
    rejected: tuple[Reject, ...]
    n_passed: int


def read_documents(path: Path, more_words_than: int, wanted: Collection[str] | None = None) -> Documents:
    """The articles with one of the `wanted` titles (None: any) and more than so many words. InputError where none is left."""
    entries: dict[str, Candidate] = {}
    rejected: list[Reject] = []
    n_passed = 0
    for line, offset, raw in _lines(path):
        try:
            article = _article(raw)
            if wanted is not None and article.title not in wanted:
                n_passed += 1
                continue
            entry = Candidate(article.title, article.category, article.views, len(article.text.split()), line, offset)
            if entry.n_words <= more_words_than or entry.title in entries:
                reason = "title was there before" if entry.title in entries else "too short"
                rejected.append(reject("documents", line, reason, f"{entry.title}: {entry.n_words} words"))
            else:
                entries[entry.title] = entry
        except BadEntryError as error:
            rejected.append(reject("documents", line, str(error), raw.decode("utf-8", "replace")))
    if not entries:
        why = f"; line {rejected[0].id.rpartition('l')[2]}: {rejected[0].reason}" if rejected else ""
        raise InputError(
            f"{path} has no document that can be used: {len(rejected)} rejected, {n_passed} of other titles{why}",
            f"JSONL of title and text with more than {more_words_than} words (--set min_words=...), and titles spelled as in --titles",
        )
    return Documents(tuple(entries.values()), tuple(rejected), n_passed)


def article_at(path: Path, offset: int) -> Article:
    """The article that stands at `offset`."""
    with path.open("rb") as file:
        file.seek(offset)
        return _article(file.readline())


def read_titles(path: Path) -> tuple[dict[str, Listed], tuple[Reject, ...]]:
    """The titles of a list, in its order."""
    found: dict[str, Listed] = {}
    rejected: list[Reject] = []
    for line, row in _table(path, ("title",), "titles", rejected):
        title = clean_title(row["title"])
        if not title or title in found:
            rejected.append(reject("titles", line, "title was there before" if title else "no title", row["title"]))
        else:
            found[title] = Listed(clean_title(row.get("category", "")), line)
    return _some(found, path, rejected), tuple(rejected)


def read_views(path: Path) -> tuple[dict[str, int], tuple[Reject, ...]]:
    """Title -> page views; those of one title on several lines are added, as daily lists have them."""
    found: dict[str, int] = {}
    rejected: list[Reject] = []
    for line, row in _table(path, ("title", "views"), "views", rejected):
        title = clean_title(row["title"])
        if not title or not row["views"].strip().isdecimal():
            rejected.append(reject("views", line, "views are no whole number" if title else "no title", f"{row['title']}: {row['views']}"))
        else:
            found[title] = found.get(title, 0) + int(row["views"])
    return _some(found, path, rejected), tuple(rejected)


def read_names(path: Path) -> tuple[str, ...]:
    """One name a line."""
    names = tuple(dict.fromkeys(name for line in _text(path).split("\n") if (name := clean_title(line))))
    if not names:
        raise InputError(f"{path} has no names", "one a line")
    return names


def reject(step: str, line: int, reason: str, text: str) -> Reject:
    return Reject(f"{step}.l{line}", step, reason, text.strip()[:SHOWN].encode("utf-8", "replace").decode())


def _some(found: dict[str, Any], path: Path, rejected: Sequence[Reject]) -> dict[str, Any]:
    if not found:
        raise InputError(f"{path} has no usable line{f': {rejected[0].reason}' if rejected else ''}", "JSONL, CSV or TSV with a header; column title")
    return found


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, byte offset and text of each line that is not blank."""
    try:
        with path.open("rb") as file:
            offset = 0
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield number, offset, raw
                offset += len(raw)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "--documents takes JSONL of title and text") from error


def _article(raw: bytes) -> Article:
    values = _object(raw)
    title, text, category, views = values.get("title"), values.get("text"), values.get("category"), values.get("views")
    text = "\n".join(text) if isinstance(text, list) and all(isinstance(part, str) for part in text) else text
    if not isinstance(title, str) or not clean_title(title):
        raise BadEntryError("no title")
    if not isinstance(text, str):
        raise BadEntryError("no text")
    if category is not None and not isinstance(category, str):
        raise BadEntryError("category is no text")
    if views is not None and (not isinstance(views, int) or isinstance(views, bool) or views < 0):
        raise BadEntryError("views are no whole number")
    title = clean_title(title)
    return Article(title, clean_title(category or ""), views, clean_article(title, text))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        values = json.loads(raw.decode("utf-8-sig"))
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadEntryError("half a character") from error
    except (ValueError, RecursionError) as error:
        raise BadEntryError("not JSON") from error
    if not isinstance(values, dict):
        raise BadEntryError("no JSON object")
    return values


def _text(path: Path) -> str:
    return read_utf8(path, "give a list of titles")


def _table(path: Path, columns: Sequence[str], step: str, rejected: list[Reject]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and cells of each row, as text; rows that have not all `columns` are rejected."""
    text = _text(path)
    is_json = text.lstrip().startswith("{")
    rows = _json_rows(text, step, rejected) if is_json else _cell_rows(text, path, columns, step, rejected)
    for line, row in rows:
        if all(column in row for column in columns):
            yield line, row
        else:
            rejected.append(reject(step, line, "a column is missing", json.dumps(row, ensure_ascii=False)))


def _json_rows(text: str, step: str, rejected: list[Reject]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, {name: str(value) for name, value in _object(line.encode()).items() if isinstance(value, str | int)}
            except BadEntryError as error:
                rejected.append(reject(step, number, str(error), line))


def _cell_rows(text: str, path: Path, columns: Sequence[str], step: str, rejected: list[Reject]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line by line: no title holds a line break, and a stray quote then spoils one row instead of all after it."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    delimiter = "\t" if "\t" in lines[0] else ","
    header = _cells(lines[0], delimiter)
    missing = [column for column in columns if column not in header]
    if missing:
        raise InputError(f"{path}:1 has no column {missing[0]!r}", f"the first line names the columns, {' and '.join(columns)} among them")
    for number, line in enumerate(lines[1:], 2):
        cells = _cells(line, delimiter)
        if len(cells) == len(header):
            yield number, dict(zip(header, cells, strict=True))
        elif line.strip():
            rejected.append(reject(step, number, "another number of columns than the first line", line))


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL), [])
