"""No answer is bought twice: by twins in one run, by a run that is killed and started again, by processes side by side."""

import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from factcli.artifact.manifest import sha256_of
from factcli.backends.cachefile import FILE
from factcli.backends.dialect import payload
from factcli.backends.http import HttpBackend
from factcli.backends.keys import request_key
from factcli.backends.stream import GRACE_S, SAME_PRESS_S
from tests.backends.server import Server, running
from tests.backends.test_http import asked, backend, by_id


def buy(url: str, cache: Path, out: Path, n: int, of: int) -> None:
    """A run: all rows, and at its end their texts in the order of the rows."""
    found = {response.id: [response.outcome, response.text] for response in backend(url, cache).generate(asked(n, of))}
    new = out.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(sorted(found.items())))
    new.replace(out)


def started(work: Callable[..., None], *arguments: object) -> "multiprocessing.process.BaseProcess":
    child = multiprocessing.get_context("fork").Process(target=_interruptible, args=(work, *arguments))
    child.start()
    return child


def _interruptible(work: Callable[..., None], *arguments: object) -> None:
    """A shell starts what it runs in the background deaf to Ctrl-C, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work(*arguments)


def killed_until_done(server: Server, folder: Path, n: int, of: int, n_kills: int, n_processes: int, random: Random) -> Counter[str]:
    """Run, kill when as many questions are answered as was drawn, run again until done; gives how often each answer was lost in a kill."""
    lost: Counter[str] = Counter()
    n_in_flight = 0
    for n_answered in [*sorted(random.sample(range(of), n_kills)), None]:
        server.most_in_flight, before = 0, server.answered.copy()
        children = [started(buy, server.url, folder / "cache", folder / f"out{place}", n, of) for place in range(n_processes)]
        if n_answered is not None:
            while len(server.answered) < n_answered:
                time.sleep(0.001)
            time.sleep(random.uniform(0, 2 * server.latency_s))
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
        for child in children:
            child.join()
        time.sleep(0.05)  # what they sent last is read
        while server.in_flight:  # and answered
            time.sleep(0.01)
        n_in_flight += server.most_in_flight + 8 * n_processes  # and what one turn of the loop takes
        kept = kept_answers(backend(server, folder / "cache"), of)
        lost.update(name for name in server.answered - before if name not in kept)
    assert all(child.exitcode == 0 for child in children)
    print(f"{of} questions, {n_kills} kills of {n_processes}: {lost.total()} answers lost of {n_in_flight} that were in flight at most")
    assert lost.total() <= n_in_flight
    return lost


def kept_answers(used: HttpBackend, of: int) -> set[str]:
    """What is in the cache, as the server names it."""
    if not (used.cache_directory / FILE).exists():
        return set()
    with contextlib.closing(sqlite3.connect(used.cache_directory / FILE)) as connection:
        kept = {key for (key,) in connection.execute("SELECT key FROM answers")}
    return {json.dumps(payload(request, "m"), sort_keys=True) for request in asked(of) if request_key(request, used.endpoint) in kept}


def check_killed(tmp_path: Path, n: int, of: int, n_kills: int, n_processes: int, latency_s: float) -> Counter[str]:
    """How often each answer was lost in a kill, where all else is as it must be."""
    with running(Server(latency_s=latency_s, keeps=False)) as server:
        lost = killed_until_done(server, tmp_path, n, of, n_kills, n_processes, Random(4))
        assert len(server.answered) == of
        assert {name: n_bought for name, n_bought in server.answered.items() if n_bought > 1 + lost[name]} == {}
    with running(Server(keeps=False)) as fresh:
        buy(fresh.url, tmp_path / "other cache", tmp_path / "uninterrupted", n, of)
    digest = sha256_of((tmp_path / "uninterrupted").read_text())
    assert {sha256_of((tmp_path / f"out{place}").read_text()) for place in range(n_processes)} == {digest}
    return lost


def test_a_run_that_is_killed_and_started_again_buys_only_what_was_in_flight(tmp_path: Path):
    check_killed(tmp_path, n=90, of=60, n_kills=3, n_processes=1, latency_s=0.1)


def test_two_processes_with_one_cache_share_the_answers(tmp_path: Path):
    with running(Server(latency_s=0.05, keeps=False)) as server:
        children = [started(buy, server.url, tmp_path / "cache", tmp_path / f"out{place}", 60, 40) for place in range(2)]
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]
        assert (len(server.answered), sum(server.answered.values())) == (40, 40)
    assert (tmp_path / "out0").read_text() == (tmp_path / "out1").read_text()


# ---------------------------------------------------------------- Ctrl-C

PROGRAM = """
import signal, sys, time
from pathlib import Path
from tests.backends.test_exactly_once import asked, backend
signal.signal(signal.SIGINT, signal.default_int_handler)
rows = backend(sys.argv[1], Path(sys.argv[2])).generate(asked(60, 40))
try:
    for n, row in enumerate(rows):
        print(n, flush=True)
        if n == 3 and sys.argv[3] == "in a row":
            time.sleep(600)
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextlib.contextmanager
def interrupted(server: Server, cache: Path, where: str) -> Iterator["subprocess.Popen[str]"]:
    """A program at Ctrl-C: four rows done, the next requests on their way, the main thread in a row or waiting for one."""
    server.holds, server.free = True, 4
    run = subprocess.Popen([sys.executable, "-c", PROGRAM, server.url, str(cache), where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    for _ in range(4):
        run.stdout.readline()
    while server.in_flight < 4:
        time.sleep(0.005)
    run.send_signal(signal.SIGINT)
    try:
        yield run
    finally:
        server.holds = False
        run.kill()
        run.communicate()


def most_bought(server: Server, cache: Path) -> int:
    """The run is finished by a second one; how often the question that was answered most often was answered."""
    assert len(by_id(backend(server, cache).generate(asked(60, 40)))) == 60
    assert len(server.answered) == 40
    return max(server.answered.values())


@pytest.mark.parametrize("where", ["in a row", pytest.param("waiting", marks=pytest.mark.slow)])
@pytest.mark.parametrize("n_signals", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_at_ctrl_c_what_is_in_flight_still_arrives_and_is_kept(tmp_path: Path, where: str, n_signals: int):
    """The answers leave the server only after the signal; a second one at once is a wrapper's copy of the first."""
    with running(Server(keeps=False)) as server:
        with interrupted(server, tmp_path, where) as run:
            if n_signals == 2:
                time.sleep(0.2)
                run.send_signal(signal.SIGINT)
                time.sleep(0.2)
            server.holds = False
            assert run.wait() == 130
        assert most_bought(server, tmp_path) == 1


def test_a_second_ctrl_c_leaves_at_once_and_what_had_arrived_is_kept(tmp_path: Path):
    with running(Server(keeps=False)) as server:
        with interrupted(server, tmp_path, "waiting") as run:
            time.sleep(SAME_PRESS_S + 0.5)
            assert run.poll() is None
            run.send_signal(signal.SIGINT)
            started_s = time.monotonic()
            assert run.wait() == 130
            assert time.monotonic() - started_s < GRACE_S / 2
            assert "paid for" in run.communicate()[1]
            n_before, n_held = sum(server.answered.values()), server.in_flight
        while server.in_flight:  # held for nobody now
            time.sleep(0.005)
        server.answered.clear()
        by_id(backend(server, tmp_path).generate(asked(60, 40)))
        assert 40 <= n_before + sum(server.answered.values()) <= 40 + n_held


@pytest.mark.heavy
def test_2000_requests_with_30_percent_duplicates_and_50_kills(tmp_path: Path):
    check_killed(tmp_path, n=2000, of=1400, n_kills=50, n_processes=1, latency_s=0.1)


@pytest.mark.heavy
def test_the_same_with_four_processes_that_share_the_cache(tmp_path: Path):
    check_killed(tmp_path, n=2000, of=1400, n_kills=50, n_processes=4, latency_s=0.1)


MEMORY = """
import resource, sys, time
from pathlib import Path
from tests.backends.test_exactly_once import asked, backend
started_s = time.monotonic()
n = sum(1 for _ in backend(sys.argv[1], Path(sys.argv[2])).generate(asked(int(sys.argv[3]))))
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.monotonic() - started_s)
"""


@pytest.mark.heavy
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path):
    """Peak of the process in MB after 5,000 and after 100,000 rows, and the seconds; the server runs in this process."""
    peaks, seconds = [], []
    with running(Server(keeps=False)) as server:
        for n in (5_000, 100_000):
            run = subprocess.run([sys.executable, "-c", MEMORY, server.url, str(tmp_path / str(n)), str(n)], capture_output=True, text=True, check=True)
            done, peak, took_s = map(float, run.stdout.split())
            assert done == n
            peaks.append(peak)
            seconds.append(took_s)
            server.answered.clear()
    print(f"5,000 rows: {peaks[0]:.0f} MB, {seconds[0]:.0f} s; 100,000 rows: {peaks[1]:.0f} MB, {seconds[1]:.0f} s")
    assert peaks[1] <= peaks[0] + 40, peaks
