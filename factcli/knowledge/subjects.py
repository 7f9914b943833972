"""Real subjects that a user brings: titles with their texts, and the titles that no invented name may have."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from factcli.errors import InputError
from factcli.prompts import CONTROL, MARKS
from factcli.rows import RejectedLine
from factcli.textfiles import SURROGATE, BadEntryError, read_utf8
from factcli.world.counterparts import folded

FIELDS = ("title", "text", "popularity")
SENTENCE_END = re.compile(r"[.!?][\"”’)\]]*(?=\s|$)")
IN_BRACKETS = re.compile(r"\s*\([^()]*\)$")  # `Jimmy Tompkins (priest)`
EXAMPLE = '{"title": "Mae Brown", "text": ["Mae Brown was ..."]}'


@dataclass(frozen=True, slots=True)
class RealSubject:
    """One line of the file. `name`: the title without what stands in brackets at its end."""

    title: str
    name: str
    text: str  # passages one after the other, on one line each
    popularity: int  # monthly page views or any stand-in; 0 if not said
    line: int


class Found(NamedTuple):
    """A page that a title was looked up as: its own title, and its passages in order."""

    title: str
    passages: Sequence[str]


Pages = Callable[[str], Found | None]  # None where there is no page about a title


def read_subjects(path: Path, pages: Pages | None = None) -> tuple[tuple[RealSubject, ...], tuple[RejectedLine, ...]]:
    """The file's subjects and its rejected lines, in file order; empty lines are neither.

    JSONL of title, text (a string or a list of passages) and, where known, popularity. A title that another line has
    (without case, accents and punctuation) is rejected. With `pages` a line may also be a title alone, as it stands or as JSON
    without text: title and text are then those of its page. Raises InputError for a file without one usable line.
    """
    subjects: list[RealSubject] = []
    rejects: list[RejectedLine] = []
    first: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            subject = _subject(number, line, pages)
            if (known := first.setdefault(folded(subject.title), number)) != number:
                raise BadEntryError(f"repeats the title of line {known}")
        except BadEntryError as error:
            rejects.append(RejectedLine(number, str(error), without_surrogates(line)))
        else:
            subjects.append(subject)
    if not subjects:
        why = f"line {rejects[0].line}: {rejects[0].reason}" if rejects else "it is empty"
        raise InputError(f"{path} has no usable subject ({why})", f"one JSON object per line: {EXAMPLE}; or titles, with --pack REF")
    return tuple(subjects), tuple(rejects)


def taken_titles(path: Path) -> frozenset[str]:
    """Folded titles of a file: one a line, or JSONL with `title`. Raises InputError where there are none."""
    titles = frozenset(title for line in _lines(path) if (title := folded(_title_of(line))))
    if not titles:
        raise InputError(f"{path} has no title", "one title per line, or JSONL with `title`")
    return titles


def title_index(subjects: Iterable[RealSubject], more: Path | None) -> frozenset[str]:
    """Whose names are taken: all titles of the subjects' file, with and without brackets, and those of `more`."""
    own = {folded(spelling) for subject in subjects for spelling in (subject.title, subject.name)}
    return frozenset(own) | (taken_titles(more) if more else frozenset())


def clipped(text: str, most_words: int) -> str:
    """The first whole sentences of a text within `most_words`; its first `most_words` where no sentence ends in them."""
    words = list(re.finditer(r"\S+", text))
    if len(words) <= most_words:
        return text
    cut = text[: words[most_words - 1].end()]
    ends = [match.end() for match in SENTENCE_END.finditer(cut)]
    return cut[: ends[-1]] if ends else cut


def without_surrogates(text: str) -> str:
    """Without halves of characters, which no file can hold."""
    return SURROGATE.sub("", text)


def _lines(path: Path) -> list[str]:
    return read_utf8(path, f"give a file of one JSON object per line: {EXAMPLE}").split("\n")  # splitlines() would also cut at U+2028 inside a text


def _title_of(line: str) -> str:
    if not line.lstrip().startswith("{"):
        return line.strip()
    try:
        return str(json.loads(line).get("title", ""))
    except (ValueError, RecursionError):
        return ""


def _subject(number: int, line: str, pages: Pages | None) -> RealSubject:
    entry = _looked_up(_entry(line, pages is not None), pages)
    title = _clean(entry["title"])
    text = _without_repeated(title, _text(entry.get("text")))
    popularity = entry.get("popularity", 0)
    if isinstance(popularity, bool) or not isinstance(popularity, int) or popularity < 0:
        raise BadEntryError(f"popularity is {popularity!r}, need a whole number of at least 0")
    name = IN_BRACKETS.sub("", title)
    if not folded(name) or not text:
        raise BadEntryError("title or text is empty")
    if MARKS.search(title):
        raise BadEntryError(f"title {title!r} has marks that quote a text in prompts")
    return RealSubject(title, name, text, popularity, number)


def _looked_up(entry: Mapping[str, Any], pages: Pages | None) -> Mapping[str, Any]:
    """With title and text of its page, where it has no text of its own."""
    if pages is None or entry.get("text") is not None:
        return entry
    found = pages(_clean(entry["title"]))
    if found is None:
        raise BadEntryError(f"no page in the pack: {_clean(entry['title'])}")
    return {**entry, "title": found.title, "text": list(found.passages)}


def _entry(line: str, may_be_title: bool) -> Mapping[str, Any]:
    if may_be_title and line.lstrip()[:1] not in ("{", "["):
        return {"title": line}
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadEntryError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise BadEntryError(f"a JSON {type(entry).__name__}, need an object")
    if not isinstance(entry.get("title"), str):
        raise BadEntryError("title is missing or no text")
    return entry


def _text(given: Any) -> str:
    passages: Sequence[Any] = [given] if isinstance(given, str) else given if isinstance(given, list) else [None]
    if not all(isinstance(passage, str) for passage in passages):
        raise BadEntryError("text is missing or neither a text nor a list of passages: --pack REF looks titles up")
    return "\n".join(filter(None, map(_clean, passages)))


def _clean(text: str) -> str:
    """On one line, in NFC, without control characters."""
    return " ".join(unicodedata.normalize("NFC", CONTROL.sub(" ", without_surrogates(text))).split())


def _without_repeated(title: str, text: str) -> str:
    """A passage's first words often repeat the page's title: `Mae Brown Mae Brown (1935-1973) was`."""
    lines = (line.removeprefix(title).lstrip() if line.startswith(f"{title} {IN_BRACKETS.sub('', title)}") else line for line in text.split("\n"))
    return "\n".join(lines)
