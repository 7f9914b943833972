"""Files of benchmarks, entry by entry: TSV and CSV by their header, JSON, JSONL, Parquet.

Which one a file is shows in its content, not its name: the splits that DPR hands on are tab-separated and called .csv.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from factcli.errors import InputError
from factcli.knowledge.entries import Entry, json_entries, lines_of, reject, text_of
from factcli.rows import Reject

WRAPPERS = ("Data", "data")  # TriviaQA's own files hold their questions below "Data"
PARQUET = b"PAR1"


class Header(NamedTuple):
    """What the columns of a table should be; where none is named, all are read. `headless`: those of one without a header.

    `needed` says what would do.
    """

    columns: Sequence[str]
    optional: Sequence[str]
    headless: Sequence[str]
    needed: str


def entries_of_file(path: Path, wanted: Header) -> Iterator[Entry | Reject]:
    """The entries of a file. Raises InputError for one that cannot be read, or whose header lacks some of the columns."""
    if _is_parquet(path):
        yield from _of_parquet(path, wanted)
        return
    content = text_of(path)
    if content.lstrip()[0] in "[{":
        yield from _of_json(path, content)
        return
    first = content.partition("\n")[0]
    rows = _tab_separated(content) if "\t" in first else _comma_separated(path, content)
    yield from _of_table(path, rows, wanted)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == PARQUET
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "give a file that is there") from error


def _of_parquet(path: Path, wanted: Header) -> Iterator[Entry]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise InputError(f"{path} is Parquet, which needs pyarrow", 'pip install "factcli[train]"') from error
    try:
        number, file = 0, ParquetFile(path)
        named = (*wanted.columns, *wanted.optional)
        names = [name for name in file.schema_arrow.names if name in named or not named]
        _require(path, names, wanted)
        for batch in file.iter_batches(columns=names):
            for values in batch.to_pylist():
                number += 1
                yield Entry(f"row {number}", json.dumps(values, ensure_ascii=False, default=str), values)
    except (ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is damaged: {error}", "fetch it again") from error


def _of_json(path: Path, content: str) -> Iterator[Entry | Reject]:
    """A JSON list, JSONL, or one object that wraps a list."""
    if content.lstrip()[0] == "{":
        try:
            whole = json.loads(content)
        except (ValueError, RecursionError):  # JSONL, which json_entries reads
            whole = {}
        wrapped = next((whole[name] for name in WRAPPERS if isinstance(whole.get(name), list)), None)
        if wrapped is not None:
            yield from (Entry(f"entry {n}", json.dumps(value, ensure_ascii=False), value) for n, value in enumerate(wrapped, 1))
            return
    yield from json_entries(path)


Rows = Iterator[tuple[str, str, list[str]]]  # place, text, cells


def _tab_separated(content: str) -> Rows:
    # Line by line: no cell holds a line break, and a stray quote then spoils one row instead of all after it.
    for place, line in lines_of(content):
        try:
            yield place, line, next(csv.reader([line], delimiter="\t"), [])
        except csv.Error:  # a cell beyond csv's own limit of 131,072 characters
            yield place, line, []


def _comma_separated(path: Path, content: str) -> Rows:
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        for cells in rows:
            if cells:
                yield f"line {rows.line_num}", ",".join(cells), cells
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num} is no CSV: {error}", "a cell with a line break or quotes must stand in quotes") from error


def _of_table(path: Path, rows: Rows, wanted: Header) -> Iterator[Entry | Reject]:
    place, text, header = next(rows)
    is_headless = len(header) == len(wanted.headless) and not set(header) & {*wanted.columns, *wanted.headless[:1]}
    if wanted.headless and is_headless:
        yield _entry(place, text, wanted.headless, header)
        header = list(wanted.headless)
    _require(path, header, wanted)
    for place, text, cells in rows:
        yield _entry(place, text, header, cells)


def _require(path: Path, header: Sequence[str], wanted: Header) -> None:
    missing = [name for name in wanted.columns if name not in header]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}", f"need {wanted.needed}")


def _entry(place: str, text: str, header: Sequence[str], cells: Sequence[str]) -> Entry | Reject:
    if len(cells) != len(header):
        return reject(place, text, f"has {len(cells)} columns, the header {len(header)}")
    values: dict[str, Any] = dict(zip(header, cells, strict=True))
    return Entry(place, text, values)
