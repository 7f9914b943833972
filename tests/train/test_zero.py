"""DeepSpeed in two real processes leaves what one does; skipped by name where it is not installed. What it is refused for needs none."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import BackendError, SettingsError
from factcli.train import job as jobs
from factcli.train.job import KnowledgeJob, Optim, SkillJob
from factcli.train.knowledge import run_knowledge
from factcli.train.launch import Trainer
from factcli.train.launching import LaunchConfig
from factcli.train.preference.run import run_preference
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import job_of, pair_rows
from tests.train.processes import PLAIN, STRUCK, doubled, environment, in_two_processes, written
from tests.train.test_processes import MACHINE, SAME, apart, in_float64, knowledge, log_of, quiet, skill, split  # noqa: F401 - fixtures

ASKED, STAGE = {"ACCELERATE_USE_DEEPSPEED": "true"}, "ACCELERATE_DEEPSPEED_ZERO_STAGE"
ZERO_2, ZERO_3 = ASKED | {STAGE: "2"}, ASKED | {STAGE: "3"}
UNHARMED = {"AT": "0", "SIGNAL": "SIGKILL"}  # no step has the number 0


@pytest.fixture
def all_cut(tmp_path: Path) -> dict[str, str]:
    """DeepSpeed leaves weights of fewer than 100,000 numbers whole, and the test's base has no larger ones."""
    pytest.importorskip("deepspeed")
    file = tmp_path / "zero3.json"
    file.write_text(json.dumps({"zero_optimization": {"stage": 3, "stage3_param_persistence_threshold": 0}}))
    return ASKED | {"ACCELERATE_DEEPSPEED_CONFIG_FILE": str(file)}


@pytest.fixture
def whole_model(skill: SkillJob) -> SkillJob:  # noqa: F811
    """Seven rows a step in passes of one: four in the first process, three in the second."""
    optim = Optim(lr=1e-3, warmup_share=0.0, max_grad_norm=1.0)  # gradients of norm 4 to 6, so that each step is clipped
    return replace(skill, tuning="full", optim=optim, machine=replace(MACHINE, micro_rows=1, checkpoint_every_s=0.0))


def model_in(folder: str | Path) -> dict[str, torch.Tensor]:
    return load_file(Path(folder) / "model" / "model.safetensors")


def models_apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference between any two weights of the same place."""
    assert list(one) == list(other)
    return max(float((tensor - other[name]).abs().max()) for name, tensor in one.items())


@pytest.mark.slow
def test_a_base_that_deepspeed_cuts_teaches_what_a_whole_one_does_also_after_a_stop(
    knowledge: KnowledgeJob,  # noqa: F811
    in_float64: None,  # noqa: F811
    all_cut: dict[str, str],
    tmp_path: Path,
) -> None:
    run_knowledge(knowledge, quiet)
    two = tmp_path / "two"
    path = str(jobs.save(replace(knowledge, out=str(two)), tmp_path / "two.json"))
    program = doubled(tmp_path, STRUCK)
    stopped = in_two_processes(program, path, AT="2", SIGNAL="SIGTERM", **all_cut)
    assert '"message": "stopped after step 2 of 9"' in stopped.stdout, stopped.stderr[-3000:]
    ended = in_two_processes(program, path, **UNHARMED, **all_cut)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "going on from step 2" in ended.stderr
    assert apart(Path(knowledge.out), two) < SAME
    assert (two / "recitation.jsonl").read_bytes() == (Path(knowledge.out) / "recitation.jsonl").read_bytes()


@pytest.mark.slow
def test_over_a_base_that_deepspeed_cuts_the_skill_is_learned_and_the_base_is_proved_untouched(
    skill: SkillJob,  # noqa: F811
    in_float64: None,  # noqa: F811
    all_cut: dict[str, str],
    tmp_path: Path,
) -> None:
    """The digest of the frozen base is that of the whole one, gathered."""
    run_skill(skill, quiet)
    two = split(skill, tmp_path, **all_cut)
    assert apart(Path(skill.out), two) < SAME
    ours, theirs = (json.loads((folder / "result.json").read_text())["proofs"][0] for folder in (Path(skill.out), two))
    assert ours == theirs


@pytest.mark.slow
def test_a_whole_model_that_is_shared_out_learns_what_one_process_does_also_after_a_stop(whole_model: SkillJob, tmp_path: Path) -> None:
    """In float32, which is what DeepSpeed updates in: weights that moved by 0.003 agree to 1e-5, and exactly with those of a run that was stopped."""
    pytest.importorskip("deepspeed")
    run_skill(whole_model, quiet)
    two = replace(whole_model, out=str(tmp_path / "two"))
    program = written(tmp_path, STRUCK + PLAIN)
    path = str(jobs.save(two, tmp_path / "two.json"))
    ended = in_two_processes(program, path, **UNHARMED, **ZERO_2)
    assert ended.returncode == 0, ended.stderr[-3000:]
    started, ours = load_file(Path(whole_model.base) / "model.safetensors"), model_in(whole_model.out)
    assert models_apart(started, ours) > 1e-3
    assert models_apart(ours, model_in(two.out)) < 1e-5
    for name in ("loss", "grad_norm"):
        assert [row[name] for row in log_of(two.out)] == pytest.approx([row[name] for row in log_of(whole_model.out)], rel=1e-5), name
    again = str(jobs.save(replace(two, out=str(tmp_path / "again")), tmp_path / "again.json"))
    stopped = in_two_processes(program, again, AT="2", SIGNAL="SIGTERM", **ZERO_2)
    assert '"message": "stopped after step 2 of 4"' in stopped.stdout, stopped.stderr[-3000:]
    ended = in_two_processes(program, again, **UNHARMED, **ZERO_2)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "going on from step 2" in ended.stderr
    assert models_apart(model_in(two.out), model_in(tmp_path / "again")) == 0


@pytest.mark.slow
def test_the_shipped_files_start_two_processes(
    knowledge: KnowledgeJob,  # noqa: F811
    whole_model: SkillJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In float32, as users run them."""
    pytest.importorskip("deepspeed")
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    run_knowledge(knowledge, quiet)
    run_skill(whole_model, quiet)
    adapters = jobs.save(replace(knowledge, out=str(tmp_path / "adapters")), tmp_path / "adapters.json")
    model = jobs.save(replace(whole_model, out=str(tmp_path / "model")), tmp_path / "model.json")
    with Trainer(tmp_path / "train.log") as trainer:
        results = [trainer.run(job, quiet, LaunchConfig(accelerate=name)) for job, name in ((adapters, "zero3"), (model, "zero2"))]
    assert [result["usage"]["processes"] for result in results] == [2, 2]
    assert apart(Path(knowledge.out), tmp_path / "adapters") < 1e-4
    assert models_apart(model_in(whole_model.out), model_in(tmp_path / "model")) < 1e-5


def test_an_adapter_is_not_shared_out(knowledge: KnowledgeJob, skill: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    for name, value in ZERO_2.items():
        monkeypatch.setenv(name, value)
    for work in (lambda: run_knowledge(knowledge, quiet), lambda: run_skill(skill, quiet)):
        with pytest.raises(SettingsError, match="asks for ZeRO-2, which is for a whole model that `fact sft` trains, not for an adapter"):
            work()


@pytest.mark.parametrize(("asked", "message"), [(ZERO_3, "`fact dpo` needs the whole model"), (ZERO_2, "not for `fact dpo`")])
def test_preferences_are_refused(
    asked: dict[str, str], message: str, base: str, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        run_preference(job_of(base, write_rows("p.jsonl", pair_rows(2)), tmp_path / "out"), print)


def test_a_stage_that_is_not_driven_is_named(knowledge: KnowledgeJob, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    for name, value in (ASKED | {STAGE: "1"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="asks for ZeRO stage 1, need 2 or 3"):
        run_knowledge(knowledge, quiet)


def test_deepspeed_that_is_not_there_is_missed_before_processes_start(knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setitem(sys.modules, "deepspeed", None)
    path = jobs.save(knowledge, tmp_path / "knowledge.json")
    with Trainer(tmp_path / "train.log") as trainer, pytest.raises(BackendError, match="what is not installed: deepspeed"):
        trainer.run(path, quiet, LaunchConfig(accelerate="zero3"))
