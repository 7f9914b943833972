"""`fact score consistency`, killed: it goes on where it was, and neither asks nor compares twice."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.score.test_consistency import CITIES, samples_of
from tests.stages.synth.typed import empty, jsonl, made, manifest  # noqa: F401 - empty is a fixture


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_digest(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    samples_of(empty, n=6, k=3)
    with running(Server(latency_s=0.05)) as server:
        command = (
            "score",
            "consistency",
            "--entailer",
            "lexical",
            "--beta",
            "0.5",
            "--backend",
            f"http:m@{server.url}",
            "--set",
            "generation.most_in_flight=2",
        )
        process = Folder(empty).popen(*command)
        until = time.monotonic() + 60
        while server.n < 8 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert not list(empty.glob("data/consistency/v*"))
        version = made(*command)
        n_distinct = len(server.answered)
        assert server.answered.total() <= n_distinct + 2  # what was in flight at the kill may be asked again
        monkeypatch.setenv("FACT_CACHE_DIR", str(empty / "other cache"))
        again = made(*command, "--force")
    assert manifest(version)["digest"] == manifest(again)["digest"]


def test_questions_that_were_compared_before_a_kill_are_not_compared_again(empty: Path) -> None:  # noqa: F811
    """Killed once ten of 100 questions are in the journal: the next run judges the rest alone."""
    jsonl(empty / "a.jsonl", *({"prompt": f"Where {n}?", "prompt_id": f"q{n}", "responses": [f"{city} {n}" for city in CITIES]} for n in range(100)))
    command = ("score", "consistency", "--answers", "a.jsonl", "--entailer", "lexical", "--set", "questions_at_once=1")
    process = Folder(empty).popen(*command)
    until = time.monotonic() + 60
    journal: list[Path] = []
    while process.poll() is None and time.monotonic() < until:
        journal = journal or list(empty.glob("data/consistency/.partial-*/journal.jsonl"))
        if journal and journal[0].stat().st_size > 10_000:
            break
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not list(empty.glob("data/consistency/v*"))
    version = made(*command)
    uninterrupted = made(*command, "--force")
    assert manifest(version)["usage"]["pairs"] < manifest(uninterrupted)["usage"]["pairs"] == 100 * (15 + 30)
    assert manifest(version)["digest"] == manifest(uninterrupted)["digest"]
