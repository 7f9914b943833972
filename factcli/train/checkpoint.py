"""Checkpoints: safetensors and JSON, whole or absent, and bound to their job.

A checkpoint is written beside its final name, synced and renamed; its JSON holds the sha256 of its tensors.
A torn or foreign one is skipped with a logged word. No pickle: a checkpoint can be loaded from anywhere.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from factcli.artifact.manifest import sha256_of_file
from factcli.train.rowlog import RowLog

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stage's state: tensors by flat name, and everything else as JSON."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resumed:
    step: int
    snapshot: Snapshot


class Checkpoints:
    """The checkpoints of one run, in `folder`; also its logs, of which that of the learning curve is cut back on resume, and its clock.

    Of several processes all read, and one `is_writer`. Made as the run begins: `seconds` counts from there.
    """

    def __init__(
        self, folder: Path, fingerprint: str, every_s: float, curve: Path, is_writer: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_writer = is_writer
        self._clock = clock
        self._started = clock()
        self._seconds_before = 0.0  # that led to the checkpoint which this run goes on from
        self.folder = folder
        self.fingerprint = fingerprint
        self.every_s = every_s
        self._last = clock()
        self._logs: list[RowLog] = []
        self.curve = self.beside(curve)

    @property
    def seconds(self) -> float:
        """Spent on the run so far, also before an interruption; what was done after its last checkpoint is lost, and not counted."""
        return self._seconds_before + self._clock() - self._started

    def beside(self, path: Path) -> RowLog:
        """One more log of the run: its rows reach their file before a checkpoint does. Who asks for it cuts it back."""
        self._logs.append(RowLog(path, self.is_writer))
        return self._logs[-1]

    def resume(self) -> Resumed | None:
        """The newest usable checkpoint; the curve then holds exactly the steps up to it."""
        found = next((good for path in self._newest_first() if (good := self._read(path)) is not None), None)
        self._seconds_before = 0.0 if found is None else float(found.snapshot.facts.get("seconds", 0.0))  # older ones have none
        self.curve.cut(-1 if found is None else found.step)
        return found

    def log(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Rows of the learning curve, of steps that count from 1."""
        for row in rows:
            self.curve.add(row)

    def flush(self) -> None:
        """Append the rows since the last checkpoint to the logs."""
        for rows in self._logs:
            rows.flush()

    @property
    def is_due(self) -> bool:
        return self._clock() - self._last >= self.every_s

    def save(self, step: int, snapshot: Snapshot) -> None:
        """Write a checkpoint and drop older ones. A full disk costs the checkpoint, not the run."""
        self._last = self._clock()
        if not self.is_writer:
            return
        if broken := next((name for name, tensor in snapshot.tensors.items() if not bool(torch.isfinite(tensor).all())), None):
            log.warning("no checkpoint at step %d: %s holds what is no number; the one before stays", step, broken)
            return
        part = self.folder / f".part-{step:08d}"
        try:
            self.flush()
            self._write(part, step, snapshot)
            final = self.folder / f"step-{step:08d}"
            shutil.rmtree(final, ignore_errors=True)
            part.rename(final)
        except (OSError, SafetensorError) as error:  # safetensors wraps a full disk in its own error
            shutil.rmtree(part, ignore_errors=True)
            log.warning("no checkpoint at step %d: %s; training goes on", step, error)
            return
        for old in self._newest_first()[1:]:
            shutil.rmtree(old, ignore_errors=True)

    def _write(self, part: Path, step: int, snapshot: Snapshot) -> None:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in snapshot.tensors.items()}
        save_file(tensors, part / "state.safetensors")
        state = {
            "step": step,
            "job": self.fingerprint,
            "tensors_sha256": sha256_of_file(part / "state.safetensors"),
            "facts": {**snapshot.facts, "seconds": self.seconds},
        }
        (part / "state.json").write_text(json.dumps(state), encoding="utf-8")
        for path in (part / "state.safetensors", part / "state.json"):
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def _read(self, path: Path) -> Resumed | None:
        try:
            state = json.loads((path / "state.json").read_text(encoding="utf-8"))
            is_whole = sha256_of_file(path / "state.safetensors") == state["tensors_sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("skipped torn checkpoint %s: %s", path.name, error)
            return None
        if not is_whole or state["job"] != self.fingerprint:
            log.warning("skipped checkpoint %s: %s", path.name, "of another job" if is_whole else "torn tensors")
            return None
        return Resumed(int(state["step"]), Snapshot(load_file(path / "state.safetensors"), state["facts"]))

    def kept(self) -> str:
        """In words, what a run that cannot go on has left."""
        newest = next(iter(self._newest_first()), None)
        return "no checkpoint was written before" if newest is None else f"the checkpoint before it is kept: {newest}"

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"), reverse=True)

    def clear(self) -> None:
        """After the result is safe: drop all checkpoints."""
        if self.is_writer:
            shutil.rmtree(self.folder, ignore_errors=True)
