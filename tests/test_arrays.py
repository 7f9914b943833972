"""`fact run --seeds ... --launcher slurm`: an array whose every task runs the recipe for one seed. Slurm's programs are stand-ins here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factcli.cli import app

STANDINS = {"sbatch": "echo 42", "scontrol": "echo node-a", "srun": 'printf "%s\\n" "$@"'}


@pytest.fixture
def path_of_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in STANDINS.items():
        (folder / name).write_text(f"#!/bin/bash\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_each_task_of_the_array_runs_the_recipe_for_its_seed(path_of_slurm: Path, tmp_path: Path) -> None:
    """Task 1 of seeds 200 to 202 is seed 201; the script is executed, and says what it would start."""
    root = tmp_path / "a data"
    typed = ["run", "demo", "--seeds", "200-202", "--launcher", "slurm", "--slurm", "partition=gpu", "--set", "world.size=micro", "--data", str(root), "--json"]
    ended = CliRunner().invoke(app, typed)
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert told["array"] == "42"
    script = Path(told["script"])
    directives = [line for line in script.read_text().splitlines() if line.startswith("#SBATCH")]
    assert directives[-2:] == ["#SBATCH --partition=gpu", "#SBATCH --array=0-2"]
    ran = subprocess.run(["bash", str(script)], env={**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_JOB_NODELIST": "node-a"}, capture_output=True, text=True)
    words = ran.stdout.splitlines()[2:]
    assert ran.returncode == 0, ran.stderr
    assert words[:4] == [sys.executable, "-m", "factcli.cli", "run"]
    assert words[-2:] == ["--seeds", "201"]
    assert words[words.index("--data") + 1] == str(root)
    assert words[words.index("--set") + 1] == "world.size=micro"


@pytest.mark.parametrize(("more", "message"), [([], "makes an array of seeds"), (["--seeds", "1,2", "--slurm", "partitoin=gpu"], "did you mean 'partition'")])
def test_an_array_that_cannot_be_is_refused(more: list[str], message: str, path_of_slurm: Path, tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["run", "demo", "--launcher", "slurm", *more, "--data", str(tmp_path)])
    assert ended.exit_code == 2
    assert message in ended.stderr
