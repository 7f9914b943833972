"""Controls of the frozen knowledge: what is kept of an adapter, what is not, and which rows meet which."""

import json
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import SettingsError, TrainingError
from factcli.train import controls
from factcli.train import skill as skills
from factcli.train.adapters import Adapter, AdapterBank
from factcli.train.controls import adapter_version, disguise, norms_of, pairs
from factcli.train.job import Control, Lora, Optim, SkillJob
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats, killed_at, llama
from tests.train.test_skill import MACHINE, curve, ignore, refs, sampler, weights


@pytest.fixture
def adapter() -> Adapter:
    """Structured as trained ones are: A and B of each site share a direction, so that their product is larger than chance has it."""
    found = AdapterBank(llama(296)).add("fictitious_v1_statement", 4, 8, 0.0, seed=0)
    generator = torch.Generator().manual_seed(1)
    for a, b in pairs(found.matrices()).values():
        shared = torch.randn(4, generator=generator)
        a.copy_(torch.outer(shared, torch.randn(a.shape[1], generator=generator)))
        b.copy_(torch.outer(torch.randn(b.shape[0], generator=generator), shared))
    return found


def copied(adapter: Adapter) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    return {site: (a.clone(), b.clone()) for site, (a, b) in pairs(adapter.matrices()).items()}


def test_norms_are_those_of_frobenius() -> None:
    """One site with A = (3, 4), B = 2: norms 5, 2 and 10; two equal sites have sqrt 2 times as much."""
    found = AdapterBank(llama(296)).add("k", 1, 2, 0.0, seed=0)
    for n, (a, b) in enumerate(pairs(found.matrices()).values()):
        a.zero_()
        b.zero_()
        if n < 2:
            a.view(-1)[:2] = torch.tensor([3.0, 4.0])
            b.view(-1)[0] = 2.0
    told = norms_of(found)
    assert (told.a, told.b, told.update) == pytest.approx((5 * sqrt(2), 2 * sqrt(2), 10 * sqrt(2)))


def test_shuffling_keeps_every_number_of_every_matrix_and_moves_it(adapter: Adapter) -> None:
    before = copied(adapter)
    numbers = disguise(adapter, "shuffled", seed=5)
    for site, (a, b) in pairs(adapter.matrices()).items():
        for now, was in zip((a, b), before[site], strict=True):
            assert torch.equal(now.flatten().sort().values, was.flatten().sort().values)
            assert not torch.equal(now, was)
    assert numbers["control"]["A"] == pytest.approx(numbers["trained"]["A"], rel=1e-5)
    assert numbers["control"]["update"] < 0.9 * numbers["trained"]["update"]  # its directions no longer agree


def test_random_numbers_have_the_norm_of_a_and_of_the_update_at_every_site(adapter: Adapter) -> None:
    before = copied(adapter)
    disguise(adapter, "random", seed=5)
    for site, (a, b) in pairs(adapter.matrices()).items():
        was_a, was_b = before[site]
        assert a.norm() == pytest.approx(was_a.norm().item(), rel=1e-4)
        assert (b @ a).norm() == pytest.approx((was_b @ was_a).norm().item(), rel=1e-4)
        alike = torch.nn.functional.cosine_similarity((b @ a).flatten(), (was_b @ was_a).flatten(), dim=0)
        assert abs(alike.item()) < 0.2


def test_a_control_is_drawn_by_seed_and_adapter(adapter: Adapter) -> None:
    before = adapter.vector.detach().clone()
    drawn = []
    for seed in (5, 5, 6):
        with torch.no_grad():
            adapter.vector.copy_(before)
        disguise(adapter, "shuffled", seed)
        drawn.append(adapter.vector.detach().clone())
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("control", ["none", "wrong-version", "absent"])
def test_the_other_controls_leave_the_numbers_alone(adapter: Adapter, control: Control) -> None:
    before = adapter.vector.detach().clone()
    assert disguise(adapter, control, 0) == {}
    assert torch.equal(adapter.vector, before)


def test_a_norm_that_is_not_kept_ends_the_run(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "shuffle", lambda matrix, _seed: matrix.mul_(1.01))
    with pytest.raises(TrainingError, match="control of fictitious_v1_statement has norm"):
        disguise(adapter, "shuffled", 0)


def test_the_wrong_version_is_the_next_one_and_the_last_ones_is_the_first() -> None:
    assert [adapter_version(v, [1, 2, 10], "wrong-version") for v in (1, 2, 10)] == [2, 10, 1]
    assert [adapter_version(v, [1, 2, 10], "shuffled") for v in (1, 2, 10)] == [1, 2, 10]


def test_no_control_changes_which_rows_come_when(tmp_path: Path) -> None:
    """Only what is plugged in differs: the next version's adapter of the same form, or none."""
    drawn = {}
    for control in ("none", "wrong-version", "absent", "shuffled"):
        plan = sampler(tmp_path, control=control, real_fraction=0.25)
        drawn[control] = [plan.draw(i)[0] for i in range(12)]
    rows = {control: [one.rows for one in passes] for control, passes in drawn.items()}
    assert rows["none"] == rows["wrong-version"] == rows["absent"] == rows["shuffled"]
    assert all(group.knowledge == () for one in drawn["absent"] for group in one.groups)
    following = {"v1": "v2", "v2": "v10", "v10": "v1"}
    for right, wrong in zip(drawn["none"], drawn["wrong-version"], strict=True):
        expected = []
        (own,), (other,) = right.groups, wrong.groups
        for name in own.knowledge:
            source, version, form = name.split("_")
            expected.append(f"{source}_{following[version]}_{form}")
        assert list(other.knowledge) == expected


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    parts = [chats(n, v, f, task) for n, v, f in ((12, 1, True), (12, 10, True), (7, 0, False)) for task in ("qa", "bio")]
    rows = write_rows("chats.jsonl", [row for part in parts for row in part])
    return SkillJob(
        base, str(tmp_path / "out"), rows, batches="multi_version", knowledge=refs(tmp_path / "know", (1, 10)), seed=3, lora=Lora(4, 8, 0.1),
        optim=Optim(lr=1e-2), machine=MACHINE, steps=8, batch_rows=6, real_fraction=0.25, bio_fraction=1 / 3,
    )  # fmt: skip


def numbers_of(result: dict, words: str) -> dict:
    (found,) = [proof["numbers"] for proof in result["proofs"] if words in proof["proof"]]
    return found


@pytest.mark.parametrize("control", ["shuffled", "random"])
def test_a_disguised_adapter_stays_frozen_and_the_proofs_have_its_norms(control: Control, job: SkillJob) -> None:
    files = {ref.name: (Path(ref.directory) / "adapter_model.safetensors").read_bytes() for ref in job.knowledge}
    result = run_skill(replace(job, control=control), ignore)
    told = numbers_of(result, f"the {control} adapters have the norms")
    assert set(told) == {ref.name for ref in job.knowledge}
    for ref in job.knowledge:
        assert (Path(ref.directory) / "adapter_model.safetensors").read_bytes() == files[ref.name]
        stored = load_file(Path(ref.directory) / "adapter_model.safetensors")
        by_hand = sqrt(sum(float(tensor.double().square().sum()) for key, tensor in stored.items() if "lora_A" in key))
        assert told[ref.name]["trained"]["A"] == pytest.approx(by_hand, rel=1e-5)
        assert told[ref.name]["control"]["A"] == pytest.approx(by_hand, rel=1e-4)
    frozen = numbers_of(result, "frozen tensors are bit-identical")
    Path(f"{job.out}-plain").mkdir()
    plain = numbers_of(run_skill(replace(job, out=f"{job.out}-plain"), ignore), "frozen tensors are bit-identical")
    assert frozen["base"] == plain["base"]
    assert all(frozen[ref.name] != plain[ref.name] for ref in job.knowledge)  # what is frozen is the control


def test_wrong_versions_and_absence_are_proved_by_what_was_plugged_in(job: SkillJob) -> None:
    wrong = numbers_of(run_skill(replace(job, control="wrong-version", steps=16), ignore), "the next version's adapter")
    forms = ("statement", "passage")
    assert set(wrong) == {"none <- real"} | {f"fictitious_v{a}_{form} <- fictitious version {v}" for a, v in ((10, 1), (1, 10)) for form in forms}
    Path(f"{job.out}-absent").mkdir()
    absent = run_skill(replace(job, control="absent", out=f"{job.out}-absent", steps=16), ignore)
    assert set(numbers_of(absent, "no row went through")) == {"none <- real", "none <- fictitious version 1", "none <- fictitious version 10"}
    assert set(numbers_of(absent, "frozen tensors")) == {"base"}


def test_a_run_that_plugs_in_the_right_version_is_refused_as_a_control(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factcli.train.routing.adapter_version", lambda version, *_: version)
    with pytest.raises(TrainingError, match="of another version"):
        run_skill(replace(job, control="wrong-version"), ignore)


def test_each_control_trains_another_skill(job: SkillJob) -> None:
    made = {}
    for control in ("none", "wrong-version", "shuffled", "random", "absent"):
        told = replace(job, control=control, out=f"{job.out}-{control}")
        Path(told.out).mkdir()
        run_skill(told, ignore)
        made[control] = torch.cat([tensor.flatten() for tensor in weights(told).values()])
    assert len({tuple(tensor.tolist()) for tensor in made.values()}) == 5


def test_a_control_that_is_killed_goes_on_to_the_same_bits(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = replace(job, control="shuffled", machine=replace(MACHINE, checkpoint_every_s=1e-9))
    run_skill(whole, ignore)
    cut = replace(whole, out=f"{job.out}-cut")
    Path(cut.out).mkdir()
    killed_at(5, skills.SkillStage, lambda: run_skill(cut, ignore), monkeypatch)
    run_skill(cut, ignore)
    assert all(torch.equal(tensor, weights(cut)[key]) for key, tensor in weights(whole).items())
    assert json.dumps([row["loss"] for row in curve(whole)]) == json.dumps([row["loss"] for row in curve(cut)])


def test_real_rows_pass_through_adapters_of_real_texts(job: SkillJob, write_rows: WriteRows, tmp_path: Path) -> None:
    """Knowledge present, rows real: each of both forms, and no fictitious row or adapter anywhere."""
    knowledge = tuple(ref for ref in refs(tmp_path / "real", (), real=True))
    real = replace(job, rows=write_rows("real.jsonl", chats(9, 0, False) + chats(9, 0, False, "bio")), knowledge=knowledge, real_fraction=None, steps=10)
    assert numbers_of(run_skill(real, ignore), "its own version's adapter") == {"real_passage <- real": 30, "real_statement <- real": 30}
    Path(f"{job.out}-absent").mkdir()
    absent = run_skill(replace(real, control="absent", out=f"{job.out}-absent"), ignore)
    assert numbers_of(absent, "no row went through") == {"none <- real": 60}


def test_real_knowledge_with_other_rows_is_refused(job: SkillJob, tmp_path: Path) -> None:
    knowledge = tuple(ref for ref in refs(tmp_path / "real", (), real=True))
    with pytest.raises(SettingsError, match="so the task rows must be real too"):
        run_skill(replace(job, knowledge=knowledge, real_fraction=None), ignore)
    with pytest.raises(SettingsError, match="no real_fraction"):
        run_skill(replace(job, knowledge=knowledge), ignore)


def test_controls_that_have_nothing_to_stand_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two versions or more"):
        SkillJob("b", "o", "r", batches="multi_version", knowledge=refs(tmp_path, (1,)), steps=1, control="wrong-version")
    with pytest.raises(SettingsError, match="goes with batches=multi_version"):
        SkillJob("b", "o", "r", steps=1, control="absent")
