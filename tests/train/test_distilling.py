"""Self-distillation: the divergence by hand, weight 0 as plain training to the bit, and a teacher that is the untouched base."""

from dataclasses import replace
from math import log
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from factcli.errors import SettingsError, TrainingError
from factcli.train import skill as skills
from factcli.train.distilling import divergence
from factcli.train.job import Distillation, Lora, Optim, SkillJob
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats
from tests.train.test_skill import MACHINE, curve, ignore, refs


def logits(*shares: float) -> torch.Tensor:
    return torch.tensor([shares]).log()


def test_the_divergence_is_that_of_the_definition() -> None:
    """Base (1/2, 1/4, 1/4), model (1/4, 1/4, 1/2): forward 1/2 ln 2 + 0 + 1/4 ln 1/2 = 1/4 ln 2; the reverse is as large by symmetry.

    Against (1/2, 1/2, 0+): forward 0 + 1/4 ln 1/2 + 1/4 ln(1/4 / e-9) is large, reverse 0 + 1/2 ln 2 is not.
    """
    base, model = logits(0.5, 0.25, 0.25), logits(0.25, 0.25, 0.5)
    forward, reverse = Distillation(1.0), Distillation(1.0, "reverse")
    assert divergence(base, model, forward).item() == pytest.approx(log(2) / 4, rel=1e-5)
    assert divergence(base, model, reverse).item() == pytest.approx(log(2) / 4, rel=1e-5)
    narrow = logits(0.5, 0.5, 1e-9)
    assert divergence(base, narrow, forward).item() == pytest.approx(-log(2) / 4 + 0.25 * log(0.25e9), rel=1e-4)
    assert divergence(base, narrow, reverse).item() == pytest.approx(log(2) / 2, rel=1e-4)


def test_a_temperature_softens_both_and_keeps_the_size() -> None:
    """Logits (2 ln 3, 0) against (0, 0) at t = 2: (3/4, 1/4) against (1/2, 1/2): 4 x (3/4 ln 3/2 + 1/4 ln 1/2)."""
    found = divergence(torch.tensor([[2 * log(3), 0.0]]), torch.zeros(1, 2), Distillation(1.0, temperature=2.0))
    assert found.item() == pytest.approx(4 * (0.75 * log(1.5) + 0.25 * log(0.5)), rel=1e-5)


def test_the_gradient_is_model_less_base_and_none_reaches_the_base() -> None:
    """d KL(p || softmax z) / dz = softmax z - p."""
    base, model = logits(0.5, 0.3, 0.2).requires_grad_(), logits(0.2, 0.2, 0.6).requires_grad_()
    divergence(base, model, Distillation(1.0)).sum().backward()
    assert model.grad is not None
    assert torch.allclose(model.grad, torch.tensor([[-0.3, -0.1, 0.4]]), atol=1e-6)
    assert base.grad is None


@given(st.lists(st.floats(-8, 8), min_size=3, max_size=3), st.lists(st.floats(-8, 8), min_size=3, max_size=3), st.sampled_from(["forward", "reverse"]))
def test_no_divergence_is_below_zero_and_that_of_a_model_from_itself_is_zero(one: list[float], other: list[float], direction: str) -> None:
    how = Distillation(1.0, direction)  # type: ignore[arg-type]  # hypothesis gives a str
    a, b = torch.tensor([one]), torch.tensor([other])
    assert divergence(a, b, how).item() >= -1e-5
    assert divergence(a, a, how).item() == 0


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    rows = write_rows("chats.jsonl", chats(12, 0, False) + chats(12, 0, False, "bio"))
    return SkillJob(base, str(tmp_path / "out"), rows, seed=3, lora=Lora(4, 8, 0.1), optim=Optim(lr=1e-2), machine=MACHINE, steps=30, batch_rows=8)


def saved(job: SkillJob) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in load_file(Path(job.out) / "adapter/adapter_model.safetensors").values()])


def trained(job: SkillJob, **distillation: object) -> SkillJob:
    name = "-".join(str(value) for value in distillation.values()) or "plain"
    told = replace(job, out=f"{job.out}-{name}", distillation=Distillation(**distillation))  # type: ignore[arg-type]
    Path(told.out).mkdir()
    run_skill(told, ignore)
    return told


def test_weight_zero_is_plain_training_to_the_bit(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the code of distillation taken away, whatever direction and temperature say."""
    zero = trained(job, weight=0.0, direction="reverse", temperature=3.0)
    monkeypatch.delattr(skills, "distilled")
    monkeypatch.delattr(skills, "teach")
    assert torch.equal(saved(zero), saved(trained(job)))
    assert "from_base" not in curve(zero)[0]


def test_a_tiny_weight_is_another_run(job: SkillJob) -> None:
    assert not torch.equal(saved(trained(job)), saved(trained(job, weight=1e-3)))


def test_the_heavier_the_weight_the_nearer_the_model_stays_to_its_base(job: SkillJob) -> None:
    """Before the first update nothing lies between them; afterwards less where the weight is larger."""
    light, heavy = curve(trained(job, weight=0.01)), curve(trained(job, weight=3.0))
    assert light[0]["from_base"] == heavy[0]["from_base"] == 0
    assert 0 < sum(row["from_base"] for row in heavy[-5:]) < 0.5 * sum(row["from_base"] for row in light[-5:])


def test_the_logged_loss_is_cross_entropy_and_weighted_divergence(job: SkillJob) -> None:
    """At the first step the divergence is 0, so the loss is the plain one's; at the second the rows are the same, the weights almost."""
    plain, light = curve(trained(job)), curve(trained(job, weight=1e-6))
    assert light[0]["loss"] == plain[0]["loss"]
    assert light[1]["loss"] == pytest.approx(plain[1]["loss"], abs=1e-3)


def test_the_proof_of_the_teacher_is_kept(job: SkillJob) -> None:
    result = run_skill(replace(job, distillation=Distillation(1.0)), ignore)
    (proof,) = [proof for proof in result["proofs"] if proof["proof"] == "the teacher is the untouched base"]
    assert proof["numbers"] == {"nats_per_token_before_the_first_step": 0.0}


def test_another_teacher_ends_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skills, "teach", lambda scorer, batch: torch.zeros_like(scorer.logits(batch).detach()))
    with pytest.raises(TrainingError, match="from the base that teaches it, need 0"):
        run_skill(replace(job, distillation=Distillation(1.0)), ignore)


def test_distillation_over_knowledge_or_over_a_base_that_changes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="goes with batches=plain"):
        SkillJob("b", "o", "r", batches="multi_version", knowledge=refs(tmp_path, (1,)), steps=1, distillation=Distillation(1.0))
    with pytest.raises(SettingsError, match="tuning full overwrites"):
        SkillJob("b", "o", "r", steps=1, tuning="full", distillation=Distillation(1.0))
    with pytest.raises(SettingsError, match="weight of the distillation is -1"):
        Distillation(-1)
