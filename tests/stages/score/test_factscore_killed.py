"""`fact score factscore` killed at any moment: nothing is lost, nothing paid twice, and the result is what it would have been."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.score.test_factscore import PAGES, command, given, judged
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows  # noqa: F401 - empty is a fixture


def killed_at(folder: Path, server: Server, n: int, arguments: tuple[object, ...]) -> bool:
    """Run the command and kill it when the server was asked `n` times; whether it was still at work."""
    process = Folder(folder).popen(*map(str, arguments))
    until = time.monotonic() + 120
    while server.n < n and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    is_killed = process.poll() is None
    if is_killed:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return is_killed


def kill_and_go_on(folder: Path, n_answers: int, n_claims: int, kills: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill at each of these numbers of requests, end the run, and compare it with one that nobody disturbed."""
    in_flight, n_all = 8, n_answers * n_claims
    jsonl(folder / "pages.jsonl", *PAGES)
    made("pack", "build", "--from", "pages.jsonl", "--name", "pages")
    jsonl(folder / "a.jsonl", *[given(n % 30, n_claims) | {"id": f"a{n}"} | {"claims": claims_of(n, n_claims)} for n in range(n_answers)])
    with running(Server(latency_s=0.05, said=judged)) as server:
        arguments = command(server.url, "--set", f"judge.generation.most_in_flight={in_flight}")
        n_killed = sum(killed_at(folder, server, n, arguments) for n in sorted(kills))
        assert n_killed == len(kills), "every kill hit a run that was buying"
        version = made(*arguments)
        assert len(server.answered) == n_all
        assert server.answered.total() <= n_all + n_killed * in_flight, "only what was in flight at a kill may be asked again"
        monkeypatch.setenv("FACT_CACHE_DIR", str(folder / "other cache"))
        undisturbed = made(*arguments, "--data", "other", "--pack", folder / "data/pages/v0001")
    assert Counter(row["id"] for row in rows(version, "verdicts")).most_common(1)[0][1] == 1
    assert len(rows(version, "verdicts")) == n_all
    assert manifest(version)["digest"] == manifest(undisturbed)["digest"]


def claims_of(n: int, n_claims: int) -> list[str]:
    return [f"Person {n % 30} keeps {100 * n + m} bees." for m in range(n_claims)]


@pytest.mark.slow
def test_killed_at_five_moments_it_loses_nothing_and_pays_nothing_twice(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    kill_and_go_on(empty, 20, 10, [5, 40, 75, 120, 170], monkeypatch)


@pytest.mark.heavy
def test_killed_at_fifty_random_moments_it_loses_nothing_and_pays_nothing_twice(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    draws = random.Random(4)
    kill_and_go_on(empty, 100, 20, sorted(draws.sample(range(3, 1800), 50)), monkeypatch)
