"""What a source of pages gives, one after the other, whatever its form."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.knowledge.pack.names import spelled
from factcli.textfiles import SURROGATE

LONGEST_TITLE = 300  # characters; Wikipedia allows 255 bytes
LONGEST_TEXT = 20_000_000  # characters of a page: ten times Wikipedia's limit of 2 MiB
HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Page:
    """A page with its text, its items on lines of their own. `place` as a person would say it: `people.jsonl: line 3`."""

    place: str
    title: str
    text: str
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another name of a page that comes earlier or later, in this file or another."""

    place: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A title that stands for several pages: a disambiguation page."""

    place: str
    title: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that became no page, kept with its reason."""

    place: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a dump holds and no pack wants: talk pages, templates. Counted, not kept."""

    reason: str


Record = Page | Redirect | Ambiguous | Rejected | PassedOver


class BadRecordError(ValueError):
    """Why an entry is rejected; the message is stored."""


def page(place: str, title: Any, text: Any, other_names: Sequence[Any] = ()) -> Page:
    """A page of what a file says. `text`: a text or a list of texts. Raises BadRecordError for anything else."""
    items = [text] if isinstance(text, str) else list(text) if isinstance(text, list | tuple) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise BadRecordError("text is missing or neither a text nor a list of texts")
    joined = sound("\n".join(items))
    if not joined.strip():
        raise BadRecordError("no text")
    if len(joined) > LONGEST_TEXT:
        raise BadRecordError(f"text of more than {LONGEST_TEXT} characters")
    names = (clean_title(name) for name in other_names if isinstance(name, str) and name.strip())
    return Page(place, clean_title(title), joined, tuple(dict.fromkeys(names)))


def clean_title(title: Any) -> str:
    """As titles are compared. Raises BadRecordError for what is none."""
    if not isinstance(title, str):
        raise BadRecordError("title is missing or no text")
    cleaned = spelled(HIDDEN.sub(" ", sound(title)))
    if not cleaned:
        raise BadRecordError("title is empty")
    if len(cleaned) > LONGEST_TITLE:
        raise BadRecordError(f"title of more than {LONGEST_TITLE} characters")
    return cleaned


def sound(text: str) -> str:
    """With U+FFFD for halves of characters, which no file can hold; line ends as \\n."""
    whole = SURROGATE.sub("\ufffd", text) if not text.isascii() else text
    return whole.replace("\r\n", "\n").replace("\r", "\n") if "\r" in whole else whole


def attempted(place: str, raw: str, read: Callable[[], Iterator[Record]]) -> Iterator[Record]:
    """What `read` gives; where it raises BadRecordError, the entry as a reject."""
    try:
        yield from read()
    except BadRecordError as error:
        yield Rejected(place, str(error), sound(raw))


def place_of(path: Path, kind: str, number: int) -> str:
    """Without the folder: a pack says nothing of the machine that it was built on."""
    return f"{path.name}: {kind} {number}"
