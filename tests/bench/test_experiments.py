"""The tables of an experiment over worlds of seconds: what they say is what its answers say."""

import re
from pathlib import Path

import pytest
import torch

from factcli import resolving
from tests.bench import experiments
from tests.bench.test_bench import accuracy
from tests.test_experiments import configs

pytestmark = pytest.mark.slow
__all__ = ["configs"]


def test_tables_of_an_experiment_hold_the_counted_figures(configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(resolving, "configs_directory", lambda: configs)
    for seed in (1, 2):
        experiments.run_seed("forms", tmp_path, seed, threads=1)
    printed = experiments.tables("forms", tmp_path, [1, 2, 3])
    assert printed.startswith("### forms: 2 worlds (seeds 1, 2)")
    both, passage = ([accuracy(tmp_path, seed, f"eval-{name}") for seed in (1, 2)] for name in ("both", "passage"))
    assert re.search(rf"\| both \| {sum(both) / 2:.1f} \(", printed)
    row = re.search(r"\| both \| passage \| questions right, points \| (\S+) .* \| \d of \d \| (\S+) (\S+) \|", printed)
    assert row is not None
    each = [mine - other for mine, other in zip(both, passage, strict=True)]
    assert [float(row[n]) for n in (1, 2, 3)] == pytest.approx([sum(each) / 2, *each], abs=0.006)
    assert not list((tmp_path / "seed1").glob("comparison/v*")), "the tables compare over worlds, so no world is compared alone"


def test_every_recipe_has_its_tables() -> None:
    recipes = {path.stem for path in (resolving.configs_directory() / "experiments").glob("*.yaml")}
    assert recipes - {"main-table"} == set(experiments.EXPERIMENTS), "the main table's own are those of effect and preferences"
