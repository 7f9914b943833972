"""A grid over a chain of commands: its cells, what they share, what each step is called."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factcli.artifact.read import NAME
from factcli.errors import SettingsError
from factcli.flows.recipe import Step
from factcli.flows.sweep.grid import Grid, axes_of, laid_out, sharing

CHAIN = (Step("prereq", "", {"synth": "bio"}), Step("sft", ""), Step("eval world", "", {}, {"split": "dev"}))
OPTIONS: dict[str, dict[str, Any]] = {
    "prereq": dict.fromkeys(("synth", "lr", "lora-r", "seed")),
    "sft": dict.fromkeys(("knowledge", "lr", "lora-r", "epochs", "seed")),
    "eval world": dict.fromkeys(("model", "seed")),
}


def grid(given_: dict[str, list[Any]], seeds: tuple[int, ...] = (), chain: tuple[Step, ...] = CHAIN) -> Grid:
    return laid_out("s", axes_of(given_, chain), chain, seeds, OPTIONS)


def test_a_cell_is_a_combination_and_the_last_axis_changes_first() -> None:
    found = grid({"lr": [0.1, 0.2], "lora_r": [4, 8]})
    assert [cell.settings for cell in found.cells] == [("lr=0.1", "lora_r=4"), ("lr=0.1", "lora_r=8"), ("lr=0.2", "lora_r=4"), ("lr=0.2", "lora_r=8")]
    assert found.cells[1].runs[0].steps == ("s-lr0.1-lora_r8-prereq", "s-lr0.1-lora_r8", "s-lr0.1-lora_r8-dev")


def test_cells_that_differ_in_a_later_command_share_what_an_earlier_one_makes() -> None:
    found = grid({"lr": [0.1, 0.2], "sft.lora_r": [4, 8, 16]})
    assert dict(sharing(found)) == {"prereq": 2, "sft": 6, "eval world": 6}
    assert {cell.runs[0].steps[0] for cell in found.cells} == {"s-lr0.1-prereq", "s-lr0.2-prereq"}
    assert len(found.recipe.steps) == 2 + 6 + 6


def test_cells_that_differ_in_the_evaluation_alone_share_the_model() -> None:
    found = grid({"eval-world.ask": ["task", "few_shot"]})
    assert dict(sharing(found)) == {"prereq": 1, "sft": 1, "eval world": 2}
    assert [cell.runs[0].steps for cell in found.cells] == [("s-prereq", "s-model", "s-asktask-dev"), ("s-prereq", "s-model", "s-askfew_shot-dev")]


def test_a_step_takes_what_the_one_before_made_and_its_own_values_as_options_or_settings() -> None:
    found = grid({"lr": [0.1], "sft.epochs": [3], "sft.batch_rows": [8]})
    prereq, sft, asked = found.recipe.steps
    assert (prereq.options, prereq.settings) == ({"synth": "bio", "lr": 0.1}, {})
    assert (sft.options, sft.settings) == ({"epochs": 3, "knowledge": prereq.name}, {"batch_rows": 8})
    assert (asked.options, asked.settings) == ({"model": sft.name}, {"split": "dev"})


def test_settings_of_one_axis_change_together() -> None:
    found = grid({"fictitious_statement.epochs,fictitious_passage.epochs": [[5], [5, 10]]})
    assert [step.settings for step in found.recipe.steps if step.command == "prereq"] == [
        {"fictitious_statement.epochs": value, "fictitious_passage.epochs": value} for value in ([5], [5, 10])
    ]
    assert [cell.runs[0].steps[1] for cell in found.cells] == ["s-epochs5", "s-epochs5_10"]


def test_a_seed_goes_to_what_trains_and_never_to_the_evaluation() -> None:
    found = grid({"sft.lr": [0.1]}, seeds=(3, 4))
    seeds = {step.name: step.options.get("seed") for step in found.recipe.steps}
    assert seeds == {
        "s-seed3-prereq": 3, "s-lr0.1-seed3": 3, "s-lr0.1-seed3-dev": None, "s-seed4-prereq": 4, "s-lr0.1-seed4": 4, "s-lr0.1-seed4-dev": None,
    }  # fmt: skip


def test_a_grid_that_grows_calls_what_was_there_the_same() -> None:
    small, large = grid({"lr": [0.1, 0.2]}), grid({"lr": [0.05, 0.1, 0.2]})
    assert {step.name for step in small.recipe.steps} < {step.name for step in large.recipe.steps}


VALUES = (st.integers(0, 10**6), st.floats(0, 1), st.text(max_size=120), st.lists(st.integers(0, 9)))


@settings(max_examples=40)
@given(st.one_of(*(st.lists(one, min_size=1, max_size=4, unique_by=repr) for one in VALUES)))
def test_whatever_the_values_names_can_be_names_and_each_cell_has_its_own(values: list[Any]) -> None:
    found = grid({"lr": values})
    names = [step.name for step in found.recipe.steps]
    assert len(names) == 3 * len(values)
    assert all(NAME.fullmatch(name) for name in names)


def test_a_setting_that_stands_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match="lr stands twice in the grid"):
        grid({"lr": [0.1], "prereq.lr": [0.2]})


def test_an_evaluation_that_takes_no_model_is_refused() -> None:
    with pytest.raises(SettingsError, match="fact eval world takes no knowledge, which fact prereq makes"):
        grid({"lr": [0.1]}, chain=(CHAIN[0], CHAIN[2]))
