"""Start training in another process and follow it. No torch here.

On a CPU one warm child runs job after job (a start costs seconds of imports); on a GPU `accelerate launch`
runs each job. Both report JSON events on stdout; what they log goes to a file.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from factcli.errors import DivergedError, FactError, TrainingError
from factcli.extras import require_train

Event = dict[str, Any]
OnEvent = Callable[[Event], None]
Launcher = Literal["auto", "child", "accelerate"]
ERRORS: Mapping[str, type[FactError]] = {kind.__name__: kind for kind in (*FactError.__subclasses__(), DivergedError)}
STOP_GRACE_S = 20.0  # a stopped worker ends its step and writes a checkpoint
LOG_TAIL_LINES = 15


def has_gpu() -> bool:
    """Whether a GPU driver is loaded and not hidden, told without importing torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") in ("", "-1"):
        return False
    return any(Path(path).exists() for path in ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/kfd"))


def serve_argv() -> list[str]:
    """The warm child, which gets the path of one job after the other on stdin."""
    return [sys.executable, "-m", "factcli.train.worker", "--serve"]


def child_argv(job: Path) -> list[str]:
    """The plain process for one job: what to type to run it again."""
    return [sys.executable, "-m", "factcli.train.worker", str(job)]


def argv_for(job: Path, launcher: Launcher = "auto") -> list[str]:
    """The exact command that runs a job in a process of its own, as it is launched on a GPU, or to type again."""
    if launcher == "child" or (launcher == "auto" and not has_gpu()):
        return child_argv(job)
    return [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "1", "-m", "factcli.train.worker", str(job)]


def stdin_line(job: Path) -> str:
    """How the warm child is told of a job."""
    return json.dumps(str(job.resolve()))


@dataclass(frozen=True, slots=True)
class Launch:
    """A process that trains: its command, and what it is told on stdin."""

    argv: list[str]
    stdin: str | None = None


class Trainer:
    """Runs jobs; as a context manager it keeps one warm child on CPU and ends it at the exit.

    `log`: file that gets the workers' stderr, appended. `start()` early lets the imports overlap other work.
    """

    def __init__(self, log: Path, launcher: Launcher = "auto") -> None:
        self.log = log
        self.launcher = launcher
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def is_warm(self) -> bool:
        """Whether jobs share one child."""
        return "accelerate.commands.launch" not in self.argv(Path("job.json"))

    def argv(self, job: Path) -> list[str]:
        return argv_for(job, self.launcher)

    def launch_of(self, job: Path) -> Launch:
        """What `run` starts for a job, unless the warm child is there already."""
        if self.is_warm:
            return Launch(serve_argv(), stdin_line(job))
        return Launch(self.argv(job.resolve()))

    def start(self) -> None:
        """Start the warm child now, if there is to be one. Raises BackendError where torch is not installed."""
        require_train()
        if self.is_warm and (self._child is None or self._child.poll() is not None):
            self._child = self._spawn(serve_argv())

    def run(self, job: Path, on_event: OnEvent) -> Event:
        """Run a job to its end and give its result; a failure raises what the worker met."""
        if not self.is_warm:
            return self._run_once(job, on_event)
        self.start()
        child = self._child
        assert child is not None
        assert child.stdin is not None
        try:
            child.stdin.write(stdin_line(job) + "\n")
            child.stdin.flush()
            return self._follow(job, child, on_event)
        except BrokenPipeError:
            raise self._failure(job, "the training process ended before the job began") from None
        except BaseException as error:
            if isinstance(error, TrainingError) or not isinstance(error, FactError):
                self.close()  # interrupted in the middle of a job, or broken: of no more use
            raise

    def _run_once(self, job: Path, on_event: OnEvent) -> Event:
        child = self._spawn(self.launch_of(job).argv)
        try:
            return self._follow(job, child, on_event)
        finally:
            stop(child)

    def _spawn(self, argv: list[str]) -> "subprocess.Popen[str]":
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as errors:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env={**os.environ, "FACT_WATCH_PARENT": "1"},
            )

    def _follow(self, job: Path, child: "subprocess.Popen[str]", on_event: OnEvent) -> Event:
        """Pass events on until one that ends the job."""
        assert child.stdout is not None
        for event in events_of(child.stdout):
            kind = event["event"]
            if kind == "done":
                return event["result"]
            if kind == "failed":
                raise self._told_by_worker(event, job)
            if kind == "interrupted":
                raise KeyboardInterrupt(event["message"])
            if kind == "crashed":
                raise self._failure(job, event["message"])
            on_event(event)
        raise self._failure(job, f"the training process ended with code {child.wait()}")

    def _told_by_worker(self, event: Event, job: Path) -> FactError:
        """The worker's own error. To run the job again is a way out where training failed; a wrong setting or input would only fail again."""
        kind = ERRORS.get(event["error"], TrainingError)
        again = f"run it again with: {shlex.join(self.argv(job.resolve()))}" if kind is TrainingError else ""
        return kind(event["message"], hint=event["hint"] or again)

    def _failure(self, job: Path, what: str) -> TrainingError:
        tail = "".join(f"\n  {line}" for line in last_lines(self.log))
        command = shlex.join(self.argv(job.resolve()))
        return TrainingError(f"training failed: {what}; last lines of {self.log}:{tail}", hint=f"rerun: {command}")

    def close(self) -> None:
        """End the warm child: at once if it is idle, after its step and a checkpoint if not."""
        if self._child is not None:
            stop(self._child)
            self._child = None


def stop(child: "subprocess.Popen[str]") -> None:
    """Ask it to end (a running step ends first, and a checkpoint is written); kill it if it does not."""
    with contextlib.suppress(BrokenPipeError):
        if child.stdin is not None:
            child.stdin.close()
    child.terminate()
    drain = threading.Thread(target=lambda: child.stdout and child.stdout.read(), daemon=True)
    drain.start()  # so that a child with much to say can end
    try:
        child.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    drain.join(1.0)
    if child.stdout is not None:
        child.stdout.close()


def events_of(stream: IO[str]) -> Iterable[Event]:
    """The events among the lines of a worker's stdout; launchers print lines of their own."""
    for line in stream:
        if not line.startswith('{"event"'):
            continue
        event = json.loads(line)
        if event["event"] != "ready":
            yield event


def last_lines(log: Path) -> list[str]:
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, LOG_TAIL_LINES)]
    except OSError:
        return []


def run(job: Path, on_event: OnEvent, log: Path | None = None, launcher: Launcher = "auto") -> Event:
    """Run one job in a process of its own; its log lies beside the job file unless `log` says otherwise."""
    with Trainer(log or job.with_suffix(".log"), launcher) as trainer:
        return trainer.run(job, on_event)
