"""Job arrays of Slurm: `fact run --seeds` has a task for each seed, which runs the whole recipe for it; `fact sweep` one for each cell."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from factcli.commands.ending import tell
from factcli.commands.making import Making
from factcli.commands.running import Asked, recipe_path
from factcli.config import resolve
from factcli.errors import SettingsError
from factcli.stages.sweep.settings import SweepConfig
from factcli.train.launching import SlurmConfig
from factcli.train.slurm import Script, render, submit

TASK = '"${tasks[$SLURM_ARRAY_TASK_ID]}"'


def submit_seeds(asked: Asked, root: Path, seeds: Sequence[int | None], assignments: Sequence[str]) -> str:
    """The number of the array. Every task works in a folder of its own, root/seedN, as it does when seeds come one after the other."""
    if None in seeds:
        raise SettingsError("--launcher slurm makes an array of seeds, and none are given", "for example: --seeds 200-209")
    slurm = resolve(SlurmConfig, [], assignments, {})
    words = ["run", str(recipe_path(asked.recipe).resolve()), "--data", str(root.resolve())]
    words += [word for text in asked.assignments for word in ("--set", text)] + (["--from", asked.start] if asked.start else [])
    command = f"{shlex.join([sys.executable, '-m', 'factcli.cli', *words])} --seeds {TASK}"
    return submit_array(f"fact-{Path(asked.recipe).stem}", command, [str(seed) for seed in seeds], root, slurm, asked.as_json)


def submit_cells(config: SweepConfig, n_cells: int, name: str, making: Making, assignments: Sequence[str]) -> str:
    """The number of the array. Every task reads the sweep's settings from a file beside the script, and makes one cell."""
    slurm = resolve(SlurmConfig, [], assignments, {})
    root = making.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    said = root / f".{name}.yaml"
    # unsorted: cells are numbered in the order of the grid
    said.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude={"cells"}), sort_keys=False), encoding="utf-8")
    words = [sys.executable, "-m", "factcli.cli", "sweep", "-c", str(said), "--name", name, "--data", str(root)]
    tasks = [str(number) for number in range(1, n_cells + 1)]
    return submit_array(f"fact-{name}", f"{shlex.join(words)} --cells {TASK}", tasks, root, slurm, making.json)


def submit_array(name: str, command: str, tasks: Sequence[str], root: Path, slurm: SlurmConfig, as_json: bool) -> str:
    """One job for each of `tasks`, whose word stands in `command` as TASK; prints the number of the array."""
    root.mkdir(parents=True, exist_ok=True)
    settled = slurm.model_copy(update={"setup": f"{slurm.setup}\ntasks=({shlex.join(tasks)})"})
    path = root / f".{name}.sbatch"
    path.write_text(render(Script(name, command, root.resolve() / f".{name}.log", array=len(tasks)), settled), encoding="utf-8")
    number = submit(path)
    tell(f"Slurm array {number}: {len(tasks)} tasks by {path}; the same command without --launcher takes what they made, and compares")
    print(json.dumps({"array": number, "script": str(path)}) if as_json else path)
    return number
