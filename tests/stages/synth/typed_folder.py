"""`fact` in this process, from another folder: the real command line without the second that a new process takes."""

import contextlib
from dataclasses import dataclass

from typer.testing import CliRunner

from factcli.cli import app
from tests.chain import Folder, Ran


@dataclass(frozen=True)
class Typed(Folder):
    """A folder in which `fact` is typed."""

    def fact(self, *arguments: str) -> Ran:
        with contextlib.chdir(self.path):
            result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments])
        return Ran(result.exit_code, result.stdout, result.stderr)


def assert_refused(ran: Ran, code: int, *words: str) -> None:
    """Two lines that say what is wrong, and the documented exit code."""
    assert ran.code == code, ran.err
    assert len(ran.err.strip().splitlines()) == 2
    assert all(word in ran.err for word in words), ran.err
