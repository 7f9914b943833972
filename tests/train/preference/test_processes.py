"""Two real processes: one store of reference log-probabilities, and the weights of one process."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.train import job as jobs
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import job_of, lines, pair_rows, trained
from tests.train.processes import in_two_processes


@pytest.mark.slow
def test_two_processes_leave_what_one_does(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    """Gloo on a CPU; batches of 4 pairs and a last one of 3, so that one process has a pair less. Sums are in another order: to 1e-4."""
    alone = job_of(base, write_rows("pairs.jsonl", pair_rows(15, n_dev=5)), tmp_path / "alone", steps=4, logprobs=str(tmp_path / "one"))
    weights = trained(alone)
    both = replace(alone, out=str(tmp_path / "both"), logprobs=str(tmp_path / "shared"))
    path = jobs.save(both, tmp_path / "job.json")
    ended = in_two_processes("-m", "factcli.train.worker", str(path))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert len(list((tmp_path / "shared").glob("*/*.jsonl"))) == 2  # each wrote its share
    assert lines(tmp_path / "both" / "reference.jsonl") == lines(tmp_path / "alone" / "reference.jsonl")
    again = load_file(tmp_path / "both" / "adapter" / "adapter_model.safetensors")
    assert all(torch.allclose(weights[key], again[key], rtol=1e-3, atol=1e-4) for key in weights)
    ours, theirs = (lines(tmp_path / name / "steps.jsonl") for name in ("alone", "both"))
    assert [row["n_pairs"] for row in ours] == [row["n_pairs"] for row in theirs] == [5, 4, 4, 4, 3, 5]
    assert [row["loss"] for row in theirs] == pytest.approx([row["loss"] for row in ours], rel=1e-4)
    assert lines(tmp_path / "both" / "proofs.jsonl")[0]["holds"]
    one, two = (json.loads((tmp_path / name / "result.json").read_text(encoding="utf-8"))["usage"] for name in ("alone", "both"))
    assert (two["flops"], two["processes"]) == (one["flops"], 2)


LATE = """
import os, sys
from pathlib import Path
from factcli.train import worker
from factcli.train.preference.reference import Store

read, others = Store.read, Path(sys.argv.pop())
def seen(store):
    # the second process looks for the first time when another run has just written everything
    Store.read = read
    return {key: value for folder in others.iterdir() for key, value in read(Store(folder)).items()}
if os.environ["RANK"] == "1":
    Store.read = seen
sys.exit(worker.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_processes_that_read_another_state_of_the_store_compute_one_list(base: str, write_rows: WriteRows, tmp_path: Path) -> None:
    alone = job_of(base, write_rows("pairs.jsonl", pair_rows(40)), tmp_path / "alone", steps=1, logprobs=str(tmp_path / "one"))
    trained(alone)
    path = jobs.save(replace(alone, out=str(tmp_path / "both"), logprobs=str(tmp_path / "shared")), tmp_path / "job.json")
    (tmp_path / "late.py").write_text(LATE)
    ended = in_two_processes(str(tmp_path / "late.py"), str(path), str(tmp_path / "one"))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert len(list((tmp_path / "shared").glob("*/*.jsonl"))) == 2
    assert lines(tmp_path / "both" / "reference.jsonl") == lines(tmp_path / "alone" / "reference.jsonl")
