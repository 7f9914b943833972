"""How long `fact demo` takes from nothing, step by step, what memory it needs, and what a second run takes."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

FIRST_QUESTION = "asked: "  # how the line with a real question and the base's answer begins


@dataclass(frozen=True, slots=True)
class Timed:
    """One demo in an empty folder. Seconds, and bytes of resident memory of all its processes together."""

    seconds: float
    question_after: float | None
    peak_bytes: int
    again_seconds: float
    by_stage: dict[str, float]


def timed_demo(versions: int, size: str) -> Timed:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [str(Path(sys.executable).parent / "fact"), "demo", "--versions", str(versions), "--size", size, "--data", str(data)]
        log = Path(folder) / "log"
        seconds, question_after, peak = _followed(command, log)
        again, _, _ = _followed(command, log)
        return Timed(seconds, question_after, peak, again, _stage_seconds(data))


def _followed(command: list[str], log: Path) -> tuple[float, float | None, int]:
    """(seconds, seconds until the first question was shown, peak bytes), looked at five times a second."""
    started = time.monotonic()
    question_after, peak = None, 0
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            if question_after is None and FIRST_QUESTION in log.read_text(encoding="utf-8"):
                question_after = time.monotonic() - started
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"the demo ended with code {process.returncode}:\n{log.read_text(encoding='utf-8')}")
    return time.monotonic() - started, question_after, peak


def _resident(pid: int) -> int:
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return sum(process.memory_info().rss for process in tree)
    except psutil.NoSuchProcess:  # it ended between two looks
        return 0


def _stage_seconds(data: Path) -> dict[str, float]:
    """Seconds of each artifact by its manifest, in the order they were made."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in data.glob("*/v*/manifest.json")]
    made = sorted(manifests, key=lambda manifest: manifest["created"])
    return {manifest["name"]: manifest["seconds"] for manifest in made}


def table(versions: int, size: str, runs: int) -> str:
    timed = [timed_demo(versions, size) for _ in range(runs)]
    columns = [f"run {number}" for number in range(1, runs + 1)]
    lines = [f"**`fact demo --versions {versions}`, {runs} runs, each in an empty folder; seconds**", ""]
    lines += [f"| | median | {' | '.join(columns)} |", f"|---|---|{'---|' * runs}"]
    lines.append(_row("all", [one.seconds for one in timed]))
    lines.append(_row("until a question and the base's answer are shown", [one.question_after or float("nan") for one in timed]))
    lines.append(_row("run again, everything reused", [one.again_seconds for one in timed]))
    lines.append(_row("peak memory, GiB", [one.peak_bytes / 2**30 for one in timed]))
    lines += [_row(name, [one.by_stage[name] for one in timed]) for name in timed[0].by_stage]
    return "\n".join(lines)


def _row(label: str, values: list[float]) -> str:
    return f"| {label} | {statistics.median(values):.1f} | {' | '.join(f'{value:.1f}' for value in values)} |"
