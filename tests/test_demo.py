"""The demo as a whole, on the micro world: it ends in a report, reuses everything, and survives being killed."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from tests.chain import Folder

DEMO = ("demo", "--size", "micro", "--versions", "2", "--seed", "3")
# The page shows seconds and dates of the runs behind it, which no digest covers: it differs between any two runs.
TIMED = {"report"}


def digests(folder: Folder) -> dict[str, str]:
    manifests = sorted((folder.path / "data").glob("*/v*/manifest.json"))
    found = {str(path.parent.relative_to(folder.path / "data")): json.loads(path.read_text()) for path in manifests}
    return {name: manifest["digest"] for name, manifest in found.items() if manifest["kind"] not in TIMED}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("demo"))
    folder.must(*DEMO)
    return folder


@pytest.mark.slow
def test_the_demo_ends_with_a_table_a_report_and_what_to_try_next(finished: Folder) -> None:
    ran = finished.must(*DEMO)
    assert Path(finished.path / ran.made).read_text(encoding="utf-8").startswith("<!doctype html>")
    for word in ("PREREQ-TUNE", "SFT", "POPULAR-head", "base, untouched", "Next:", "fact trace"):
        assert word in ran.err


@pytest.mark.slow
def test_a_second_demo_makes_nothing(finished: Folder) -> None:
    before = digests(finished)
    ran = finished.must(*DEMO)
    assert digests(finished) == before
    assert ran.err.count("(made before)") == 20


@pytest.mark.slow
def test_killed_at_ten_random_moments_the_demo_makes_the_same_artifacts(finished: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    rng = random.Random(time.time_ns())
    waits_s = [rng.uniform(0.5, 12.0) for _ in range(10)]
    for wait_s in waits_s:
        process = folder.popen(*DEMO)
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    folder.must(*DEMO)
    assert digests(folder) == digests(finished), waits_s
    assert not list((folder.path / "data").glob("*/.partial-*/content")), "a partial directory is left over"
