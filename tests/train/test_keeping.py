"""A base kept from job to job: loaded once, as good as new, and given up where it is another or there is no room."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from factcli.train import keeping
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim
from factcli.train.knowledge import run_knowledge
from factcli.train.session import open_session
from tests.train.conftest import WriteRows, documents

Event = dict[str, object]


def ignore(_event: Event) -> None:
    return


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    own = shutil.copytree(base, tmp_path / "own")
    plan = AdapterPlan("fictitious_v1_statement", write_rows("d.jsonl", documents(8, 1)), steps=4)
    machine = Machine(device="cpu", threads=1)
    return KnowledgeJob(str(own), str(tmp_path / "out"), (plan,), 5, Lora(4, 8, 0.1), Optim(lr=1e-2), machine, batch_rows=4, max_length=48)


def saved(job: KnowledgeJob, out: Path) -> bytes:
    run_knowledge(replace(job, out=str(out)), ignore)
    keeping.settle()
    return (out / "adapters" / "fictitious_v1_statement" / "adapter_model.safetensors").read_bytes()


def test_jobs_on_one_base_load_it_once_and_learn_what_each_learns_alone(job: KnowledgeJob, tmp_path: Path) -> None:
    """Adapters of two ranks, which no batch could hold together, on one base in memory; the bytes are those of a process of their own."""
    other = replace(job, lora=Lora(2, 4, 0.0), optim=Optim(lr=3e-2))
    alone = [saved(one, tmp_path / f"alone{n}") for n, one in enumerate((job, other))]
    with keeping.keeping() as kept:
        first = saved(job, tmp_path / "first")
        model = kept.model
        assert model is not None
        assert [first, saved(other, tmp_path / "second")] == alone
        assert kept.model is model


def test_what_is_kept_has_nothing_plugged_in(job: KnowledgeJob, tmp_path: Path) -> None:
    ids = torch.tensor([[1, 5, 9]])
    with keeping.keeping() as kept:
        session = open_session(job)
        before = session.model(input_ids=ids).logits
        adapter = session.bank.add("fictitious_v1_statement", 4, 8, 0.0, 5)
        adapter.vector.data.fill_(0.1)
        with session.bank.active(["fictitious_v1_statement"]):
            assert not torch.equal(session.model(input_ids=ids).logits, before)
            keeping.settle()
            assert kept.model is session.model
            assert torch.equal(session.model(input_ids=ids).logits, before), "its hooks are off, whatever state the job was left in"
        assert not any(module._forward_hooks for module in session.model.modules())


def test_a_base_whose_files_changed_is_loaded_anew(job: KnowledgeJob, tmp_path: Path) -> None:
    with keeping.keeping() as kept:
        saved(job, tmp_path / "first")
        model = kept.model
        config = Path(job.base) / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()), indent=7))
        saved(job, tmp_path / "second")
        assert kept.model is not None
        assert kept.model is not model


def test_without_room_for_a_second_copy_nothing_is_kept(job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ROOM", float("inf"))
    with keeping.keeping() as kept:
        saved(job, tmp_path / "first")
        assert kept.model is None


def test_a_base_in_parts_is_no_other_jobs(job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is it kept, nor is the whole one that was kept before it held beside it."""
    with keeping.keeping() as kept:
        saved(job, tmp_path / "first")
        assert kept.model is not None
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("FSDP_VERSION", "2")
        open_session(job)
        assert kept.model is None


def test_outside_of_a_warm_process_each_job_loads_its_own(job: KnowledgeJob) -> None:
    assert open_session(job).model is not open_session(job).model
