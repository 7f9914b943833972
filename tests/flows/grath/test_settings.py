"""What can be set, what the loop keeps to itself, and that the recipes say what was published."""

from dataclasses import dataclass

import pytest

from factcli.config import resolve
from factcli.errors import SettingsError
from factcli.flows.grath.settings import GrathConfig
from factcli.resolving import dpo_recipe, recipe_file
from factcli.stages.dpo import DpoConfig


@dataclass(frozen=True)
class Wrong:
    setting: str
    words: str


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("rounds=0", "rounds = 0: input should be greater than or equal to 1"),
        Wrong("reference=init", "reference = 'init': input should be 'current' or 'fixed'"),
        Wrong("pairs.round=1", "pairs.round cannot be set here: the loop says it for each round"),
        Wrong("dpo.reference=base", "dpo.reference cannot be set here"),
        Wrong("pairs.generation.backend=http:m@http://localhost:1", "pairs.generation.backend cannot be set here"),
        Wrong("dpo.mode=full", "dpo.mode is full: the loop passes an adapter on"),
        Wrong("limits.kl=0", "limits.kl = 0: input should be greater than 0"),
    ],
    ids=lambda wrong: wrong.setting,
)
def test_a_setting_that_cannot_be_is_refused_by_name(wrong: Wrong) -> None:
    with pytest.raises(SettingsError) as raised:
        resolve(GrathConfig, [], [wrong.setting], {})
    assert wrong.words in raised.value.message


def _recipes(*names: str) -> GrathConfig:
    return resolve(GrathConfig, [recipe_file("grath-iterate", name) for name in names], (), {})


def test_the_published_recipes_differ_in_rounds_and_reference_only() -> None:
    current, fixed = _recipes("grath"), _recipes("grath", "grath-fixed")
    assert (current.rounds, current.reference, fixed.rounds, fixed.reference) == (2, "current", 10, "fixed")
    assert fixed.model_copy(update={"rounds": 2, "reference": "current"}) == current
    assert (current.dpo.lr, current.dpo.steps, current.dpo.batch_pairs, current.dpo.beta, current.dpo.lora_r) == (5e-4, 1000, 16, 0.1, 8)
    assert (current.pairs.few_shot, current.pairs.ground_truth) == (True, False)


# Many short answers: it learns longer than FactTune does there, and stops before the pairs are learned by heart.
OWN_ON_A_WORLD = {"steps": 100, "eval_every_pairs": 320, "stop_at_accuracy": 0.9}


@pytest.mark.parametrize("recipe", ["grath", "world"])
def test_a_recipe_trains_as_the_preset_of_fact_dpo_does(recipe: str) -> None:
    config = _recipes(recipe)
    wanted = {"method": config.dpo.method} | (OWN_ON_A_WORLD if recipe == "world" else {})
    assert config.dpo == resolve(DpoConfig, dpo_recipe("grath", recipe == "world"), (), {}).model_copy(update=wanted)


def test_the_worlds_recipe_leaves_the_shape_of_the_adapter_to_the_start() -> None:
    config = _recipes("world")
    assert (config.dpo.lora_r, config.dpo.lora_alpha, config.dpo.lora_targets) == (None, None, None)
