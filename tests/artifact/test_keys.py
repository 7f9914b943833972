"""What is in the key and in the digest, and what is in neither."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Draft, Outcome
from tests.artifact.toy import ToyConfig, ToyTraining, content_of, make_toy, toy_plan, toy_work

BASE = toy_plan(ToyConfig())


@pytest.mark.parametrize("settings", [{"seed": 1}, {"n_people": 4}, {"train": ToyTraining(lr=1e-4)}])
def test_a_setting_of_the_identity_changes_key_and_digest(tmp_path: Path, settings: dict[str, Any]) -> None:
    assert toy_plan(ToyConfig(**settings)).key != BASE.key
    assert make_toy(tmp_path / "a", **settings).digest != make_toy(tmp_path / "b").digest


@pytest.mark.parametrize("settings", [{"threads": 8}, {"train": ToyTraining(log_every_s=1.0)}])
@pytest.mark.parametrize("is_training", [False, True])
def test_an_operational_setting_changes_neither(tmp_path: Path, settings: dict[str, Any], is_training: bool) -> None:
    changed, base = (toy_plan(ToyConfig(**s), is_training=is_training) for s in (settings, {}))
    assert changed.key == base.key
    assert make_toy(tmp_path / "a", **settings).digest == make_toy(tmp_path / "b").digest


def test_numerics_change_the_key_of_training_only_and_never_the_digest(tmp_path: Path) -> None:
    other = ToyConfig(train=ToyTraining(dtype="bfloat16"))
    assert toy_plan(other).key == BASE.key
    assert toy_plan(other, is_training=True).key != toy_plan(ToyConfig(), is_training=True).key
    assert make_toy(tmp_path / "a", train=other.train).digest == make_toy(tmp_path / "b").digest


@pytest.mark.parametrize(
    "changes",
    [{"stage": "toy two"}, {"stage_revision": 2}, {"prompts": {"ask": "ab12"}}, {"model": {"digest": "ab12"}}],
    ids=lambda changes: next(iter(changes)),
)
def test_stage_revision_prompts_and_model_are_in_the_key(changes: dict[str, Any]) -> None:
    assert toy_plan(ToyConfig(), **changes).key != BASE.key


def test_an_input_is_in_the_key_by_role_and_digest_not_by_place(tmp_path: Path) -> None:
    first, same, other = make_toy(tmp_path), make_toy(tmp_path, force=True), make_toy(tmp_path, seed=1)
    keys = [toy_plan(ToyConfig(), inputs={"world": a}).key for a in (first, same, other)]
    assert keys[0] == keys[1] != keys[2]
    assert toy_plan(ToyConfig(), inputs={"base": first}).key != keys[0]


def test_the_order_of_inputs_prompts_and_settings_is_not_in_the_key(tmp_path: Path) -> None:
    a, b = make_toy(tmp_path), make_toy(tmp_path, seed=1)
    one = toy_plan(ToyConfig(), inputs={"a": a, "b": b}, prompts={"p": "1", "q": "2"})
    two = toy_plan(ToyConfig(), inputs={"b": b, "a": a}, prompts={"q": "2", "p": "1"})
    assert one.key == two.key


def test_logs_card_headline_summary_and_usage_are_not_in_the_digest(tmp_path: Path) -> None:
    def chatty(draft: Draft) -> Outcome:
        toy_work(draft)
        (draft.folder("logs/deep") / "more.txt").write_text("at 12:00 on another machine")
        return Outcome("another headline", {"n": 99}, {"dropped": 1}, {"seconds": 7})

    quiet, loud = make_toy(tmp_path / "a"), make_toy(tmp_path / "b", work=chatty)
    assert loud.digest == quiet.digest
    assert loud.manifest.files["README.md"] != quiet.manifest.files["README.md"]


def test_only_the_folder_at_the_top_is_called_logs_and_only_the_card_at_the_top_is_a_card(tmp_path: Path) -> None:
    def work(draft: Draft) -> Outcome:
        (draft.folder("model/logs") / "README.md").write_text("part of the model")
        return toy_work(draft)

    assert make_toy(tmp_path / "a", work=work).digest != make_toy(tmp_path / "b").digest


def test_the_digest_is_that_of_the_bytes_wherever_the_version_lies(tmp_path: Path) -> None:
    artifact = make_toy(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = make_toy(tmp_path / "b")
    assert (again.digest, content_of(again)) == (artifact.digest, content_of(artifact))
    assert again.path.is_relative_to(tmp_path / "b")
