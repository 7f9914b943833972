"""What a command leaves of the terminal that it was typed on."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"
LONGEST_S = 300


@pytest.mark.parametrize(("command", "number"), [("world", signal.SIGINT), ("demo", signal.SIGINT), ("world", signal.SIGTERM)])
def test_an_interrupted_command_gives_the_cursor_back(command: str, number: signal.Signals, tmp_path: Path) -> None:
    own, theirs = pty.openpty()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm"}
    typed = [sys.executable, "-m", "factcli.cli", command, "--size", "micro"]
    process = subprocess.Popen(typed, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said, ends = b"", time.monotonic() + LONGEST_S
    while HIDDEN not in said and time.monotonic() < ends:
        said += os.read(own, 4096)
    process.send_signal(number)
    said += _rest(own)
    assert process.wait(LONGEST_S) == 130, said
    assert said.count(HIDDEN) > 0
    assert said.rfind(SHOWN) > said.rfind(HIDDEN), said


def _rest(terminal: int) -> bytes:
    """What is still said on a terminal until its other end is closed, which Linux tells as an error of input, others as no bytes."""
    said = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            piece = b""
        if not piece:
            return said
        said += piece


def test_help_lists_commands_in_the_order_of_the_work() -> None:
    """Every command has its place: one that is new gets one."""
    from typer.main import get_command

    from factcli.cli import ORDER, app

    command = get_command(app)
    assert tuple(command.list_commands(None)) == ORDER  # type: ignore[attr-defined,arg-type]  # a group; its list needs no context
