"""What a base in parts is refused for, and which weights make up a part."""

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from factcli.errors import SettingsError
from factcli.train.job import SkillJob
from factcli.train.preference.run import run_preference
from factcli.train.sharding import parts_of, shared_weights
from factcli.train.skill import run_skill
from tests.train.conftest import FAMILIES, WriteRows, chats
from tests.train.preference.conftest import job_of, pair_rows

FSDP2 = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (FSDP2, "mode full needs the whole model on each process"),
        ({**FSDP2, "FSDP_VERSION": "1"}, "asks for FSDP 1, need 2"),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, "mode full needs the whole model on each process"),
    ],
)
def test_full_tuning_with_a_base_in_parts_is_refused(
    environment: dict[str, str], message: str, base: str, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    job = SkillJob(base, str(tmp_path / "out"), write_rows("c.jsonl", chats(4, 1, True)), steps=1, tuning="full")
    with pytest.raises(SettingsError, match=message):
        run_skill(job, print)


def test_preferences_over_a_base_in_parts_are_refused(base: str, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FSDP2.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="`fact dpo` needs the whole model"):
        run_preference(job_of(base, write_rows("p.jsonl", pair_rows(2)), tmp_path / "out"), print)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_layer_is_a_part_and_shared_weights_are_in_none(family: str, tokenizer: PreTrainedTokenizerFast) -> None:
    """GPT-2's output head is its embedding; Llama's is its own here. Both have two layers and what is left of the decoder."""
    model: Any = FAMILIES[family](len(tokenizer))
    parts = list(parts_of(model))
    is_tied = family == "gpt2"
    assert len(parts) == 2 + 1 + (not is_tied)
    assert parts[-1] is model.base_model
    assert list(shared_weights(model)) == ([model.lm_head.weight] if is_tied else [])
