"""Pages of a MediaWiki XML dump (pages-articles.xml), as a stream: one page is in memory at a time.

The text comes from anywhere, so the parser refuses what plain dumps never have: a document type, and with it every entity that
could grow or fetch something. Markup is taken out by markup.py.
"""

import xml.parsers.expat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from factcli.errors import BackendError, InputError
from factcli.knowledge.pack import markup
from factcli.knowledge.pack.records import (
    LONGEST_TEXT,
    Ambiguous,
    BadRecordError,
    PassedOver,
    Record,
    Redirect,
    Rejected,
    attempted,
    clean_title,
    page,
    place_of,
)

BLOCK_BYTES = 1 << 20
KEPT = ("title", "ns", "text")  # elements whose characters count
LONGEST_FIELD = 10_000  # characters of a title or number, far above any


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


class _Reader:
    """Collects the fields of the page that is open, and pages that are complete."""

    def __init__(self) -> None:
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.buffer_text = True
        self.complete: list[tuple[int, dict[str, str]]] = []  # (line, fields)
        self._fields: dict[str, str] = {}
        self._open: list[str] | None = None
        self._length = self._line = 0
        self._root = ""

    def _refuse(self, *_: object) -> None:
        raise BadRecordError("declares a document type, which dumps do not: it could hide entities that grow without end")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._root:
            self._root = name
            if name != "mediawiki":
                raise BadRecordError(f"is XML with the root <{name[:40]}>, not a Wikipedia dump (<mediawiki>)")
        if name == "page":
            self._fields, self._line = {}, self.parser.CurrentLineNumber
        elif name == "redirect":
            self._fields["redirect"] = attributes.get("title", "")
        self._open, self._length = ([] if name in KEPT else None), 0

    def _text(self, text: str) -> None:
        if self._open is not None and self._length <= LONGEST_TEXT:
            self._open.append(text)
            self._length += len(text)

    def _end(self, name: str) -> None:
        if name in KEPT and self._open is not None:
            self._fields[name] = "".join(self._open)  # of several revisions the last
        elif name == "page":
            self.complete.append((self._line, self._fields))
        self._open = None


def records(path: Path, stream: Readable) -> Iterator[Record]:
    """Everything in the dump. Raises InputError at the line where it is not well-formed."""
    _require_parser()
    reader = _Reader()
    try:
        while block := stream.read(BLOCK_BYTES):
            reader.parser.Parse(block, False)
            for line, fields in reader.complete:
                yield from _of_page(place_of(path, "line", line), fields)
            reader.complete.clear()
        reader.parser.Parse(b"", True)
    except xml.parsers.expat.ExpatError as error:
        message = xml.parsers.expat.ErrorString(error.code)
        raise InputError(f"{path}:{error.lineno} is not well-formed XML: {message}", "the dump is cut off or damaged: download it again") from error
    except BadRecordError as error:
        raise InputError(f"{path}:{reader.parser.CurrentLineNumber} {error}", "give pages-articles.xml as Wikipedia offers it") from error


def _require_parser() -> None:
    try:
        import mwparserfromhell  # noqa: F401
    except ImportError as error:
        raise BackendError("reading a Wikipedia dump needs mwparserfromhell, which is not installed", 'pip install "factcli[score]"') from error


def _of_page(place: str, fields: dict[str, str]) -> Iterator[Record]:
    if fields.get("ns", "0").strip() != "0":
        yield PassedOver("other namespace")
        return
    yield from attempted(place, fields.get("title", "")[:LONGEST_FIELD], lambda: _read(place, fields))


def _read(place: str, fields: dict[str, str]) -> Iterator[Record]:
    title, text = clean_title(fields.get("title", "")), fields.get("text", "")
    if target := fields.get("redirect") or markup.redirect_of(text):
        yield Redirect(place, title, clean_title(target.partition("#")[0]))
    elif len(text) > LONGEST_TEXT:
        yield Rejected(place, f"text of more than {LONGEST_TEXT} characters", title)
    elif markup.is_disambiguation(title, text):
        yield Ambiguous(place, title)
    else:
        yield page(place, title, markup.plain(text))
