"""Every experiment of configs/experiments/ runs from its first step to its last, on a micro world."""

import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from factcli import resolving
from factcli.artifact import open_artifact
from factcli.cli import app
from factcli.commands.running import recipe_path
from factcli.comparisonrows import ComparedFigure
from factcli.flows.recipe import read_recipe
from factcli.rows import Proof
from tests.test_as_typed import small_configs

pytestmark = pytest.mark.slow
NAMES = sorted(path.stem for path in (resolving.configs_directory() / "experiments").glob("*.yaml"))


PROOFS = {  # what a control shows of itself: that it was applied
    "absent": "no row went through a knowledge adapter",
    "wrong-version": "each row went through the next version's adapter",
    "shuffled": "the shuffled adapters have the norms of A and B of the trained ones",
    "random": "the random adapters have the norms of A and the update B A of the trained ones",
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe `tiny` says what `micro` says, and no world is made larger."""
    copy = small_configs(tmp_path_factory.mktemp("settings") / "configs")
    (copy / "world" / "tiny-many.yaml").write_text("# Nothing.\n")
    shutil.copyfile(copy / "world" / "micro-rich.yaml", copy / "world" / "tiny-myths.yaml")
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_runs_whole(name: str, configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(resolving, "configs_directory", lambda: configs)
    ran = CliRunner().invoke(app, ["run", name, "--data", str(tmp_path / "data")])
    assert ran.exit_code == 0, ran.stderr[-3000:]
    made = {step.name: (step, open_artifact(step.name, tmp_path / "data")) for step in read_recipe(recipe_path(name)).steps}
    for step, artifact in made.values():
        if step.command == "compare":
            baseline, *models = [made[ref][1].ref for ref in step.options["refs"]]
            rows = list(artifact.rows("differences", ComparedFigure))
            assert {row.baseline for row in rows} == {baseline}
            assert list(dict.fromkeys(row.model for row in rows)) == models
        if "control" in step.options:
            assert PROOFS[step.options["control"]] in {proof.name for proof in artifact.rows("proofs", Proof) if proof.holds}
