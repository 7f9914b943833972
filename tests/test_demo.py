"""The demo as a whole, on the micro world: it ends in a report, reuses everything, and survives being killed."""

import json
import random
import shlex
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


def test_a_dry_run_lists_every_step_as_typed_with_minutes_and_makes_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    said = json.loads(folder.must("demo", "--versions", "3", "--seed", "7", "--dry-run", "--json").out)
    steps = said["steps"]
    assert len(steps) == 20
    assert list(steps)[:4] == ["world", "bio", "knowledge", "prereq-tune"]
    assert steps["bio"]["command"] == "fact synth bio --world world --versions 3 --seed 7 --name bio"
    few_shot = "fact eval world --model world --seed 7 --set ask=few_shot --name eval-base-few-shot"
    assert steps["eval-base-few-shot"] == {"command": few_shot, "expected minutes": 0.1}
    assert [name for name, step in steps.items() if "--seed 7" not in step["command"]] == ["report"]
    assert said["expected minutes"] == round((101 + 1 + 187 + 4 * 14 + 12 * 6 + 5) / 60, 1)
    assert "expected minutes: 7.0" in folder.must("demo", "--dry-run").out.splitlines()
    assert "expected minutes" not in folder.must("demo", "--size", "micro", "--dry-run", "--json").out, "no time is known of this size"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_time_left_grows_with_the_versions(tmp_path: Path) -> None:
    """Of the steps the knowledge stage alone: 187 s for three versions are 187 * 5 / 3 for five."""
    said = {n: json.loads(Folder(tmp_path).must("demo", "--versions", str(n), "--dry-run", "--json").out) for n in (3, 5)}
    assert said[3]["steps"]["knowledge"]["expected minutes"] == round(187 / 60, 1)
    assert said[5]["steps"]["knowledge"]["expected minutes"] == round(187 * 5 / 3 / 60, 1)
    assert said[5]["expected minutes"] == round((101 + 1 + 187 * 5 / 3 + 4 * 14 + 12 * 6 + 5) / 60, 1)


@pytest.mark.slow
def test_the_full_demo_is_the_demo_with_the_methods_that_learn_from_preferences_in_between(tmp_path: Path) -> None:
    """All that a demo made is found by the full one: its steps are the same lines, in the same order, but for the page."""
    quick, full = (json.loads(Folder(tmp_path).must("demo", *flags, "--dry-run", "--json").out)["steps"] for flags in ((), ("--full",)))
    shared = {name: step["command"] for name, step in full.items() if name in quick and name != "report"}
    assert shared == {name: step["command"] for name, step in quick.items() if name != "report"}
    assert list(shared) == [name for name in quick if name != "report"]
    asked = [name for name in full if name.startswith("eval-") and name not in quick]
    assert asked == ["eval-facttune-fs", "eval-facttune-mc", "eval-sft-pairs", "eval-grath", "eval-self-learning-0", "eval-self-learning-2"]
    assert all(name in full["report"]["command"] for name in asked)


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
def test_a_dry_run_names_what_the_demo_then_makes(finished: Folder) -> None:
    steps = json.loads(finished.must(*DEMO, "--dry-run", "--json").out)["steps"]
    manifests = {name: finished.manifest(name) for name in steps}
    assert {path.parts[-2] for path in (finished.path / "data").glob("*/v0001")} == set(steps)
    assert all(step["command"].startswith(f"fact {manifests[name]['stage']} ") for name, step in steps.items())


@pytest.mark.slow
def test_each_line_of_a_dry_run_typed_by_hand_finds_what_the_demo_made(finished: Folder) -> None:
    steps = json.loads(finished.must(*DEMO, "--dry-run", "--json").out)["steps"]
    before = digests(finished)
    for step in steps.values():
        assert "(made before" in finished.must(*shlex.split(step["command"])[1:]).err, step["command"]
    assert digests(finished) == before


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
