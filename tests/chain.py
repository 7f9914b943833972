"""A world small enough for tests, and the `fact` command as a person runs it."""

import json
import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factcli.cli import app
from factcli.commands.making import sharing_trainer


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def made(self) -> Path:
        return Path(self.out.strip().splitlines()[-1])


@dataclass(frozen=True)
class Folder:
    """An empty folder in which `fact` is typed; the micro recipe makes a world in seconds."""

    path: Path

    def popen(self, *arguments: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
        return subprocess.Popen(
            [sys.executable, "-m", "factcli.cli", *arguments],
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fact(self, *arguments: str) -> Ran:
        process = self.popen(*arguments)
        out, err = process.communicate()
        return Ran(process.returncode, out, err)

    def typed(self, *arguments: str) -> Ran:
        """The same in this process: for the many commands that end before any work, where a process of its own would mostly load modules."""
        with chdir(self.path):
            done = CliRunner().invoke(app, list(arguments))
        return Ran(done.exit_code, done.stdout, done.stderr)

    def makes(self, *commands: str) -> None:
        """Commands in this process that share one warm child, as the steps of a recipe do: torch is loaded once."""
        with pytest.MonkeyPatch.context() as patch, chdir(self.path), sharing_trainer(Path("data")):
            patch.setenv("OMP_NUM_THREADS", "1")
            for command in commands:
                ran = self.typed(*command.split())
                assert ran.code == 0, f"fact {command} ended with {ran.code}\n{ran.err}"

    def must(self, *arguments: str) -> Ran:
        ran = self.fact(*arguments)
        assert ran.code == 0, f"fact {' '.join(arguments)} ended with {ran.code}\n{ran.err}"
        return ran

    def manifest(self, ref: str) -> dict:
        name, _, version = ref.partition("@")
        return json.loads((self.path / "data" / name / f"v{int(version or 1):04d}" / "manifest.json").read_text())

    def rows(self, name: str, table: str, version: int = 1) -> list[dict]:
        path = self.path / "data" / name / f"v{version:04d}" / f"{table}.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
