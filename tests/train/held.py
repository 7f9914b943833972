"""A training process whose steps end when the test says so."""

import io
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.train.processes import ROOT

# As sitecustomize.py, which Python reads at its start: each step says that it has begun, and ends with the gate's file.
HELD = """
import os, sys, types

def run_knowledge(job, on_event):
    from pathlib import Path
    import torch
    from factcli.train.checkpoint import Checkpoints, Snapshot
    from factcli.train.loop import Progress, run_steps
    from factcli.train.together import is_first

    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("gloo")
    gate = os.open(os.environ["HELD"], os.O_RDONLY)

    class Held:
        total, is_done = 1_000_000, False

        def advance(self, step):
            if is_first():
                on_event({"event": "step", "step": step, "total": self.total, "loss": 0.5})
            os.read(gate, 1)
            return Progress(0.5, 1, ())

        def snapshot(self):
            return Snapshot({"x": torch.zeros(1)}, {})

    out = Path(job.out)
    run_steps(Held(), 0, Checkpoints(out / "checkpoints", "a", 1e9, out / "log.jsonl", is_writer=is_first()), on_event)
    return {}

stage = types.ModuleType("factcli.train.knowledge")
stage.run_knowledge = run_knowledge
sys.modules[stage.__name__] = stage
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """What holds the steps. `environment`: of the processes whose steps it holds."""

    environment: dict[str, str]
    _writer: io.FileIO

    def open(self) -> None:
        """Let the steps end."""
        self._writer.close()


@contextmanager
def gate(folder: Path) -> Iterator[Gate]:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HELD)
    os.mkfifo(folder / "gate")
    variables = {"PYTHONPATH": f"{folder}:{ROOT}", "HELD": str(folder / "gate"), "ACCELERATE_USE_CPU": "1", "CUDA_VISIBLE_DEVICES": ""}
    with io.FileIO(folder / "gate", "r+") as writer:  # for writing alone it would wait for the first step
        yield Gate({**os.environ, **variables}, writer)


def wait_for_step(process: "subprocess.Popen[str]") -> None:
    """Read its events up to the beginning of a step; it ending before that is an error."""
    assert process.stdout is not None
    assert any(line.startswith("{") and json.loads(line)["event"] == "step" for line in process.stdout)


def checkpoints(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "checkpoints").glob("step-*"))
