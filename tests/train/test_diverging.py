"""A loss that is no number ends a run before it changes anything, names the batch and leaves the last checkpoint."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import DivergedError
from factcli.train.checkpoint import Checkpoints, Snapshot
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim, SkillJob
from factcli.train.knowledge import run_knowledge
from factcli.train.objectives import Batch, Scorer
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats, documents

SAVES_EACH_STEP = Machine(device="cpu", threads=1, checkpoint_every_s=1e-9)


def ignore(_event: dict[str, object]) -> None:
    return


@pytest.fixture
def knowledge(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    """Two adapters of 6 texts in batches of 2: six steps of two epochs."""
    plans = tuple(AdapterPlan(f"fictitious_v{v}_statement", write_rows(f"v{v}.jsonl", documents(6, v)), epochs=2) for v in (1, 2))
    return KnowledgeJob(base, str(tmp_path / "out"), plans, 5, Lora(4, 8, 0.0), Optim(lr=1e-3), SAVES_EACH_STEP, batch_rows=2, max_length=48)


@pytest.fixture
def skill(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    rows = write_rows("chats.jsonl", chats(8, 0, False))
    return SkillJob(base, str(tmp_path / "out"), rows, lora=Lora(4, 8, 0.0), optim=Optim(lr=1e-3), machine=SAVES_EACH_STEP, steps=6, batch_rows=4)


def poisoned(monkeypatch: pytest.MonkeyPatch, at: int, row: int) -> None:
    """The logits of one row of forward pass `at` (with gradient, counted from 0) are no numbers: as an overflow in its numbers would make them."""
    plain: Callable[[Scorer, Batch], torch.Tensor] = Scorer.logits
    seen: list[int] = []

    def logits(self: Scorer, batch: Batch) -> torch.Tensor:
        found = plain(self, batch)
        if torch.is_grad_enabled():
            seen.append(1)
        if not torch.is_grad_enabled() or len(seen) != at + 1:
            return found
        start = sum(batch.counts[:row])
        factor = torch.ones(found.shape[0], 1)
        factor[start : start + batch.counts[row]] = torch.nan
        return found * factor

    monkeypatch.setattr(Scorer, "logits", logits)


def kept(job: KnowledgeJob | SkillJob) -> tuple[int, dict[str, torch.Tensor]]:
    (folder,) = (Path(job.out) / "checkpoints").iterdir()
    return json.loads((folder / "state.json").read_text())["step"], load_file(folder / "state.safetensors")


def test_an_adapter_whose_loss_is_no_number_is_named_with_its_rows(knowledge: KnowledgeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both adapters share a pass: rows 0 and 1 are the first one's, 2 and 3 the second's. The third pass is step 3."""
    poisoned(monkeypatch, at=2, row=3)
    with pytest.raises(DivergedError) as met:
        run_knowledge(knowledge, ignore)
    assert "adapter fictitious_v2_statement came apart at step 3: the loss is nan" in met.value.message
    named = met.value.message.split("the batch is of the rows ")[1].split("; ")[0].split(", ")
    assert len(named) == 2
    assert all(name.startswith("f0.p") and name.endswith(".v2") for name in named)
    assert "the checkpoint before it is kept: " in met.value.message
    assert "step-00000002" in met.value.message
    assert not (Path(knowledge.out) / "result.json").exists()


def test_what_is_kept_is_the_state_before_and_a_later_run_goes_on_from_it(knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run that met the number goes on from its checkpoint once the number is gone, and ends where an undisturbed one does."""
    whole = replace(knowledge, out=str(tmp_path / "whole"))
    run_knowledge(whole, ignore)
    with monkeypatch.context() as patch:
        poisoned(patch, at=3, row=0)
        with pytest.raises(DivergedError, match="step 4"):
            run_knowledge(knowledge, ignore)
    step, tensors = kept(knowledge)
    assert step == 3
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    run_knowledge(knowledge, ignore)
    for plan in knowledge.adapters:
        one, other = (load_file(Path(job.out) / "adapters" / plan.name / "adapter_model.safetensors") for job in (whole, knowledge))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_skill_names_the_rows_of_the_piece(skill: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of two rows: of the four rows of step 2 the first two are named."""
    skill = replace(skill, machine=replace(SAVES_EACH_STEP, micro_rows=2))
    poisoned(monkeypatch, at=2, row=0)
    with pytest.raises(DivergedError, match="the skill adapter came apart at step 2: the loss is nan") as met:
        run_skill(skill, ignore)
    named = met.value.message.split("the batch is of the rows ")[1].split("; ")[0].split(", ")
    assert len(named) == 2
    assert kept(skill)[0] == 1


@pytest.mark.parametrize("run", ["knowledge", "skill"])
def test_an_update_that_leaves_no_number_is_seen_even_after_the_last_step(
    run: str, knowledge: KnowledgeJob, skill: SkillJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step leaves weights that are no numbers, with no next loss to show it, and they are not kept."""
    once: Any = {"knowledge": replace(knowledge, adapters=tuple(replace(plan, epochs=None, steps=1) for plan in knowledge.adapters))}
    job = (once | {"skill": replace(skill, steps=1)})[run]

    def overflow(self: torch.optim.AdamW) -> None:
        with torch.no_grad():
            self.param_groups[0]["params"][0].fill_(torch.inf)

    monkeypatch.setattr(torch.optim.AdamW, "step", overflow)
    with pytest.raises(DivergedError, match="holds what is no number after the last step"):
        (run_knowledge if run == "knowledge" else run_skill)(job, ignore)
    assert not list((Path(job.out) / "checkpoints").glob("step-*"))


def test_a_checkpoint_with_what_is_no_number_is_not_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", "a", 0.0, tmp_path / "log.jsonl")
    checkpoints.save(1, Snapshot({"a": torch.ones(2)}, {}))
    checkpoints.save(2, Snapshot({"a": torch.tensor([1.0, torch.inf])}, {}))
    assert "no checkpoint at step 2: a holds what is no number" in caplog.text
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000001"]
