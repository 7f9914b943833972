"""Settings of `fact dpo` and the job: no setting that nothing reads."""

from pathlib import Path
from typing import Any

import pytest

from factcli.stages.dpo import DpoConfig
from factcli.stages.dpo.settings import job_of, steps_of
from factcli.train.job import PreferenceJob

OF_ROWS = {"weights", "flip", "eval_share"}  # read by rows.py
OF_GROUND = {"reference"}  # read by ground.py
OF_NAMES = {"method"}  # of artifacts and reports
OF_STAGE = {"launch"}  # read by stage.py
CHANGED: dict[str, Any] = {
    "mode": "qlora", "loss": "sigmoid-norm", "beta": 0.3, "label_smoothing": 0.2, "reference_free": True, "length_normalised": True, "length_penalty": 0.1,
    "factual_margin": 1.0, "sft_weight": 0.2, "lora_r": 3, "lora_alpha": 3.0, "lora_dropout": 0.3, "lora_targets": "no-query-key", "lr": 1e-3,
    "optimizer": "rmsprop", "weight_decay": 0.1, "adam_beta2": 0.9, "warmup_steps": 3, "warmup_share": 0.3, "schedule": "constant", "max_grad_norm": 1.0,
    "epochs": 2.0, "steps": 5, "batch_pairs": 3, "max_length": 77, "too_long": "drop", "drop_eos_rejected": 0.5, "max_length_difference": "mean",
    "eval_every_pairs": 9, "sample_prompts": 2, "sample_max_tokens": 7, "stop_at_accuracy": 0.9, "keep": "best", "chat_template": "x", "dtype": "float32",
    "threads": 3, "micro_pairs": 2, "prefix_sharing": "off", "compute": {"compile": True}, "checkpoint_every_s": 9.0, "seed": 4,
}  # fmt: skip


def job(**settings: Any) -> PreferenceJob:
    return job_of(DpoConfig(**settings), Path("rows.jsonl"), Path("out"), Path("logprobs"), "base", "base@1")


def test_every_setting_is_read() -> None:
    assert set(CHANGED) | OF_ROWS | OF_GROUND | OF_NAMES | OF_STAGE == set(DpoConfig.model_fields)


@pytest.mark.parametrize("name", sorted(CHANGED))
def test_a_setting_reaches_the_job(name: str) -> None:
    other = {"steps": {"epochs": None}, "keep": {"eval_every_pairs": 9}}.get(name, {})
    assert job(**{name: CHANGED[name]}, **other) != job(**other if name == "keep" else {})


@pytest.mark.parametrize(("settings", "n_pairs", "steps"), [({"epochs": 1.0}, 33, 2), ({"epochs": 2.5}, 33, 5), ({"epochs": None, "steps": 7}, 33, 7)])
def test_steps_are_counted_as_the_worker_does(settings: dict[str, Any], n_pairs: int, steps: int) -> None:
    """33 pairs in batches of 32 are 2 batches an epoch, the second with one pair."""
    from factcli.train.preference.sizes import total_steps

    assert steps_of(DpoConfig(**settings), n_pairs) == total_steps(job(**settings), n_pairs) == steps
