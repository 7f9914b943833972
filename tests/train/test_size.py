"""How large a job is, told without torch: the same numbers as the training itself has."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from factcli.artifact import Draft, Outcome, Plan, make
from factcli.basemodel import weight_shapes
from factcli.config import Config
from factcli.context import Context
from factcli.errors import SettingsError
from factcli.progress import PlainReport
from factcli.train.adapters import AdapterBank
from factcli.train.base import load_model
from factcli.train.batches import TextOrder
from factcli.train.job import AdapterPlan, KnowledgeJob, KnowledgeRef, Lora, Machine, SkillJob, load
from factcli.train.knowledge import run_knowledge
from factcli.train.launch import Event, OnEvent, Trainer
from factcli.train.launching import HERE, LaunchConfig
from factcli.train.size import adapter_parameters, check_adapters, epoch_rows, n_parameters, skill_rows, skill_steps, text_steps
from tests.train.conftest import WriteRows, documents

TARGETS = {"llama": (("q_proj", "down_proj"), "mlp.up_proj"), "gpt2": (("c_attn",), "mlp.c_proj")}
REF = KnowledgeRef("fictitious_v1_statement", "d", 1, True, "statement")


def test_parameters_told_from_the_headers_are_those_that_training_holds(any_base: str) -> None:
    model = load_model(any_base, torch.device("cpu"))
    shapes = weight_shapes(Path(any_base))
    assert n_parameters(shapes) == sum(parameter.numel() for parameter in model.parameters())
    for targets in ("all-linear", "no-query-key", *TARGETS[model.config.model_type]):
        bank = AdapterBank(model, targets)
        assert adapter_parameters(shapes, targets, 4) == bank.add("skill", 4, 8, 0.0, 0).vector.numel() > 0
        bank.detach()


@pytest.mark.parametrize(("n_texts", "batch_rows"), [(1, 4), (8, 4), (9, 4), (200, 3)])
def test_texts_take_the_steps_of_their_order_and_packed_ones_no_more(n_texts: int, batch_rows: int) -> None:
    lengths = tuple(5 + i % 7 for i in range(n_texts))
    steps = [TextOrder(lengths, batch_rows, 32, packing, 0, "a").n_steps(3) for packing in (False, True)]
    assert steps[0] == text_steps(n_texts, batch_rows, 3) >= steps[1]


def test_an_epoch_takes_a_fictitious_subject_in_one_of_its_versions() -> None:
    """24 rows of the largest version are three quarters of 32; a plain job and a mixed one take each row once."""
    job = SkillJob("b", "o", "r", batches="multi_version", knowledge=(REF,), epochs=2, real_fraction=0.25, batch_rows=6)
    assert epoch_rows(job, 14, 24) == 32
    assert skill_steps(job, 32) == 11  # 64 rows in batches of 6
    assert skill_rows(job, 11, 0.25) == 66
    assert epoch_rows(SkillJob("b", "o", "r", epochs=1), 0, 62) == 62
    assert epoch_rows(SkillJob("b", "o", "r", batches="mix", knowledge=(REF,), epochs=1), 14, 24) == 38


def test_in_mode_mix_real_rows_pass_twice_unless_their_weight_is_zero() -> None:
    """5 steps of 2 x 8 rows, a third of them real: 80 and 26 once more."""
    job = SkillJob("b", "o", "r", batches="mix", knowledge=(REF,), steps=5, batch_rows=8, micro_batches=2)
    assert skill_rows(job, 5, 1 / 3) == 80 + 26
    assert skill_rows(SkillJob("b", "o", "r", batches="mix", knowledge=(REF,), steps=5, batch_rows=8, micro_batches=2, real_weight=0.0), 5, 1 / 3) == 80


@pytest.mark.parametrize(("r", "targets", "note"), [(16, "all-linear", ""), (17, ("q_proj", "down_proj"), ""), (17, "all-linear", "k_proj (16), v_proj (16)")])
def test_a_rank_above_the_width_of_some_targets_is_noted(r: int, targets: str | tuple[str, ...], note: str, base: str) -> None:
    """Two heads of 8 make the keys and values of that base; all else is 32 wide or more, and above that is refused."""
    job = KnowledgeJob(base, "out", (AdapterPlan("v1", "rows", steps=1),), lora=Lora(r, 8, 0.0, targets))
    said = f"lora_r is {r}, above the width of {note}: there it can say no more than a rank of that width" if note else ""
    assert check_adapters(job) == said
    with pytest.raises(SettingsError, match="above the width of every layer that adapters attach to, 32"):
        check_adapters(replace(job, lora=Lora(33, 8, 0.0, ("q_proj", "k_proj"))))


class Nothing(Config):
    """Settings of data that no command made."""


class InThisProcess(Trainer):
    def run(self, job: Path, on_event: OnEvent, launch: LaunchConfig = HERE) -> Event:
        read = load(job)
        assert isinstance(read, KnowledgeJob)
        assert launch == HERE
        return run_knowledge(read, on_event)


def test_the_note_on_the_rank_is_said_once_before_training(base: str, write_rows: WriteRows, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(tmp_path / "data", PlainReport(), InThisProcess(tmp_path / "log"))

    def work(draft: Draft) -> Outcome:
        plans = (AdapterPlan("v1", write_rows("v1.jsonl", documents(4, 1)), steps=2),)
        job = KnowledgeJob(base, str(draft.scratch() / "run"), plans, lora=Lora(24, 8, 0.0), machine=Machine(device="cpu", threads=1))
        context.train(job, draft, "training")
        return Outcome("trained")

    make(Plan("prereq", 1, "knowledge", "know", Nothing(), {}, {}), work, context.root)
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("  lora_r is 24, above the width of k_proj (16), v_proj (16)") for line in lines[:2]] == [False, True]
    assert sum("lora_r" in line for line in lines) == 1
