"""Pages of a file, as a stream: JSONL, Parquet, a Wikipedia dump in XML or JSON; plain or compressed. Told apart by content.

JSONL        one object a line: title, text (a text or a list of texts), and where there are any `redirects` (other names)
wikiextractor --json, one object a line: title, text (and id, url)
CirrusSearch an action line {"index": ...}, then the page: title, text, namespace, redirect (a list of {namespace, title})
Parquet      columns title, text (and redirects); read a row group at a time
XML          <mediawiki> with <page>s: see dump.py
"""

import bz2
import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from factcli.errors import BackendError, InputError
from factcli.knowledge.pack import dump
from factcli.knowledge.pack.markup import AMBIGUOUS_TEMPLATES
from factcli.knowledge.pack.records import Ambiguous, PassedOver, Record, Rejected, attempted, page, place_of, sound

Stream = BufferedReader | gzip.GzipFile | bz2.BZ2File
HEAD_BYTES = 4096
SHOWN = 2000  # bytes of a rejected entry
LONGEST_LINE = 1 << 28  # bytes; no page is as long
FORMS = "JSONL of title and text, Parquet with these columns, or a Wikipedia dump (XML, wikiextractor's or CirrusSearch's JSON), plain, .gz or .bz2"


def records(path: Path) -> Iterator[Record]:
    """Everything in the file, in its order. Raises InputError for a file that cannot be read or is of none of these forms."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head == b"PAR1":
            yield from _of_parquet(path)
            return
        with _opened(path, head) as stream:
            first = stream.peek(HEAD_BYTES)[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
            yield from _of_text(path, stream, first)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is cut off or damaged: {error}", "copy or download it again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}", f"give {FORMS}") from error


def _opened(path: Path, head: bytes) -> Stream:
    if head[:3] == b"BZh":
        return bz2.open(path, "rb")
    return gzip.open(path, "rb") if head[:2] == b"\x1f\x8b" else path.open("rb")


def _of_text(path: Path, stream: Stream, first: bytes) -> Iterator[Record]:
    if not first:
        raise InputError(f"{path} is empty", f"give {FORMS}")
    if first[:1] == b"<":
        yield from dump.records(path, stream)
    elif first[:1] == b"{":
        yield from _of_lines(path, stream)
    else:
        kind = "one JSON list" if first[:1] == b"[" else f"a file that begins with {first[:20]!r}"
        raise InputError(f"{path} is {kind}", f"give {FORMS}")


def _of_lines(path: Path, stream: Stream) -> Iterator[Record]:
    number = 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if raw.isspace():
            continue
        yield from _of_line(place_of(path, "line", number), raw)


def _of_line(place: str, raw: bytes) -> Iterator[Record]:
    try:
        entry = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        yield Rejected(place, "not UTF-8", raw.decode("utf-8", "replace"))
        return
    except (ValueError, RecursionError):
        yield Rejected(place, "not JSON", sound(raw.decode("utf-8", "replace")))
        return
    if not isinstance(entry, dict):
        yield Rejected(place, f"a JSON {type(entry).__name__}, need an object", sound(raw.decode("utf-8", "replace")))
    elif set(entry) == {"index"}:  # CirrusSearch's action line, which announces the page on the next
        return
    else:
        yield from attempted(place, raw[:SHOWN].decode("utf-8", "replace"), lambda: _of_entry(place, entry))


def _of_entry(place: str, entry: dict[str, Any]) -> Iterator[Record]:
    if entry.get("namespace", entry.get("ns", 0)) not in (0, "0"):
        yield PassedOver("other namespace")
        return
    others = entry.get("redirects") or [value.get("title") for value in entry.get("redirect") or () if isinstance(value, dict) and not value.get("namespace")]
    found = page(place, entry.get("title"), entry.get("text"), others if isinstance(others, list) else ())
    if _is_ambiguous(entry.get("template")):
        yield Ambiguous(place, found.title)
    else:
        yield found


def _is_ambiguous(templates: Any) -> bool:
    """Whether CirrusSearch lists a template that disambiguation pages have."""
    names = (name.rpartition(":")[2].casefold() for name in templates if isinstance(name, str)) if isinstance(templates, list) else ()
    return any(name in AMBIGUOUS_TEMPLATES for name in names)


def _of_parquet(path: Path) -> Iterator[Record]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise BackendError(f"{path} is Parquet, and pyarrow is not installed", 'pip install "factcli[score]"') from error
    try:
        with ParquetFile(path) as file:
            have = file.schema_arrow.names
            if missing := [name for name in ("title", "text") if name not in have]:
                raise InputError(f"{path} has no column {' and '.join(missing)}", f"its columns: {', '.join(have)}")
            columns = [name for name in ("title", "text", "redirects") if name in have]
            number = 0
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    place = place_of(path, "row", number)
                    yield from attempted(place, str(row["title"])[:SHOWN], lambda place=place, row=row: _of_entry(place, row))  # type: ignore[misc]
    except (ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged: {error}", "write or download it again") from error
