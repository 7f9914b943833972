"""How large a job is, told without torch: the same numbers as the training itself has."""

from pathlib import Path

import pytest
import torch

from factcli.basemodel import weight_shapes
from factcli.train.adapters import AdapterBank
from factcli.train.base import load_model
from factcli.train.batches import TextOrder
from factcli.train.job import KnowledgeRef, SkillJob
from factcli.train.size import adapter_parameters, epoch_rows, n_parameters, skill_rows, skill_steps, text_steps

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
