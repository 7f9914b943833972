"""A table of items in the formats that other tools read: CSV, JSON, JSONL, Parquet, and a folder for `datasets.load_from_disk`.

CSV opens in spreadsheets, which run a cell that begins with = + - or @ as a formula; what a model said may begin so. Such a text gets an
apostrophe in front, which spreadsheets take for "this is text" and `unescaped` takes off again. Numbers stay numbers.
"""

import csv
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from factcli.errors import InputError, SettingsError
from factcli.stages.look.items import NUMBERS, TRUTHS, ItemTable

Format = Literal["csv", "json", "jsonl", "parquet", "datasets"]
FORMATS: tuple[str, ...] = get_args(Format)
FORMULA = re.compile(r"'*[=+\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]")


def format_of(to: Path, given: str | None) -> Format:
    """The format that is given, else the one that the name of the file says; a folder is for `datasets`."""
    named = given or {"": "datasets"}.get(to.suffix, to.suffix.removeprefix("."))
    if named not in FORMATS:
        raise SettingsError(f"there is no format {named!r}", f"--as {', '.join(FORMATS)}; or a file name that ends so")
    return named  # type: ignore[return-value]  # one of FORMATS


def write_table(table: ItemTable, to: Path, kind: Format) -> None:
    """The table in `to`, whole or not there at all. InputError where something is there: nothing is overwritten."""
    if to.exists() or to.is_symlink():
        raise InputError(f"{to} is there: nothing is overwritten", "give --to another name, or remove it")
    part = to.with_name(f".{to.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        WRITERS[kind](table, part)
        os.rename(part, to)
    except BaseException:
        shutil.rmtree(part) if part.is_dir() else part.unlink(missing_ok=True)
        raise


def _write_csv(table: ItemTable, to: Path) -> None:
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows([_cell(row[name]) for name in table.columns] for row in table.rows)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return escaped(json.dumps(value, ensure_ascii=False))
    return escaped(value) if isinstance(value, str) else "" if value is None else value


def escaped(text: str) -> str:
    """The text, with an apostrophe in front of one that a spreadsheet would run; of one that looks escaped already, too."""
    return f"'{text}" if FORMULA.match(text) else text


def unescaped(cell: str) -> str:
    """What was escaped, again."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _write_json(table: ItemTable, to: Path) -> None:
    to.write_text(json.dumps([_ordered(table, row) for row in table.rows], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_jsonl(table: ItemTable, to: Path) -> None:
    with to.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_ordered(table, row), ensure_ascii=False) + "\n" for row in table.rows)


def _ordered(table: ItemTable, row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in table.columns}


def _arrow(table: ItemTable) -> Any:
    """Every column has its type, also one that holds nothing: `datasets` and Parquet would not know it otherwise."""
    try:
        import pyarrow
    except ImportError as error:
        raise InputError("this format needs pyarrow", 'pip install "factcli[train]"; or --as csv, json, jsonl') from error
    kinds = {"gold": pyarrow.list_(pyarrow.string())}
    kinds |= dict.fromkeys((*NUMBERS, *table.figures), pyarrow.float64()) | dict.fromkeys(TRUTHS, pyarrow.bool_())
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in table.columns])
    return pyarrow.Table.from_pylist([_ordered(table, row) for row in table.rows], schema=schema)


def _write_parquet(table: ItemTable, to: Path) -> None:
    arrow = _arrow(table)
    from pyarrow.parquet import write_table as write

    write(arrow, to)


def _write_datasets(table: ItemTable, to: Path) -> None:
    arrow = _arrow(table)
    try:
        from datasets import Dataset
    except ImportError as error:
        raise InputError("a folder for `datasets` needs the library", 'pip install "factcli[train]"; or --as parquet') from error
    Dataset(arrow).save_to_disk(str(to))


WRITERS = {"csv": _write_csv, "json": _write_json, "jsonl": _write_jsonl, "parquet": _write_parquet, "datasets": _write_datasets}
