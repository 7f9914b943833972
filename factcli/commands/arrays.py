"""`fact run --seeds ... --launcher slurm`: one task of a job array for each seed, each of which runs the whole recipe for its seed."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from factcli.commands.ending import tell
from factcli.commands.running import Asked, recipe_path
from factcli.config import resolve
from factcli.errors import SettingsError
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


def submit_array(name: str, command: str, tasks: Sequence[str], root: Path, slurm: SlurmConfig, as_json: bool) -> str:
    """One job for each of `tasks`, whose word stands in `command` as TASK; prints the number of the array."""
    root.mkdir(parents=True, exist_ok=True)
    settled = slurm.model_copy(update={"setup": f"{slurm.setup}\ntasks=({shlex.join(tasks)})"})
    path = root / f".{name}.sbatch"
    path.write_text(render(Script(name, command, root.resolve() / f".{name}-%A_%a.log", array=len(tasks)), settled), encoding="utf-8")
    number = submit(path)
    tell(f"Slurm array {number}: {len(tasks)} tasks by {path}; the same command without --launcher takes what they made, and compares")
    print(json.dumps({"array": number, "script": str(path)}) if as_json else path)
    return number
