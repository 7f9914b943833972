"""Real processes for tests: one that is killed at a chosen line, one that holds a lock until it is told to let go."""

import contextlib
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import factcli.artifact

TRACED = (*map(str, Path(factcli.artifact.__file__).parent.glob("*.py")), shutil.__file__)


def run_in_child(work: Callable[[], Any]) -> int:
    """Fork, work, and give the child's wait status: 0 when it ended well, 9 when it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def killed_at_line(line: int, work: Callable[[], Any], files: tuple[str, ...] = TRACED) -> bool:
    """Work in a child that is killed before the `line`-th line of `files` that it runs. False: it ended first."""

    def traced() -> None:
        counter = iter(range(1, sys.maxsize))

        def on_event(frame: FrameType, event: str, _: Any) -> Any:
            if frame.f_code.co_filename not in files:
                return None
            if event == "line" and next(counter) == line:
                os.kill(os.getpid(), signal.SIGKILL)
            return on_event

        sys.settrace(on_event)
        work()

    status = run_in_child(traced)
    assert status in (0, signal.SIGKILL), f"the child failed: {status}"
    return status == signal.SIGKILL


def killed_at_byte(n_bytes: int, work: Callable[[], Any]) -> bool:
    """Work in a child that the kernel kills when a file grows beyond `n_bytes`, in the middle of the write."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        work()

    status = run_in_child(limited)
    assert status == 0 or os.WTERMSIG(status) == signal.SIGXFSZ, f"the child failed: {status}"
    return status != 0


@contextlib.contextmanager
def disk_of(n_bytes: int) -> Iterator[None]:
    """Writes beyond `n_bytes` of any one file fail with an OSError, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
