"""Files of questions and titles that somebody brings, entry by entry: JSONL, one JSON list, or plain lines."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from factcli.errors import InputError
from factcli.rows import Reject, Split
from factcli.textfiles import SURROGATE, BadEntryError, read_utf8

T = TypeVar("T")
HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # control characters; tab and line breaks are none here
ID = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
SPLITS: dict[str, Split] = {"train": "train", "dev": "dev", "val": "dev", "dpoval": "dev", "validation": "dev", "test": "test", "none": "none"}
LONGEST_TOLD = 500  # characters of a rejected entry that are kept


class Entry(NamedTuple):
    """One entry: where it is, as a person would say it, its text, and its value where it is JSON."""

    place: str
    text: str
    value: Any


def text_of(path: Path) -> str:
    """The whole file. Raises InputError for one that cannot be read, is not UTF-8 or holds nothing."""
    content = read_utf8(path, "give a file that is there")
    if not content.strip():
        raise InputError(f"{path} is empty", "need at least one entry")
    return content


def lines_of(content: str) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, with its place. Only \\n ends a line: a title may hold U+2028."""
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield f"line {number}", line.removesuffix("\r")


def json_entries(path: Path) -> Iterator[Entry | Reject]:
    """The entries of a JSON list or of JSONL; a line that is not JSON comes as a reject. Raises InputError for a list that is torn."""
    content = text_of(path)
    if content.lstrip()[0] == "[":
        yield from _of_list(path, content)
        return
    for place, line in lines_of(content):
        try:
            yield Entry(place, line, json.loads(line))
        except (ValueError, RecursionError):
            yield reject(place, line, "not JSON")


def _of_list(path: Path, content: str) -> Iterator[Entry]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} begins like a JSON list and is none: {error}", "need one JSON list, or JSONL: one object a line") from error
    for number, value in enumerate(values, 1):
        yield Entry(f"entry {number}", json.dumps(value, ensure_ascii=False), value)


def sorted_out(entries: Iterator[Entry | Reject], read: Callable[[Entry], T]) -> tuple[list[tuple[Entry, T]], list[Reject]]:
    """What `read` makes of each entry, and the entries for which it raised BadEntryError, with its reason."""
    kept: list[tuple[Entry, T]] = []
    rejects: list[Reject] = []
    for entry in entries:
        if isinstance(entry, Reject):
            rejects.append(entry)
            continue
        try:
            kept.append((entry, read(entry)))
        except BadEntryError as error:
            rejects.append(reject(entry.place, entry.text, str(error)))
    return kept, rejects


def reject(place: str, text: str, reason: str) -> Reject:
    """A row for an entry that became nothing."""
    return Reject(place, "file", reason, SURROGATE.sub("?", text[:LONGEST_TOLD]))


def none_usable(path: Path, rejects: list[Reject], needed: str) -> InputError:
    why = f"{rejects[0].id}: {rejects[0].reason}" if rejects else "it has no entry"
    return InputError(f"{path} has no entry that can be used ({why})", needed)


def sound(value: Any, name: str, is_one_line: bool = False) -> str:
    """A text as it is asked: NFC, stripped, line breaks as \\n. Raises BadEntryError for anything else."""
    if not isinstance(value, str) or not value.strip():
        raise BadEntryError(f"no {name}")
    text = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n").strip()
    if HIDDEN.search(text) or SURROGATE.search(text) or (is_one_line and "\n" in text):
        raise BadEntryError(f"{name} with control characters" if not is_one_line else f"{name} with a line break or control characters")
    return text


def id_of(value: Any) -> str:
    """An id that a file gives: a number or a word."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise BadEntryError("id that is no word or whole number")
    return value


def split_of(value: Any) -> Split:
    """A split under any of the names that are in use."""
    if value is None:
        return "none"
    if not isinstance(value, str) or value not in SPLITS:
        raise BadEntryError("unknown split")
    return SPLITS[value]


def drawn_id(*parts: str) -> str:
    """An id from what is asked, so that adding a line to a file changes no other id, seed or paid answer."""
    return "q" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
