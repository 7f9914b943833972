"""How long `fact --help` takes beside `trl --help`, in one run, taking turns."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - start


def table() -> str:
    """Medians of RUNS alternating runs, and their ratio."""
    scripts = Path(sys.executable).parent
    commands = {name: [str(scripts / name), "--help"] for name in ("fact", "trl")}
    for command in commands.values():
        seconds(command)  # fills the disk cache and writes the byte code
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    rows = [f"| {name} --help | {medians[name]:.3f} | {min(values):.3f} to {max(values):.3f} |" for name, values in times.items()]
    ratio = f"fact takes {medians['fact'] / medians['trl']:.3f} times as long as trl (medians of {RUNS} alternating runs)"
    return "\n".join(["| command | median, s | range |", "|---|---|---|", *rows, "", ratio])
