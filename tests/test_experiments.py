"""Every experiment of configs/experiments/ runs from its first step to its last, on a micro world."""

import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from factcli import resolving
from factcli.cli import app
from tests.test_as_typed import small_configs

pytestmark = pytest.mark.slow
NAMES = sorted(path.stem for path in (resolving.configs_directory() / "experiments").glob("*.yaml"))


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
