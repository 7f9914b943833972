"""Jobs in several real processes on this machine, with gloo between them."""

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate.state import AcceleratorState

ROOT = Path(__file__).parents[2]
# In float32 AdamW turns a gradient of rounding noise into a full step, so what is compared to the last digits computes in float64.
DOUBLE = """
import sys
from factcli.train import session, worker

load = session.load_model
session.load_model = lambda *arguments, **options: load(*arguments, **options).double()
sys.exit(worker.main(sys.argv[1:]))
"""


# Runs a job as the worker does, in its own number format.
PLAIN = """
import sys
from factcli.train import worker

sys.exit(worker.main(sys.argv[1:]))
"""


# The second process gets a signal as its step number AT ends.
STRUCK = """
import os, signal
from factcli.train import loop

advance, at = loop.Meter.tick, int(os.environ["AT"])
def tick(meter, step, progress):
    advance(meter, step, progress)
    if step == at and os.environ["RANK"] == "1":
        os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
loop.Meter.tick = tick
"""


# As sitecustomize.py, which Python reads at its start: memory ends in the second process's second pass.
STARVED = """
import os

if os.environ.get("RANK") == "1":
    from factcli.train.objectives import Scorer

    losses, seen = Scorer.losses, []
    def starved(*arguments):
        seen.append(1)
        if len(seen) == 2:
            raise MemoryError("no more")
        return losses(*arguments)
    Scorer.losses = starved
"""


def environment() -> dict[str, str]:
    """One thread a process, no GPU."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "1", "PYTHONPATH": str(ROOT)}


def torchrun(*options: str) -> list[str]:
    """What starts the processes, as accelerate does on GPUs."""
    return [sys.executable, "-m", "torch.distributed.run", *options]


def in_two_processes(*program: str, **more: str) -> subprocess.CompletedProcess[str]:
    launch = torchrun("--standalone", "--nproc_per_node", "2")
    return subprocess.run([*launch, *program], capture_output=True, text=True, env=environment() | more, check=False, timeout=180)


def doubled(folder: Path, before: str = "") -> str:
    """A program that runs a job as the worker does, in float64; `before` is run first."""
    return written(folder, before + DOUBLE)


def written(folder: Path, program: str) -> str:
    path = folder / "program.py"
    path.write_text(program)
    return str(path)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def in_two_forks(work: Callable[[], Any], **more: str) -> list[int | None]:
    """Exit codes of two copies of this process that each do the work: seconds of imports less than `in_two_processes`."""
    meeting = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}

    def begin(rank: int) -> None:
        os.environ.update(environment() | meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)} | more)
        AcceleratorState._reset_state(reset_partial_state=True)  # what this process knows of itself is that it is alone
        work()

    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=begin, args=(rank,)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        process.kill()
    return [process.exitcode for process in processes]
