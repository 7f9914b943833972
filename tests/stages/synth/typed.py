"""`fact` typed in this process, in an empty folder with a cache of its own, and the tables of what it made."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from factcli.cli import app
from tests.chain import Ran


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, entered."""
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*arguments: object) -> Ran:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return Ran(done.exit_code, done.stdout, done.stderr)


def made(*arguments: object) -> Path:
    """The version that the command made."""
    ran = typed(*arguments)
    assert ran.code == 0, ran.err
    return ran.made


def told(ran: Ran, code: int, words: str) -> None:
    """Two lines, the first with what is wrong, the second with the way out; the documented code; nothing on stdout."""
    assert ran.code == code, ran.err
    assert ran.out == ""
    error, way_out = ran.err.strip().splitlines()[-2:]
    assert error.startswith("error: ")
    assert way_out.startswith("  way out: ")
    assert words in error + way_out, ran.err


def rows(version: Path, table: str) -> list[dict[str, Any]]:
    path = version / f"{table}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def manifest(version: Path) -> dict[str, Any]:
    return json.loads((version / "manifest.json").read_text(encoding="utf-8"))


def jsonl(path: Path, *entries: object) -> Path:
    path.write_text("".join(f"{entry if isinstance(entry, str) else json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    return path
