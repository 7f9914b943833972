"""Arrays of Slurm: `fact run --seeds`, a task for each seed, and `fact sweep`, one for each cell. Slurm's programs are stand-ins, but for one test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factcli.cli import app
from tests.chain import Folder
from tests.train import slurm


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> slurm.Standins:
    return slurm.standins(tmp_path / "bin", monkeypatch)


def test_each_task_of_the_array_runs_the_recipe_for_its_seed(programs: slurm.Standins, tmp_path: Path) -> None:
    """Task 1 of seeds 200 to 202 is seed 201."""
    root = tmp_path / "a data"
    typed = ["run", "demo", "--seeds", "200-202", "--launcher", "slurm", "--slurm", "partition=gpu", "--set", "world.size=micro", "--data", str(root), "--json"]
    ended = CliRunner().invoke(app, typed)
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert told["array"] == "42"
    script = Path(told["script"])
    directives = slurm.directives(script.read_text())
    assert directives[-2:] == ["--partition=gpu", "--array=0-2"]
    assert f"--output={root}/.fact-demo-%A_%a.log" in directives
    words = slurm.started(script, SLURM_ARRAY_TASK_ID="1")
    assert words[:4] == [sys.executable, "-m", "factcli.cli", "run"]
    assert words[-2:] == ["--seeds", "201"]
    assert words[words.index("--data") + 1] == str(root)
    assert words[words.index("--set") + 1] == "world.size=micro"


@pytest.mark.parametrize(("more", "message"), [([], "makes an array of seeds"), (["--seeds", "1,2", "--slurm", "partitoin=gpu"], "did you mean 'partition'")])
def test_an_array_that_cannot_be_is_refused(more: list[str], message: str, programs: slurm.Standins, tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["run", "demo", "--launcher", "slurm", *more, "--data", str(tmp_path)])
    assert ended.exit_code == 2
    assert message in ended.stderr


GRID = (
    "sft",
    "--method",
    "real",
    "--grid",
    "lr=1e-3,2e-3",
    "--grid",
    "lora_r=2,4",
    "--eval",
    "eval world --set probe_versions=0 --set heldout_forms=false --limit 2",
)


def test_each_task_of_the_array_makes_a_cell_of_the_sweep_as_it_was_typed(programs: slurm.Standins, tmp_path: Path) -> None:
    """Task 2 is the third of four cells, lr=0.002 lora_r=2: what it would type makes that one's two steps and no other."""
    root = tmp_path / "a data"
    typed = ["sweep", "--launcher", "slurm", "--slurm", "partition=gpu", *GRID, "--name", "mine", "--data", str(root), "--json"]
    ended = CliRunner().invoke(app, typed)
    assert ended.exit_code == 0, ended.output
    script = Path(json.loads(ended.stdout)["script"])
    assert "#SBATCH --array=0-3" in script.read_text()
    words = slurm.started(script, SLURM_ARRAY_TASK_ID="2")
    assert words[:3] == [sys.executable, "-m", "factcli.cli"]
    assert words[-2:] == ["--cells", "3"]
    shown = json.loads(CliRunner().invoke(app, [*words[3:], "--dry-run", "--json"]).stdout)
    whole = json.loads(CliRunner().invoke(app, ["sweep", *GRID, "--name", "mine", "--data", str(root), "--dry-run", "--json"]).stdout)
    assert len(whole["cells"]) == 4
    assert shown["cells"] == {"lr=0.002 lora_r=2": "mine-lr0.002-lora_r2 mine-lr0.002-lora_r2-dev"}
    assert shown["steps"] == {name: whole["steps"][name] for name in ("mine-lr0.002-lora_r2", "mine-lr0.002-lora_r2-dev")}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--launcher", "slurm", "--slurm", "partitoin=gpu"], "did you mean 'partition'"),
        (["--cells", "5"], "--cells 5: the grid has cells 1 to 4"),
        (["--cells", "x"], "no list of cells"),
    ],
)
def test_cells_that_cannot_be_are_refused(more: list[str], message: str, programs: slurm.Standins, tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["sweep", *more, *GRID, "--data", str(tmp_path / "data")])
    assert ended.exit_code == 2
    assert message in ended.stderr


def are_on(array: str) -> bool:
    """Whether a task of the array waits or runs."""
    return bool(subprocess.run(["squeue", "--noheader", f"--jobs={array}"], capture_output=True, text=True).stdout.strip())


@pytest.mark.slow
def test_a_cluster_makes_all_cells_of_a_sweep_at_once_and_the_sweep_then_chooses_among_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tasks need the evaluation of the untouched base, which one of them makes and the others wait for."""
    if gone := slurm.missing():
        pytest.skip(f"Slurm is not installed here (no {', '.join(gone)}): apt-get install slurm-wlm munge")
    (tmp_path / "work").mkdir()
    folder = Folder(tmp_path / "work")
    folder.makes("world --size micro --seed 6", "synth bio --seed 6")
    (tmp_path / "slurm").mkdir()
    with slurm.one_machine(tmp_path / "slurm") as conf:
        monkeypatch.setenv("SLURM_CONF", str(conf))
        told = json.loads(folder.must("sweep", "--launcher", "slurm", *GRID, "--json").out)
        slurm.until(lambda: not are_on(told["array"]), within_s=300)
    ran = folder.must("sweep", *GRID)
    assert ran.err.count("(made before)") == 8, ran.err
    assert len(folder.rows("sweep-sft", "cells")) == 4
