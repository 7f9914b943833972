"""The end of a training process that was asked for. No torch here."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

NOTICE_S = 3.0  # before a person is told what is waited for; most steps are shorter
SAME_PRESS_S = 1.0  # `timeout` and other wrappers send one Ctrl-C twice
STEP_ENDS_FIRST = "the running step ends first; press again to stop now"


def stop(child: "subprocess.Popen[str]") -> None:
    """Have it end, and wait: a running step ends first, and a checkpoint is written, however long that takes. A second Ctrl-C kills it.

    It learns of it by the end of stdin, which all workers of a launcher watch: a launcher that gets a signal kills them after a while.
    """
    with contextlib.suppress(BrokenPipeError):
        if child.stdin is not None:
            child.stdin.close()
    drain = threading.Thread(target=lambda: child.stdout and child.stdout.read(), daemon=True)
    drain.start()  # so that a child with much to say can end
    press = _await_end(child)
    drain.join(1.0)
    if child.stdout is not None:
        child.stdout.close()
    if press is not None:
        raise press


def _await_end(child: "subprocess.Popen[str]") -> KeyboardInterrupt | None:
    """Wait for it; gives the Ctrl-C that came meanwhile."""
    begun_s, press = time.monotonic(), None
    while child.poll() is None:
        try:
            _wait_and_tell(child)
        except KeyboardInterrupt as error:
            press = error
            if time.monotonic() - begun_s > SAME_PRESS_S:
                kill(child)
    return press


def _wait_and_tell(child: "subprocess.Popen[str]") -> None:
    try:
        child.wait(NOTICE_S)
    except subprocess.TimeoutExpired:
        print(STEP_ENDS_FIRST, file=sys.stderr, flush=True)
        child.wait()


def kill(child: "subprocess.Popen[str]") -> None:
    """At once, and what it has started: workers of torch's launcher are in sessions of their own, where no signal to a group reaches them."""
    for pid in [*below(child.pid), child.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    child.wait()


def below(pid: int) -> Iterator[int]:
    """The processes that this one has started, and those that they have; none where there is no /proc."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for child in map(int, children.read_text().split()):
                yield child
                yield from below(child)
