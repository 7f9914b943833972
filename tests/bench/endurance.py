"""Runs that are long or go wrong: killed again and again, against a server full of faults, with 25,000 rows and more.

    python -m tests.bench endurance [--rows 25000,50000,100000]

Kills and faults are the checks of the tests, which raise where a count does not add up; what is measured is printed beside. The
rows are answers of `fact synth samples`, from a loopback server without latency in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.backends.faults import run_with_faults
from tests.backends.test_exactly_once import check_killed
from tests.bench.used import used_by

REQUESTS, DIFFERENT, KILLS = 2000, 1400, 50  # 30% ask what another asked
SAMPLES = 10  # of a prompt


def killed(n_processes: int) -> str:
    """A row: the run is killed at random moments and started again until it is done."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        lost = check_killed(Path(folder), REQUESTS, DIFFERENT, KILLS, n_processes, latency_s=0.1)
    return f"| {n_processes} | {REQUESTS:,} | {DIFFERENT:,} | {KILLS} | {lost.total()} | {time.monotonic() - begun:.0f} |"


def faults(n: int, tries: int) -> str:
    """A row: what was sent, and how the rows ended."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = run_with_faults(Path(folder), n, tries, timeout_s=3)
    outcomes = Counter(response.outcome for response in run.found.values())
    assert outcomes["ok"] + outcomes["failed"] == n
    assert run.usage.retries == run.retries_expected()
    n_faults = run.sent.total() - run.sent[""]
    return f"| {n:,} | {tries} | {run.sent.total():,} | {n_faults} | {outcomes['ok']:,} | {outcomes['failed']} | {time.monotonic() - begun:.0f} |"


@contextmanager
def served() -> Iterator[str]:
    """URL of a server without latency."""
    command = [sys.executable, "-m", "tests.backends.server", "--latency", "0", "--admits", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def sampled(n: int) -> str:
    """A row: `fact synth samples` with n answers, in seconds, seconds of CPU and peak memory."""
    with tempfile.TemporaryDirectory() as folder, served() as url:
        prompts = Path(folder) / "prompts.jsonl"
        rows = ({"id": f"p{i}", "prompt": f"Tell me what is known about subject number {i}."} for i in range(n // SAMPLES))
        prompts.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        asked = ["synth", "samples", "--prompts", str(prompts), "--samples", str(SAMPLES), "--backend", f"http:m@{url}", "--data", f"{folder}/data"]
        used = used_by([[sys.executable, "-m", "factcli.cli", *asked]], {**os.environ, "FACT_CACHE_DIR": f"{folder}/cache"})
    return f"| {n:,} | {used.seconds:.0f} | {used.cpu_s:.0f} | {1000 * used.cpu_s / n:.2f} | {used.peak_mib:.0f} |"


def table(rows: Sequence[int], n_faulty: int = REQUESTS) -> str:
    """All of it as Markdown."""
    parts = ["| processes | requests | different | kills | answers lost in kills | seconds |", "|---|---|---|---|---|---|", killed(1), killed(4), ""]
    parts += ["| requests | tries | sent | faults | rows right | rows failed | seconds |", "|---|---|---|---|---|---|---|"]
    parts += [faults(n_faulty, tries) for tries in (3, 6)]
    parts += ["", "| rows | seconds | CPU s | CPU ms a row | peak MB |", "|---|---|---|---|---|", *map(sampled, rows)]
    return "\n".join(parts)
