"""The machine, what is installed on it, and `fact` typed there within a time. No torch here, and nothing of what may be missing."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[3]
FACT = ("torch", "transformers", "tokenizers", "safetensors", "accelerate", "peft", "numpy", "pydantic", "typer", "rich", "yaml", "filelock")
TRL = ("trl", "datasets")
REFUSALS = (2, 4)  # exit codes of `fact`: a setting that it does not know or cannot have here; something that is not installed
GRACE_S = 60.0  # for a checkpoint

Device = Literal["cuda", "cpu"]
Manifest = Mapping[str, Any]


class RefusedError(Exception):
    """`fact` does not do that here, and says why."""


class UnfinishedError(Exception):
    """The time is over; the same part goes on from a checkpoint."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how figures are made. `until`: on the monotonic clock, when to stop."""

    data: Path
    size: str
    device: Device
    turns: int
    until: float
    made: dict[tuple[str, ...], Manifest] = field(default_factory=dict)  # by the command as typed

    @property
    def environment(self) -> dict[str, str]:
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if self.device == "cpu" else {}
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, **hidden, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

    def fact(self, *words: str) -> Manifest:
        """The manifest of what the command made, or had made before. Raises RefusedError and UnfinishedError."""
        if words not in self.made:
            made = self.run([sys.executable, "-m", "factcli.cli", *words, "--data", str(self.data)])
            self.made[words] = json.loads((Path(made) / "manifest.json").read_text(encoding="utf-8"))
        return self.made[words]

    def timed(self, name: str, *words: str) -> Manifest:
        """As `fact`, made anew and in one go: what an interrupted run left would not be in its time."""
        for left in (self.data / name).glob(".partial-*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        typed = (*words, "--name", name, "--force")
        self.made.pop(typed, None)
        return self.fact(*typed)

    def run(self, command: Sequence[str]) -> str:
        """The last line of what a command prints."""
        print(f"$ {' '.join(command[1:])}", file=sys.stderr, flush=True)
        log = self.data / "last-command.log"
        self.data.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as said:
            child = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=said, text=True)
            out = self._waited(child)
        error = next((line for line in reversed(log.read_text(encoding="utf-8").splitlines()) if line.startswith("error: ")), "")
        if child.returncode in REFUSALS and error:
            raise RefusedError(error.removeprefix("error: "))
        if child.returncode:
            raise SystemExit(f"ended with {child.returncode}:\n{log.read_text(encoding='utf-8')[-3000:]}")
        return (out.strip().splitlines() or [""])[-1]

    def _waited(self, child: "subprocess.Popen[str]") -> str:
        try:
            return child.communicate(timeout=max(0.0, self.until - time.monotonic()))[0]
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=GRACE_S)
            raise UnfinishedError from None


def missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if find_spec(name) is None]


def install(wheels: Path, into: Path) -> None:
    """Wheels that were carried here, for this process and those that it starts; no index is asked."""
    files = sorted(map(str, wheels.glob("*.whl")))
    if not files:
        raise SystemExit(f"--wheels {wheels}: there is no wheel in it")
    options = ("--quiet", "--no-index", "--no-deps", "--upgrade", "--target", str(into))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *files], check=True)
    sys.path.insert(0, str(into))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(into.resolve()), *filter(None, [os.environ.get("PYTHONPATH")])])


def machine(device: Device) -> dict[str, str]:
    """The card with its driver, or the processor; Python and the versions of what computes."""
    versions = {name: _version(name) for name in ("torch", "transformers", "accelerate", "peft", "trl")}
    return {"device": _card() if device == "cuda" else f"{platform.machine()}, {os.cpu_count()} cores", "python": platform.python_version(), **versions}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _card() -> str:
    asked = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise SystemExit("there is no GPU here (nvidia-smi names none); to try the script in small: --size micro --device cpu") from None
