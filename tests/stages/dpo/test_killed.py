"""`fact dpo` killed in the middle and typed again: the version is that of a run that nothing stopped."""

import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.chain import Folder
from tests.stages.dpo.made import base_at, pairs_of, sixteen, skill_on

pytestmark = pytest.mark.slow
COMMAND = ("dpo", "--pairs", "pairs", "--model", "skill", "--steps", "24", "--lr", "1e-3", "--set", "batch_pairs=4", "--set", "max_length=96")
OFTEN = ("--set", "eval_every_pairs=16", "--set", "checkpoint_every_s=0.01", "--set", "threads=1")
WAIT_S = 120.0


def killed_after(folder: Folder, steps: int) -> None:
    """The command, with SIGKILL to it and its worker once so many steps are logged."""
    process = folder.popen(*COMMAND, *OFTEN)
    until = time.monotonic() + WAIT_S
    log = "data/dpo/.partial-*/work/run/steps.jsonl"
    while not any(path.read_text().count("\n") >= steps for path in folder.path.glob(log)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_killed_run_goes_on_to_the_digest_of_one_that_nothing_stopped(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        base_at("base")
        skill_on("base")
        pairs_of(sixteen())
    whole, stopped = Folder(tmp_path), Folder(tmp_path / "again")
    shutil.copytree(tmp_path / "data", tmp_path / "again" / "data")
    shutil.copytree(tmp_path / "base", tmp_path / "again" / "base")
    for steps in (3, 12):
        killed_after(stopped, steps)
    ran = stopped.must(*COMMAND, *OFTEN)
    assert "made before" not in ran.err
    whole.must(*COMMAND, *OFTEN)
    found, wanted = (json.loads((folder.path / "data/dpo/v0001/manifest.json").read_text()) for folder in (stopped, whole))
    assert found["files"]["adapter/adapter_model.safetensors"] == wanted["files"]["adapter/adapter_model.safetensors"]
    assert found["digest"] == wanted["digest"]
