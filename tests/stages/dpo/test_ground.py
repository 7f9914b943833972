"""What is trained and against what: by files and lineage, and refused before anything is loaded where it does not fit."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Plan
from factcli.basemodel import resolve_base
from factcli.chattemplates import trained_in
from factcli.earlier import runs_on_the_same_base
from factcli.errors import FactError, InputError, SettingsError
from factcli.stages import dpo
from factcli.stages.dpo import DpoConfig, Ground
from factcli.stages.dpo.ground import reference_of
from tests.stages.dpo.made import DATA, base_at, pairs_of, sixteen, skill_on
from tests.stages.synth.typed import empty  # noqa: F401 - a fixture


def planned(ground: Ground, **settings: Any) -> Plan:
    return dpo.plan(DpoConfig(**settings), pairs_of(sixteen()), ground, None)


def refused(kind: type[FactError], ground: Ground, **settings: Any) -> str:
    with pytest.raises(kind) as caught:
        planned(ground, **settings)
    assert caught.value.hint
    return f"{caught.value.message}; {caught.value.hint}"


def on(base: str, start: Artifact | None = None, reference: Any = None) -> Ground:
    return Ground(resolve_base(base, DATA), start, reference)


def kind_of(ground: Ground, **settings: Any) -> tuple[str, str]:
    config = planned(ground, **settings).config
    assert isinstance(config, DpoConfig)
    found = reference_of(config, ground)
    return found.kind, found.name


def test_the_reference_is_what_is_said_and_the_start_under_whatever_name(empty: Path) -> None:  # noqa: F811
    base = base_at("base")
    start, other = skill_on(base), skill_on(base, "other", seed=2)
    assert kind_of(on(base, start)) == ("init", "skill@1")
    assert kind_of(on(base, start), reference="base") == ("base", "base")
    assert kind_of(on(base)) == kind_of(on(base), reference="base") == ("init", "base")
    assert kind_of(on(base, start, other)) == ("adapter", "other@1")
    assert kind_of(on(base, start, start)) == ("init", "skill@1")
    assert kind_of(on(base, start, resolve_base(base, DATA))) == ("base", "base")
    assert kind_of(on(base, None, resolve_base(base_at("again", seed=5), DATA))) == ("model", "again")


def test_a_run_of_another_stage_tells_nothing_of_its_speed(empty: Path) -> None:  # noqa: F811
    """An adapter of `fact sft` on the same base is of the same kind, and its tokens are not those of pairs."""
    skill = skill_on(base_at("base"))
    plan = planned(on("base", skill))
    assert runs_on_the_same_base(plan, DATA) == []
    assert [run.ref for run in runs_on_the_same_base(replace(plan, stage="sft"), DATA)] == ["skill@1"]


def test_what_the_start_decides_is_in_the_settings_of_the_version(empty: Path) -> None:  # noqa: F811
    """So that leaving it out and saying it is one key."""
    base = base_at("base")
    start = skill_on(base, r=4, chat_template="{{ messages[0]['content'] }}")
    plan = planned(on(base, start))
    assert isinstance(plan.config, DpoConfig)
    assert (plan.config.lora_r, plan.config.lora_alpha, plan.config.lora_dropout) == (4, 8.0, 0.0)
    assert plan.config.chat_template == "{{ messages[0]['content'] }}"
    assert plan.key == planned(on(base, start), lora_r=4, lora_alpha=8.0, lora_targets="all-linear").key
    assert plan.key != planned(on(base, start), reference="base").key
    assert (plan.kind, plan.name, set(plan.inputs)) == ("skill", "dpo", {"pairs", "model"})


def test_full_parameters_make_a_model_of_a_base(empty: Path) -> None:  # noqa: F811
    base = base_at("base")
    assert planned(on(base), mode="full").kind == "model"
    said = refused(SettingsError, on(base, skill_on(base)), mode="full")
    assert "skill@1 is an adapter" in said
    assert "--mode lora" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lora_r": 8}, "has lora_r 4, and the settings say lora_r 8"),
        ({"lora_alpha": 3.0}, "lora_alpha 8.0"),
        ({"lora_targets": ("q_proj",)}, "lora_targets q_proj"),
    ],
)
def test_a_shape_that_the_continued_adapter_does_not_have_is_refused(empty: Path, settings: dict, said: str) -> None:  # noqa: F811
    base = base_at("base")
    found = refused(SettingsError, on(base, skill_on(base)), **settings)
    assert said in found
    assert f"--set {next(iter(settings))}=null" in found


def test_all_that_differs_is_said_at_once(empty: Path) -> None:  # noqa: F811
    base = base_at("base")
    found = refused(SettingsError, on(base, skill_on(base)), lora_r=8, lora_alpha=3.0)
    assert "--set lora_r=null --set lora_alpha=null" in found


def test_an_adapter_of_another_base_is_neither_start_nor_reference(empty: Path) -> None:  # noqa: F811
    base, other = base_at("base"), base_at("other", seed=7)
    ours, theirs = skill_on(base), skill_on(other, "theirs")
    assert "the start theirs@1 belongs to other, and what is trained stands on base" in refused(InputError, on(base, theirs))
    assert "the reference theirs@1 belongs to other" in refused(InputError, on(base, ours, theirs))


def test_a_reference_of_another_architecture_or_tokenizer_is_refused(empty: Path) -> None:  # noqa: F811
    base = base_at("base")
    gpt2, spelled = (resolve_base(path, DATA) for path in (base_at("gpt2", "gpt2"), base_at("spelled", vocab_size=290)))
    assert "the reference gpt2 is a gpt2 model, and base a llama model" in refused(InputError, on(base, None, gpt2))
    assert "the reference spelled has another tokenizer than base" in refused(InputError, on(base, None, spelled))


def test_how_a_tokenizer_was_last_used_does_not_make_it_another(empty: Path) -> None:  # noqa: F811
    """Truncation and padding are written into tokenizer.json by whoever used it last."""
    base = base_at("base")
    shutil.copytree(base_at("moved", seed=3), "again")
    path = Path("again/tokenizer.json")
    content = json.loads(path.read_text())
    content["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    path.write_text(json.dumps(content))
    assert kind_of(on(base, None, resolve_base("again", DATA)))[0] == "model"


def test_an_artifact_that_is_no_model_is_no_reference(empty: Path) -> None:  # noqa: F811
    base = base_at("base")
    assert "pairs@1 is of kind pairs, and no model" in refused(InputError, on(base, None, pairs_of(sixteen())))
    assert "reference is given, and there is none" in refused(SettingsError, on(base), reference="given")


def test_another_reference_directory_is_another_key(empty: Path) -> None:  # noqa: F811
    """A directory is no artifact; what pins it is in the key all the same."""
    base = base_at("base")
    one, two = (resolve_base(base_at(name, seed=seed), DATA) for name, seed in (("one", 3), ("two", 4)))
    assert planned(on(base, None, one)).key != planned(on(base, None, two)).key


def test_a_start_with_a_named_template_is_trained_in_its_text(empty: Path) -> None:  # noqa: F811
    """So that whoever answers with the new adapter, and the reference, are asked as the start was taught."""
    base = base_at("base")
    plan = planned(on(base, skill_on(base, template="llama2")))
    assert isinstance(plan.config, DpoConfig)
    assert "[INST]" in plan.config.chat_template
    assert trained_in(plan.config.model_dump()) == plan.config.chat_template
