"""Start training in another process and follow it. No torch here.

On a CPU one warm child runs job after job (a start costs seconds of imports); on a GPU, or where several
processes are asked for, accelerate's launcher runs each job. Both report JSON events on stdout; what they log goes to a file.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from factcli.errors import DivergedError, FactError, Terminated, TrainingError
from factcli.extras import require_deepspeed, require_train
from factcli.train.launching import HERE, LaunchConfig, is_deepspeed, launcher_argv, meeting_options
from factcli.train.slurm import enqueue, state_of
from factcli.train.stopping import STEP_ENDS_FIRST, stop

Event = dict[str, Any]
OnEvent = Callable[[Event], None]
Launcher = Literal["auto", "child", "accelerate"]
ERRORS: Mapping[str, type[FactError]] = {kind.__name__: kind for kind in (*FactError.__subclasses__(), DivergedError)}
LOG_TAIL_LINES = 15
OTHER = re.compile(r"process \d+: ")  # how the worker begins the line
REQUEST = "checkpoint-now"  # name of the file in a job's folder that asks for a checkpoint


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


def argv_for(job: Path, launcher: Launcher = "auto", launch: LaunchConfig = HERE) -> list[str]:
    """The exact command that runs a job in processes of its own, as it is launched on a GPU, or to type again."""
    if launch.is_plain and (launcher == "child" or (launcher == "auto" and not has_gpu())):
        return child_argv(job)
    return argv_of_machine(job, launch, 0)


def argv_of_machine(job: Path, launch: LaunchConfig, rank: int) -> list[str]:
    """What runs a job's processes on one of its machines."""
    meeting = meeting_options(launch.rendezvous, rank) if launch.rendezvous else []
    return [*launcher_argv(launch), *meeting, "-m", "factcli.train.worker", str(job)]


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
        self._begun = 0  # bytes of the log when the last process was started
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def is_warm(self) -> bool:
        """Whether jobs share one child."""
        return self.argv(Path("job.json")) == child_argv(Path("job.json"))

    def argv(self, job: Path, launch: LaunchConfig = HERE) -> list[str]:
        return argv_for(job, self.launcher, launch)

    def launch_of(self, job: Path, launch: LaunchConfig = HERE) -> Launch:
        """What `run` starts for a job, unless the warm child is there already."""
        if self.is_warm and launch.is_plain:
            return Launch(serve_argv(), stdin_line(job))
        return Launch(self.argv(job.resolve(), launch))

    def start(self) -> None:
        """Start the warm child now, if there is to be one. Raises BackendError where torch is not installed."""
        require_train()
        if self.is_warm and (self._child is None or self._child.poll() is not None):
            self._child = self._spawn(serve_argv())

    def run(self, job: Path, on_event: OnEvent, launch: LaunchConfig = HERE) -> Event:
        """Run a job to its end and give its result; a failure raises what the worker met. SIGUSR1 asks it for a checkpoint."""
        with passing_on(job):
            if launch.launcher == "slurm":
                return self._run_queued(job, on_event, launch)
            return self._run_warm(job, on_event) if self.is_warm and launch.is_plain else self._run_once(job, on_event, launch)

    def _run_warm(self, job: Path, on_event: OnEvent) -> Event:
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

    def _run_once(self, job: Path, on_event: OnEvent, launch: LaunchConfig) -> Event:
        require_train()
        if is_deepspeed(launch):
            require_deepspeed()
        self.close()  # a warm child, if there is one, holds memory that this run may need
        for rank in range(1, launch.nodes):
            on_event({"event": "note", "text": f"start on machine {rank + 1} of {launch.nodes}: {shlex.join(argv_of_machine(job.resolve(), launch, rank))}"})
        # a group of its own: hit by a terminal's Ctrl-C, torch's launcher kills its workers after 30 s, whatever they are writing
        child = self._spawn(self.launch_of(job, launch).argv, process_group=0)
        try:
            return self._follow(job, child, on_event, launch)
        finally:
            stop(child)

    def _spawn(self, argv: list[str], process_group: int | None = None) -> "subprocess.Popen[str]":
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as errors:
            self._begun = self.log.stat().st_size
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env={**os.environ, "FACT_WATCH_PARENT": "1"},
                process_group=process_group,
            )

    def _follow(self, job: Path, child: "subprocess.Popen[str]", on_event: OnEvent, launch: LaunchConfig = HERE) -> Event:
        """Pass events on until one that ends the job."""
        assert child.stdout is not None
        for event in events_of(child.stdout):
            if event["event"] == "interrupted":
                raise KeyboardInterrupt(event["message"])
            if (result := self._heard(event, job, on_event, launch)) is not None:
                return result
        raise self._failure(job, ended_in_words(child.wait()), launch)

    def _heard(self, event: Event, job: Path, on_event: OnEvent, launch: LaunchConfig) -> Event | None:
        """The result, if this event brings it; a failure is raised, anything else passed on."""
        kind = event["event"]
        if kind == "done":
            return event["result"]
        if kind == "failed":
            raise self._told_by_worker(event, job, launch)
        if kind == "crashed":
            raise self._failure(job, event["message"], launch)
        on_event(event)
        return None

    def _run_queued(self, job: Path, on_event: OnEvent, launch: LaunchConfig) -> Event:
        """As a job of Slurm. Its interruptions are its own matter as long as it goes back into the queue; our Ctrl-C ends it."""
        queued = enqueue(job.resolve(), launch)
        on_event({"event": "note", "text": f"Slurm job {queued.number}, log {queued.log}; when this command is killed, the job goes on, and is found again"})
        try:
            for event in queued.news(launch.slurm.poll_s):
                if event["event"] == "interrupted":
                    on_event({"event": "note", "text": f"Slurm job {queued.number}: {event['message']}; it goes on when it is its turn again"})
                elif (result := self._heard(event, job, on_event, launch)) is not None:
                    return result
        except Terminated:
            raise
        except KeyboardInterrupt:
            on_event({"event": "note", "text": f"Slurm job {queued.number}: {STEP_ENDS_FIRST}"})
            queued.end(launch.slurm.poll_s)
            raise
        raise self._failure(job, f"Slurm job {queued.number} ended as {state_of(queued.number) or 'unknown'}", launch, queued.log)

    def _told_by_worker(self, event: Event, job: Path, launch: LaunchConfig) -> FactError:
        """The worker's own error. To run the job again is a way out where training failed; a wrong setting or input would only fail again."""
        kind = ERRORS.get(event["error"], TrainingError)
        again = f"run it again with: {self._again(job, launch)}" if kind is TrainingError else ""
        return kind(event["message"], hint=event["hint"] or again)

    def _failure(self, job: Path, what: str, launch: LaunchConfig = HERE, log: Path | None = None) -> TrainingError:
        tail = "".join(f"\n  {line}" for line in last_lines(log or self.log, 0 if log else self._begun))
        return TrainingError(f"training failed: {what}; last lines of {log or self.log}:{tail}", hint=f"rerun: {self._again(job, launch)}")

    def _again(self, job: Path, launch: LaunchConfig) -> str:
        """What to type. A job of the queue is submitted again by `fact`, which then finds it there; where that is typed is no place to train."""
        return "the same command" if launch.launcher == "slurm" else shlex.join(self.argv(job.resolve(), launch))

    def close(self) -> None:
        """End the warm child: at once if it is idle, after its step and a checkpoint if not."""
        if self._child is not None:
            try:
                stop(self._child)
            finally:
                self._child = None


@contextmanager
def passing_on(job: Path) -> Iterator[None]:
    """Inside, SIGUSR1 to this process asks the job for a checkpoint, wherever it runs: by a file in its folder."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: request_checkpoint(job))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def request_checkpoint(job: Path) -> None:
    """Leave the file that a running job looks for between its steps."""
    folder = Path(json.loads(job.read_text(encoding="utf-8"))["out"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REQUEST).touch()


def ended_in_words(code: int) -> str:
    """A process that is killed cannot say why: where memory ends, the system does that."""
    words = f"the training process ended with code {code}"
    if code not in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return words
    names = "micro_rows=N; of fact dpo micro_pairs, of fact world pretrain.documents_per_step"
    way_out = f"fewer rows or pairs in a pass need less (--set {names}; --dry-run says how many fit)"
    return f"{words}: it was killed, as the system does where memory ends; {way_out}"


def events_of(stream: IO[str]) -> Iterable[Event]:
    """The events among the lines of a worker's stdout; launchers print lines of their own."""
    for line in stream:
        if not line.startswith('{"event"'):
            continue
        event = json.loads(line)
        if event["event"] != "ready":
            yield event


def last_lines(log: Path, begun: int = 0) -> list[str]:
    """Of what was written behind so many bytes; and above them what ended a process that is not the first, which launchers say much after."""
    try:
        lines = log.read_bytes()[begun:].decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    others = [line for line in lines[:-LOG_TAIL_LINES] if OTHER.match(line)]
    return [*others, *lines[-LOG_TAIL_LINES:]]


def run(job: Path, on_event: OnEvent, log: Path | None = None, launcher: Launcher = "auto") -> Event:
    """Run one job in a process of its own; its log lies beside the job file unless `log` says otherwise."""
    with Trainer(log or job.with_suffix(".log"), launcher) as trainer:
        return trainer.run(job, on_event)
