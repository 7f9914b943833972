"""Two processes, one work: the second gets one clear line, or waits."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from factcli.artifact import Draft, awaiting_others
from factcli.artifact.partial import all_partials
from factcli.errors import InputError
from tests.artifact.toy import ToyConfig, make_toy, person, toy_plan

HOLDER = """
import sys
from pathlib import Path
from factcli.artifact import Draft
from tests.artifact.toy import ToyConfig, person, toy_plan
with Draft(toy_plan(ToyConfig()), Path(sys.argv[1])) as draft:
    draft.write("p0", 0, {"people": [person(0)]})
    print("holding", flush=True)
    sys.stdin.read()
"""


def holder(root: Path) -> subprocess.Popen[str]:
    """A real process that has begun the work and holds its lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


def test_a_second_process_is_told_who_works_and_what_to_do_and_disturbs_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(InputError) as raised:
            make_toy(tmp_path)
        assert f"toy is being made by process {process.pid} on {socket.gethostname()} since 20" in raised.value.message
        assert "\n" not in raised.value.message
        assert raised.value.hint.startswith("wait until it is done")
        assert raised.value.exit_code == 3
        assert [(p.state, p.n_units, p.owner and p.owner.pid) for p in all_partials(tmp_path)] == [("running", 1, process.pid)]
        other = make_toy(tmp_path, seed=1)  # other work under the same name is free
        assert other.ref == "toy@1"
        process.communicate("")
    assert process.returncode == 0
    assert make_toy(tmp_path).ref == "toy@2"


def test_one_that_awaits_others_goes_on_when_they_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder lets go when the word of the waiting comes; it leaves one unit, and the version is made whole of it."""
    with holder(tmp_path) as process:
        told = []

        def let_go(record: logging.LogRecord) -> None:
            told.append(record.getMessage())
            process.communicate("")

        monkeypatch.setattr(logging.getLogger("factcli.artifact.draft"), "handle", let_go)
        with awaiting_others():
            assert make_toy(tmp_path).ref == "toy@1"
        assert len(told) == 1
        assert f"waiting: toy is being made by process {process.pid}" in told[0]


def test_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
    assert [(p.state, p.n_units) for p in all_partials(tmp_path)] == [("interrupted", 1)]
    with Draft(toy_plan(ToyConfig()), tmp_path) as draft:
        assert draft.done("p0")


def test_an_owner_that_cannot_be_read_is_another_process(tmp_path: Path) -> None:
    with Draft(toy_plan(ToyConfig()), tmp_path) as draft:
        (draft.partial / "owner.json").write_text("{")
        with pytest.raises(InputError, match="is being made by another process"), Draft(toy_plan(ToyConfig()), tmp_path):
            pass
        draft.write("p0", 0, {"people": [person(0)]})
