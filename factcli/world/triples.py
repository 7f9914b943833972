"""Real facts that a user brings: triples read from JSONL or PopQA's TSV, and the rows they become."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from factcli.errors import InputError, nearest
from factcli.rows import Fact, Group, Person, RejectedLine, Split
from factcli.textfiles import SURROGATE, BadEntryError, read_utf8
from factcli.world.people import keyed_rng
from factcli.world.relations import CONTROL, RelationTemplates, templates_of

JSONL_FIELDS = ("subject", "relation", "object", "aliases", "source", "popularity")
POPQA_COLUMNS = ("subj", "prop", "obj", "possible_answers")  # of its 17 columns, those without which a row says nothing
DEFAULT_SHARES = (0.7, 0.1, 0.2)  # of the subjects for train, dev, test; PopQA's own split in PREREQ-TUNE is 78 : 6 : 16


@dataclass(frozen=True, slots=True)
class Triple:
    """One real fact. popularity: monthly page views of the subject, or any stand-in that orders subjects; 0 if unknown."""

    subject: str
    relation: str
    object: str
    aliases: tuple[str, ...]
    popularity: int
    source: str  # the page or item it comes from, "" if not said
    line: int  # in the file, from 1


Parser = Callable[[int, str], Triple]


def read_facts(path: Path, templates: Mapping[str, RelationTemplates]) -> tuple[tuple[Triple, ...], tuple[RejectedLine, ...]]:
    """The file's triples and its rejected lines, both in file order; empty lines count as neither.

    A file whose first line has PopQA's columns is its TSV, any other is JSONL. Names are stripped and brought to
    Unicode NFC. A relation without templates, or a file without one usable line, is an InputError.
    """
    parse, lines = _parser_and_lines(path)
    triples: list[Triple] = []
    rejects: list[RejectedLine] = []
    seen: dict[tuple[str, str], Triple] = {}
    for number, text in lines:
        try:
            triple = parse(number, text)
            templates_of(triple.relation, templates, f"{path}:{number}")
            _refuse_repeat(triple, seen)
        except BadEntryError as error:
            rejects.append(RejectedLine(number, str(error), text))
        else:
            triples.append(triple)
    if not triples:
        why = f"line {rejects[0].line}: {rejects[0].reason}" if rejects else "it is empty"
        raise InputError(f"{path} has no usable fact ({why})", hint=f"JSONL needs subject, relation, object; or PopQA's TSV with {', '.join(POPQA_COLUMNS)}")
    return tuple(triples), tuple(rejects)


def real_rows(triples: Sequence[Triple], seed: int, shares: tuple[float, float, float] = DEFAULT_SHARES) -> tuple[tuple[Person, ...], tuple[Fact, ...]]:
    """Subjects (any kind of thing, as Person rows) and their facts, version 0, not fictitious.

    One subject per name, numbered as they appear; its popularity is the largest that a line gives. Groups are
    terciles of popularity over all subjects, ties at a border to mid. The split is drawn by (seed, subject id).
    """
    popularity: dict[str, int] = {}
    for triple in triples:
        popularity[triple.subject] = max(popularity.get(triple.subject, 0), triple.popularity)
    group_of = _terciles(list(popularity.values()))
    people = [
        Person(f"r{seed}.p{position:04d}", name, group_of(views), _split(seed, f"r{seed}.p{position:04d}", shares), views)
        for position, (name, views) in enumerate(popularity.items())
    ]
    id_of = {person.name: person.id for person in people}
    facts = [
        Fact(f"{id_of[triple.subject]}.{triple.relation.replace(' ', '_')}", id_of[triple.subject], triple.relation, triple.object, aliases=triple.aliases)
        for triple in triples
    ]
    return tuple(people), tuple(facts)


def _parser_and_lines(path: Path) -> tuple[Parser, list[tuple[int, str]]]:
    """How to read a line, and the lines with their numbers, without header and empty ones."""
    lines = read_utf8(path, "give a file of facts").split("\n")  # splitlines() would also cut at U+2028 inside a name
    numbered = [(number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1) if line.strip()]
    header = [_unquoted(cell) for cell in lines[0].removesuffix("\r").split("\t")]
    if len(header) > 1 and "subj" in header:
        return _popqa_parser(header, path), numbered[1:]
    return _parse_json, numbered


def _parse_json(number: int, text: str) -> Triple:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEntryError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise BadEntryError(f"a JSON {type(entry).__name__}, need an object")
    for key in entry:
        if key not in JSONL_FIELDS:
            raise BadEntryError(f"unknown field {key!r}{nearest(key, JSONL_FIELDS)}")
    return _triple(number, entry, entry.get("aliases", []), entry.get("popularity", 0))


def _popqa_parser(header: list[str], path: Path) -> Parser:
    missing = [name for name in POPQA_COLUMNS if name not in header]
    if missing:
        raise InputError(f"{path}:1 has no column {missing[0]!r}", hint=f"PopQA's TSV has {', '.join(POPQA_COLUMNS)} and more")
    return partial(_parse_popqa, header)


def _parse_popqa(header: list[str], number: int, text: str) -> Triple:
    cells = [_unquoted(cell) for cell in text.split("\t")]
    if len(cells) != len(header):
        raise BadEntryError(f"{len(cells)} columns, the header has {len(header)}")
    row = dict(zip(header, cells, strict=True))
    try:
        answers, views = json.loads(row["possible_answers"]), int(row.get("s_pop") or 0)
    except (ValueError, RecursionError) as error:
        raise BadEntryError(f"possible_answers or s_pop: {error}") from error
    entry = {"subject": row["subj"], "relation": row["prop"], "object": row["obj"], "source": row.get("s_wiki_title", "")}
    return _triple(number, entry, answers, views)


def _unquoted(cell: str) -> str:
    """The cell without CSV quotes. A name such as `"Weird Al" Yankovic` in a plain file keeps its own."""
    if re.fullmatch(r'"(?:[^"]|"")*"', cell):
        return cell[1:-1].replace('""', '"')
    return cell


def _triple(number: int, entry: Mapping[str, Any], aliases: Any, popularity: Any) -> Triple:
    subject, relation, value = (_name(entry.get(key), key) for key in ("subject", "relation", "object"))
    if not isinstance(aliases, list):
        raise BadEntryError(f"aliases is {aliases!r}, need a list of texts")
    if isinstance(popularity, bool) or not isinstance(popularity, int) or popularity < 0:
        raise BadEntryError(f"popularity is {popularity!r}, need a whole number of at least 0")
    source = entry.get("source", "")
    if not isinstance(source, str):
        raise BadEntryError(f"source is {source!r}, need a text")
    spellings = dict.fromkeys(_name(alias, "alias") for alias in aliases)  # a set that keeps the order
    return Triple(subject, relation, value, tuple(spelling for spelling in spellings if spelling != value), popularity, source, number)


def _name(text: Any, field: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise BadEntryError(f"{field} is {text!r}, need a text")
    if CONTROL.search(text.strip()):
        raise BadEntryError(f"{field} {text!r} has a line break or control character")
    if SURROGATE.search(text):
        raise BadEntryError(f"{field} {text!r} has half a surrogate pair, which no file can hold")
    return unicodedata.normalize("NFC", text.strip())


def _refuse_repeat(triple: Triple, seen: dict[tuple[str, str], Triple]) -> None:
    """A second value for the same question would make the first one's right answer wrong."""
    first = seen.setdefault((triple.subject, triple.relation), triple)
    if first is triple:
        return
    if first.object == triple.object:
        raise BadEntryError(f"repeats line {first.line}")
    raise BadEntryError(f"line {first.line} already has this subject and relation with {first.object!r}; put further right answers into its aliases")


def _terciles(values: Sequence[int]) -> Callable[[int], Group]:
    ordered, third = sorted(values, reverse=True), len(values) // 3
    above, below = ordered[third], ordered[len(ordered) - third - 1]
    return lambda value: "head" if value > above else "tail" if value < below else "mid"


def _split(seed: int, subject_id: str, shares: tuple[float, float, float]) -> Split:
    position = keyed_rng(seed, subject_id, "split").random()
    train, dev, _ = shares
    return "train" if position < train else "dev" if position < train + dev else "test"
