"""Runs that are killed while they buy verdicts: the same command goes on, nothing is bought twice, nothing is lost."""

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from factcli.artifact import open_artifact
from factcli.backends.cachefile import FILE
from factcli.backends.settings import GenerationConfig
from factcli.judge.verdicts.combining import by_claim
from factcli.judge.verdicts.filling import Matter
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.scorerows import ClaimVerdict
from tests.backends.server import Server, running
from tests.judge.verdicts.toy import Pages, answer, by_list, by_probability, claims_of, judged

N_ANSWERS, N_CLAIMS = 5, 6
ANSWERS = tuple(answer(f"q{n}.s0", f"Person {chr(97 + n)}") for n in range(N_ANSWERS))
CLAIMS = {one.id: claims_of(one, *(f"{one.topic} has number {n}" for n in range(N_CLAIMS))) for one in ANSWERS}
MATTER = Matter(ANSWERS, CLAIMS, Pages({one.topic: [f"{one.topic} has number {n}." for n in range(0, N_CLAIMS, 2)] for one in ANSWERS}))


def run(url: str, root: Path, cache: Path, at_once: str) -> None:
    os.environ["FACT_CACHE_DIR"] = str(cache)
    generation = GenerationConfig(servers={"here": (url,)})
    judged(JudgeConfig(judges=("http:a@here", "http:b@here"), at_once=at_once, generation=generation), root, MATTER)  # type: ignore[arg-type]


def n_kept(cache: Path) -> int:
    if not (cache / FILE).exists():
        return 0
    with contextlib.closing(sqlite3.connect(cache / FILE)) as connection:
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


def killed_until_done(server: Server, folder: Path, at_once: str, n_answers: int, n_kills: int, random: Random) -> int:
    """Killed when as many questions are answered as was drawn, run again until done; gives how many answers the kills cost."""
    n_lost = 0
    for stop_at in [*sorted(random.sample(range(n_answers), n_kills)), None]:
        server.most_in_flight = 0
        child = multiprocessing.get_context("fork").Process(target=run, args=(server.url, folder / "data", folder / "cache", at_once))
        child.start()
        while stop_at is not None and len(server.answered) < stop_at:
            time.sleep(0.001)
        if stop_at is not None:
            time.sleep(random.uniform(0, 2 * server.latency_s))
            os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        time.sleep(0.05)  # what it sent last is read
        while server.in_flight:  # and answered
            time.sleep(0.01)
        lost = server.answered.total() - n_kept(folder / "cache")
        assert lost - n_lost <= server.most_in_flight + 8, "more was lost than was in flight"
        assert stop_at is not None or (lost == n_lost and child.exitcode == 0), "the last run bought something again"
        n_lost = lost
    return n_lost


def check(tmp_path: Path, at_once: str, n_kills: int) -> None:
    n_answers = 2 * N_ANSWERS * (N_CLAIMS if at_once == "claim" else 1)
    judge: Any = by_probability if at_once == "claim" else by_list
    with running(Server(latency_s=0.03, said=judge, keeps=False)) as server:
        killed_until_done(server, tmp_path, at_once, n_answers, n_kills, Random(7))
        assert (len(server.answered), n_kept(tmp_path / "cache")) == (n_answers, n_answers)
    with running(Server(said=judge, keeps=False)) as fresh:
        child = multiprocessing.get_context("fork").Process(target=run, args=(fresh.url, tmp_path / "fresh", tmp_path / "other cache", at_once))
        child.start()
        child.join()
    made, whole = (open_artifact("toy", tmp_path / name) for name in ("data", "fresh"))
    assert made.digest == whole.digest
    rows = list(made.rows("verdicts", ClaimVerdict))
    found = by_claim(rows)
    assert list(found) == [claim.id for claims in CLAIMS.values() for claim in claims]
    assert all([row.judge for row in of_claim] == ["http:a@here", "http:b@here"] for of_claim in found.values())
    assert [row.verdict for of_claim in found.values() for row in of_claim] == (["supported"] * 2 + ["unsupported"] * 2) * (N_ANSWERS * N_CLAIMS // 2)


@pytest.mark.parametrize("at_once", ["claim", "answer"])
def test_a_run_that_is_killed_loses_nothing_and_pays_nothing_twice(tmp_path: Path, at_once: str):
    check(tmp_path, at_once, n_kills=2)


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_pay_nothing_twice(tmp_path: Path):
    check(tmp_path, "claim", n_kills=50)
