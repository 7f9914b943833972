"""What a checkout and a wheel hold: rules for what make is told, the licence, and every file that the package reads."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_SOURCE = shutil.ignore_patterns(".*", "data*", "build", "dist", "__pycache__", "*.egg-info")


def test_every_target_of_the_makefile_has_a_rule() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_the_licence_that_pyproject_names_is_there_in_full() -> None:
    lines = (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    assert [line.strip() for line in lines if line.strip()][:2] == ["Apache License", "Version 2.0, January 2004"]
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package_and_the_settings(tmp_path: Path) -> None:
    """Built of a copy, with a prompt template planted, by pip, which fetches hatchling: skipped where it cannot."""
    source = tmp_path / "source"
    for name in ("factcli", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=NOT_SOURCE)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source / name)
    (source / "factcli/prompts/toy").mkdir()
    (source / "factcli/prompts/toy/step.txt").write_text("# source: none\n")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if "No matching distribution found for hatchling" in ran.stderr:
        pytest.skip("no package index within reach")
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
        assert [name for name in file.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    package = {path.relative_to(source).as_posix() for path in (source / "factcli").rglob("*") if path.is_file()}
    settings = {f"factcli/_configs/{path.relative_to(source / 'configs').as_posix()}" for path in (source / "configs").rglob("*") if path.is_file()}
    assert "factcli/prompts/toy/step.txt" in package
    assert {"factcli/_configs/prereq/popqa.yaml", "factcli/_configs/slurm/job.sbatch"} <= settings
    assert held == package | settings
