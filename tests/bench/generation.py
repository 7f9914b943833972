"""The http backend beside a bare `openai` loop with the right semaphore, on a loopback server with 200 ms latency and 64 slots.

    python -m tests.bench generation [--requests 5000]

The server is a process of its own, new for each side; each side is a process too, so that its CPU time is its own. The
bare loop knows the 64; ours has to find them, from cold, and stores every answer. Times count from the first request.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LATENCY_S, ADMITS = 0.2, 64
WARM_S = 3.0  # the steady figure counts what was answered after
TARGETS = {"throughput after 3 s": 0.90, "throughput over all": 0.85, "share of 429": 0.02, "CPU": 1.25}


def prompt(i: int) -> str:
    return f"Tell me what is known about subject number {i}. Answer in one sentence."


async def bare(url: str, n: int) -> tuple[list[float], int]:
    """Seconds at which each answer came, and how many were 429."""
    from openai import AsyncOpenAI, RateLimitError

    client, gate, times, rejected = AsyncOpenAI(base_url=url, api_key="none", max_retries=0), asyncio.Semaphore(ADMITS), [], 0

    async def ask(i: int) -> None:
        nonlocal rejected
        while True:
            try:
                async with gate:
                    await client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt(i)}], max_tokens=64, temperature=0)
            except RateLimitError:
                rejected += 1
                continue
            times.append(time.perf_counter())
            return

    begun = time.perf_counter()
    await asyncio.gather(*(ask(i) for i in range(n)))
    return [t - begun for t in times], rejected


def ours(url: str, n: int) -> tuple[list[float], int]:
    from factcli.backends.apikey import ApiKey
    from factcli.backends.bill import Budget, Price, Usage
    from factcli.backends.buying import Terms
    from factcli.backends.completions import Turn
    from factcli.backends.http import HttpBackend
    from factcli.backends.requests import Request, Sampling
    from factcli.backends.retrying import Patience
    from factcli.backends.spec import HttpSpec

    with tempfile.TemporaryDirectory() as folder:
        backend = HttpBackend(HttpSpec("m", (url,), (url,)), ApiKey(""), Path(folder), Budget(Price(), None, Usage()), Terms(Patience()))
        requests = (Request(f"r{i}", (Turn("user", prompt(i)),), Sampling(64)) for i in range(n))
        begun = time.perf_counter()
        times = [time.perf_counter() - begun for _ in backend.generate(requests)]
    return times, backend.usage.retries["429"]


def one_side(side: str, url: str, n: int) -> dict[str, Any]:
    """What one process measures of itself. Imports are not counted: both sides need them, and once only."""
    import openai  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF)
    times, rejected = asyncio.run(bare(url, n)) if side == "bare" else ours(url, n)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    warm = sum(t > WARM_S for t in times)
    steady = warm / (max(times) - WARM_S) if warm else 0.0
    return {"steady": steady, "overall": n / max(times), "rejected": rejected, "cpu_ms": 1000 * cpu_s / n, "peak_mb": after.ru_maxrss / 1024}


def measured(side: str, n: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.backends.server", "--latency", str(LATENCY_S), "--admits", str(ADMITS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            run = subprocess.run([sys.executable, "-m", "tests.bench.generation", side, url, str(n)], stdout=subprocess.PIPE, text=True, check=True)
        finally:
            server.kill()
    return json.loads(run.stdout)


def table(n: int) -> str:
    """Both sides and their ratios beside the targets."""
    found = {side: measured(side, n) for side in ("bare", "ours")}
    rows = [f"| {side} | {m['steady']:.0f} | {m['overall']:.0f} | {m['rejected']} | {m['cpu_ms']:.2f} | {m['peak_mb']:.0f} |" for side, m in found.items()]
    one, two = found["ours"], found["bare"]
    ratios = {
        "throughput after 3 s": one["steady"] / max(two["steady"], 1e-9),
        "throughput over all": one["overall"] / two["overall"],
        "share of 429": one["rejected"] / (n + one["rejected"]),
        "CPU": one["cpu_ms"] / two["cpu_ms"],
    }
    told = [f"{name}: {value:.3f} (target {'at least' if 'throughput' in name else 'at most'} {TARGETS[name]})" for name, value in ratios.items()]
    head = ["| side | requests/s after 3 s | over all | 429s | CPU ms a request | peak MB |", "|---|---|---|---|---|---|"]
    return "\n".join([f"{n} requests, {LATENCY_S} s, {ADMITS} at once (ideal {ADMITS / LATENCY_S:.0f} requests/s)", *head, *rows, "", *told])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("bare", "ours"))
    parser.add_argument("url")
    parser.add_argument("n", type=int)
    chosen = parser.parse_args()
    print(json.dumps(one_side(chosen.side, chosen.url, chosen.n)))
