"""Training as a job of a Slurm cluster: a script from a template, its submission, and what it tells on the way. No torch here.

The job writes its events to a file beside the job file, which lies on a disk that all machines share; `fact` reads it there. One that
was closed or killed finds its job again in the queue when the same command is typed.
"""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from factcli.errors import SettingsError, TrainingError
from factcli.resolving import configs_directory
from factcli.train.launching import LaunchConfig, SlurmConfig, launcher_argv

Event = dict[str, Any]
EVENTS = "FACT_EVENTS"  # the worker appends its events to the file that this names
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL")  # and none of these comes back
UNKNOWN_JOB = "Invalid job id"  # how squeue begins to say that Slurm has forgotten a job; any other failure of squeue is its own
MOST_UNANSWERED = 120  # looks at a queue that does not answer: ten minutes at the default poll_s, and more where squeue itself waits
PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "srun")


class AtTemplate(Template):
    """`@{name}`: a shell script is full of dollars. A lone @ is written twice."""

    delimiter = "@"


@dataclass(frozen=True, slots=True)
class Script:
    """What a job of the queue runs. `command`: in shell words; `array`: how many tasks, 0 for a plain job; each has a log of its own beside `log`."""

    name: str
    command: str
    log: Path
    environment: tuple[tuple[str, str], ...] = ()
    nodes: int = 1
    array: int = 0


def render(script: Script, slurm: SlurmConfig) -> str:
    """The sbatch script. Raises SettingsError where the template cannot be read or asks for what is not known."""
    path = Path(slurm.template) if slurm.template else configs_directory() / "slurm" / "job.sbatch"
    exports = [f"export {name}={shlex.quote(value)}" for name, value in script.environment]
    fields = {
        "name": quoted(script.name),
        "nodes": script.nodes,
        "log": quoted(log_pattern(script.log, script.array)),
        "notice_s": slurm.notice_s,
        "options": "\n".join(f"#SBATCH {option}" for option in options_of(slurm, script.array)),
        "setup": "\n".join([*exports, slurm.setup]),
        "command": script.command,
    }
    try:
        return AtTemplate(path.read_text(encoding="utf-8")).substitute(fields)
    except OSError as error:
        raise SettingsError(f"launch.slurm.template {path} cannot be read: {error.strerror}", "configs/slurm/job.sbatch is one to copy") from error
    except (KeyError, ValueError) as error:
        raise SettingsError(f"launch.slurm.template {path}: {error}", f"known: {', '.join(fields)}, as @{{name}}; a lone @ is written @@") from error


def quoted(value: str) -> str:
    """A value as sbatch reads it in a directive: not as a shell does, but with double quotes and backslashes (src/sbatch/opt.c, _get_argument)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def log_pattern(log: Path, array: int) -> str:
    """sbatch's pattern for the file. Raises SettingsError for a path that no pattern stands for."""
    if "\\" in str(log) or "\n" in str(log):  # a backslash turns off all that a pattern's % stands for
        raise SettingsError(f"{str(log)!r} is no log for Slurm: it has a backslash or a line break", "choose another --data")
    path = Path(str(log).replace("%", "%%"))
    return str(path.with_name(f"{path.stem}-%A_%a{path.suffix}") if array else path)


def options_of(slurm: SlurmConfig, array: int) -> list[str]:
    named = {
        "partition": slurm.partition,
        "account": slurm.account,
        "time": slurm.time_limit,
        "mem": slurm.memory,
        "gpus-per-node": slurm.gpus_per_node or None,
        "cpus-per-task": slurm.cpus_per_node or None,
        "array": f"0-{array - 1}" if array else None,
    }
    return [*(f"--{name}={value}" for name, value in named.items() if value is not None), *slurm.options]


def training_command(job: Path, launch: LaunchConfig) -> str:
    """What each machine runs, in shell words; the processes of all meet at `$main`, port `$port`."""
    meeting = ' --main_process_ip "$main" --main_process_port "$port" --rdzv_backend c10d' if launch.nodes > 1 else ""
    return f"{shlex.join(launcher_argv(launch))}{meeting} {shlex.join(['-m', 'factcli.train.worker', str(job)])}"


def submit(script: Path) -> str:
    """The number of the job. Raises TrainingError with what Slurm says."""
    command = ["sbatch", "--parsable", str(script)]
    told = _ran(command)
    if told.returncode:
        raise TrainingError(f"sbatch refused: {told.stderr.strip()}", f"the command was: {shlex.join(command)}")
    return told.stdout.strip().split(";")[0]


def state_of(number: str) -> str | None:
    """The job's state, as Slurm names it; "" once Slurm no longer knows it, None where squeue does not say."""
    told = _ran(["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={number}"])
    if told.returncode == 0 and told.stdout.strip():
        return told.stdout.split()[0]
    return "" if UNKNOWN_JOB in told.stderr else None


def is_over(state: str | None) -> bool:
    """Whether a job neither waits, nor runs, nor goes back into the queue; what nobody says is not so."""
    return state == "" or state in OVER


def _ran(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SettingsError(f"launcher is slurm and there is no {command[0]} here", "type it where the cluster's commands are, or --launcher local") from error


@dataclass(frozen=True, slots=True)
class Queued:
    """A training job on its way through the queue, and the files beside its job file."""

    job: Path
    number: str

    @property
    def events(self) -> Path:
        return self.job.with_suffix(".events")

    @property
    def log(self) -> Path:
        return self.job.with_suffix(".log")

    def news(self, poll_s: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Event]:
        """Its events as they come, until it is over; then none is missing."""
        with self.events.open(encoding="utf-8") as lines:
            for is_last in self._looks(poll_s, sleep):  # at the queue before the file, so that nothing is written after the last look
                yield from _whole_lines(lines)
                if is_last:
                    return

    def _looks(self, poll_s: float, sleep: Callable[[float], None]) -> Iterator[bool]:
        """Look after look whether it is over. Raises TrainingError where squeue goes on not saying."""
        unanswered = 0
        while True:
            state = state_of(self.number)
            unanswered = unanswered + 1 if state is None else 0
            if unanswered == MOST_UNANSWERED:
                raise self.may_still_run(f"squeue has failed {unanswered} times in a row")
            yield is_over(state)
            sleep(poll_s)

    def may_still_run(self, why: str) -> TrainingError:
        """What to say where nobody knows: another process in the same folder would spoil both."""
        hint = f"see squeue -j {self.number}; once it answers, the same command follows the job; scancel {self.number} ends it"
        return TrainingError(f"{why}: Slurm job {self.number} may still run", hint)

    def end(self, poll_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Have it end, and wait: its running step ends first, and a checkpoint is written, however long that takes. A second Ctrl-C cancels it."""
        try:
            # scancel by itself kills what has not ended after the cluster's KillWait, 30 s by default; a job that has not begun has no step to ask
            _ran(["scancel", *(["--signal=TERM"] if self._is_training() else []), self.number])
            for is_last in self._looks(poll_s, sleep):
                if is_last:
                    return
        except KeyboardInterrupt:
            _ran(["scancel", self.number])

    def _is_training(self) -> bool:
        return state_of(self.number) == "RUNNING" and self.events.stat().st_size > 0


def _whole_lines(lines: Any) -> Iterator[Event]:
    """Events up to the end; the beginning of a line that is still being written waits for the next look."""
    while True:
        place = lines.tell()
        line = lines.readline()
        if not line.endswith("\n"):
            lines.seek(place)
            return
        yield json.loads(line)


def enqueue(job: Path, launch: LaunchConfig) -> Queued:
    """The job in the queue: the one that an earlier command left there for the same folder, or a new one.

    The folder is named after all that can change a result, so the job that is found makes what this one would, whatever else it was told.
    Raises TrainingError where an earlier one is left and squeue does not say what became of it.
    """
    note = job.with_suffix(".queued.json")
    if (left := _left(note, job)) is not None:
        state = state_of(left.number)
        if state is None:
            raise left.may_still_run("an earlier command submitted a job for this folder, and squeue fails")
        if not is_over(state):
            return left
    queued = Queued(job, "")
    queued.events.write_text("", encoding="utf-8")
    script = Script(f"fact-{job.stem}", training_command(job, launch), queued.log, ((EVENTS, str(queued.events)),), launch.nodes)
    path = job.with_suffix(".sbatch")
    path.write_text(render(script, launch.slurm), encoding="utf-8")
    number = submit(path)
    note.write_text(json.dumps({"number": number}), encoding="utf-8")
    return Queued(job, number)


def _left(note: Path, job: Path) -> Queued | None:
    """The job that an earlier command has submitted."""
    try:
        return Queued(job, json.loads(note.read_text(encoding="utf-8"))["number"])
    except (OSError, ValueError):
        return None
