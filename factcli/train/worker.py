"""Runs jobs in a process of its own: `python -m factcli.train.worker job.json`, or `--serve` for one after another.

Events go to stdout as JSON lines, everything that libraries print goes to stderr. Serving, job paths come as
JSON strings on stdin; when stdin ends, the parent is gone, and the worker stops, in the middle of a job too.
"""

import importlib
import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from factcli.errors import INTERRUPTED, FactError
from factcli.train.heap import give_back, keep_freed
from factcli.train.job import Job, Unit, load, unit_of
from factcli.train.shortage import first_words, is_out_of_memory, shortage
from factcli.train.slurm import EVENTS

Event = dict[str, object]
Run = Callable[[Any, Callable[[Event], None]], Any]

# kind of job -> "module:function" of (job, on_event) -> result; imported when first needed
STAGES = {
    "pretrain": "factcli.train.pretrain:run_pretrain",
    "knowledge": "factcli.train.knowledge:run_knowledge",
    "skill": "factcli.train.skill:run_skill",
    "preference": "factcli.train.preference.run:run_preference",
}
STEP_GRACE_S = 3600.0  # to end the running step and write a checkpoint; what takes longer hangs
IDLE_GRACE_S = 10.0  # outside of the training loop, where there is nothing to save


def stage_of(job: Job) -> Run:
    module, function = STAGES[job.kind].split(":")
    return getattr(importlib.import_module(module), function)


def run_job(path: str, send: Callable[[Event], None]) -> int:
    """Run one job file; the last event is done, failed, interrupted or crashed. Gives the exit code."""
    job: Job | None = None
    try:
        job = load(Path(path))
        result = stage_of(job)(job, send)
    except FactError as error:
        name = type(error).__name__
        send({"event": "failed", "error": name, "message": error.message, "hint": error.hint})
        return error.exit_code
    except KeyboardInterrupt as error:
        send({"event": "interrupted", "message": str(error)})
        return INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the process boundary: whatever it is, the parent must hear of it
        return failed_unforeseen(error, send, "rows" if job is None else unit_of(job))
    send({"event": "done", "result": result})
    return 0


def failed_unforeseen(error: BaseException, send: Callable[[Event], None], unit: Unit) -> int:
    """Memory that ended outside of a pass, with a word on it; anything else is our bug. Called while the error is handled."""
    if is_out_of_memory(error):
        short = shortage(0, first_words(error), unit=unit)
        send({"event": "failed", "error": "TrainingError", "message": short.message, "hint": short.hint})
        return short.exit_code
    traceback.print_exc()
    send({"event": "crashed", "message": f"{type(error).__name__}: {error}"})
    return 1


def sender(stream: TextIO) -> Callable[[Event], None]:
    """Writes events as lines; a reader that has gone away is found by the watcher, not here."""

    def send(event: Event) -> None:
        try:
            stream.write(json.dumps(event) + "\n")
            stream.flush()
        except BrokenPipeError:
            os.kill(os.getpid(), signal.SIGTERM)

    return send


def keep_stdout_for_events() -> TextIO:
    """A stream on the real stdout, or to the file that FACT_EVENTS names; descriptor 1 itself leads to stderr from here on."""
    file = os.environ.get(EVENTS)
    events = open(file, "a", encoding="utf-8") if file else os.fdopen(os.dup(1), "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    os.dup2(2, 1)
    return events


def is_speaker() -> bool:
    """Only the first of several processes reports."""
    return os.environ.get("RANK", "0") == "0"


def log_failure(event: Event) -> None:
    """What another process than the first met: to the log, whose last lines a failure shows."""
    if event["event"] in ("failed", "crashed"):
        words = [str(event["message"]), str(event.get("hint", ""))]
        sys.stderr.write(f"process {os.environ.get('RANK')}: {'; '.join(word for word in words if word)}\n")


def read_paths(paths: "queue.Queue[str | None]") -> None:
    """Feed job paths to the queue; at the end of stdin the parent is gone, and so is the reason to run."""
    for line in sys.stdin:
        paths.put(json.loads(line))
    paths.put(None)
    stop_politely()


def watch_parent() -> None:
    """For a single job: stop when stdin, which the parent holds open, ends."""
    sys.stdin.read()
    stop_politely()


def stop_politely() -> None:
    """Ask the running job for a checkpoint and its end; leave anyway after a while."""
    is_idle = signal.getsignal(signal.SIGTERM) is interrupt  # the training loop has a handler of its own
    timer = threading.Timer(IDLE_GRACE_S if is_idle else STEP_GRACE_S, os._exit, args=(INTERRUPTED,))
    timer.daemon = True
    timer.start()
    os.kill(os.getpid(), signal.SIGTERM)


def serve(send: Callable[[Event], None]) -> int:
    """Jobs until stdin ends. The heavy imports come first, so that they overlap the parent's other work."""
    paths: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=read_paths, args=(paths,), daemon=True).start()
    for name in ("factcli.train.knowledge", "factcli.train.skill"):
        importlib.import_module(name)
    keeping = importlib.import_module("factcli.train.keeping")
    send({"event": "ready"})
    with keeping.keeping():
        while (path := paths.get()) is not None:
            run_job(path, send)
            give_back()  # first: what is free decides whether the base is kept
            keeping.settle()
    return 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt("stopped outside the training loop")


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, interrupt)
    send = sender(keep_stdout_for_events())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    keep_freed()
    if arguments == ["--serve"]:
        try:
            return serve(send)
        except KeyboardInterrupt:
            return INTERRUPTED
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m factcli.train.worker (job.json | --serve)\n")
        return 2
    if os.environ.get("FACT_WATCH_PARENT"):
        threading.Thread(target=watch_parent, daemon=True).start()
    return run_job(arguments[0], send if is_speaker() else log_failure)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # skip torch's slow teardown: all files are closed and events flushed
