"""Settings of `fact world`: what is laid over what, which tables and files a world has, and what is refused."""

from pathlib import Path

import pytest

from factcli import resolving
from factcli.commands.making import Making, world_settings
from factcli.errors import SettingsError
from factcli.stages import world as stage
from factcli.world.people import draw_world
from factcli.world.texts import TASK_BEGIN, PretrainingTexts
from factcli.world.tokenizer import train_tokenizer

RICH = {"myths", "places", "hops"}


def settings(size: str, *assignments: str) -> stage.WorldConfig:
    config = world_settings(Making((), assignments, None, Path("data"), False, False, False), size, 901)
    assert isinstance(config, stage.WorldConfig)
    return config


@pytest.mark.parametrize(("size", "tables"), [("tiny-zipf", set()), ("tiny-myths", {"myths"}), ("tiny-two-hop", {"places", "hops"}), ("tiny-rich", RICH)])
def test_a_recipe_with_a_dash_is_laid_over_its_size_and_hands_that_down(size: str, tables: set[str]) -> None:
    config = settings(size)
    assert [path.stem for path in resolving.world_recipes(size)] == ["tiny", size]
    assert (config.recipe, config.spec.n_head, config.spec.seed) == ("tiny", 168, 901)
    assert set(stage.plan(config, None).tables) - set(stage.TABLES) == tables


def test_the_rich_micro_world_is_small() -> None:
    config = settings("micro-rich")
    assert (config.recipe, config.spec.n_head, config.pretrain.steps) == ("micro", 24, 30)


@pytest.mark.parametrize("size", [*(pytest.param(f"tiny-{one}", marks=pytest.mark.slow) for one in ("zipf", "myths", "two-hop")), "tiny-rich"])
def test_no_document_of_a_recipe_is_cut(size: str) -> None:
    """99.9% or more fit in a row, with their begin and end; those that do not lose the end of a passage."""
    config = settings(size)
    world = draw_world(config.spec)
    texts, tokenizer = PretrainingTexts(world, 0), train_tokenizer(world)
    lengths = [len(ids) + 2 for ids in tokenizer([texts.document(index) for index in range(4000)])["input_ids"]]
    assert sum(length > config.pretrain.row_tokens for length in lengths) <= 4
    assert len(tokenizer) == 704


@pytest.mark.parametrize("share", [0.0, 0.03, 0.3])
def test_the_share_of_the_tasks_form_is_one_setting(share: float) -> None:
    texts = PretrainingTexts(draw_world(settings("tiny", f"spec.task_share={share}").spec), 0)
    documents = [texts.document(index) for index in range(4000)]
    n_task = sum(document.startswith(TASK_BEGIN) for document in documents)
    assert abs(n_task - 4000 * share) <= 3 * (4000 * share * (1 - share)) ** 0.5  # three standard deviations; none at 0
    assert any("FAQ: " in document for document in documents)  # other layouts stay


def test_the_tasks_form_takes_the_place_of_the_others_in_their_proportions() -> None:
    counts = []
    for more in ((), ("spec.task_share=0.3",)):
        texts = PretrainingTexts(draw_world(settings("tiny", *more).spec), 0)
        others = [document for document in (texts.document(index) for index in range(6000)) if not document.startswith(TASK_BEGIN)]
        counts.append(sum(document.count(".") > 1 for document in others) / len(others))
    assert abs(counts[0] - counts[1]) < 0.03  # share of passages among the others, about 0.2; standard error 0.8%


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("spec.myth_share=0.95", "spec.myth_share is 0.95, need 0.9 or less"),
        ("spec.myth_share=-1", "spec.myth_share is -1.0, need 0 or more"),
        ("spec.task_share=1.5", "spec.task_share is 1.5, need 1 or less"),
        ("spec.two_hop_share=1", "spec.two_hop_share is 1.0, need 0.9 or less"),
        ("spec.n_birth_years=0", "spec.n_birth_years is 0, need 1 or more"),
        ("spec.value_exponent=-0.5", "spec.value_exponent is -0.5, need 0 or more"),
        ("spec.myth_shar=0.5", "unknown setting 'spec.myth_shar'; did you mean 'spec.myth_share'"),
    ],
)
def test_an_impossible_setting_is_refused_with_its_name(assignment: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings("tiny", assignment)
    assert message in str(error.value)


def test_a_dry_run_counts_the_rows_of_a_rich_world(tmp_path: Path) -> None:
    from factcli.context import Context
    from factcli.progress import report_for
    from factcli.train.launch import Trainer

    with Trainer(tmp_path / "log") as trainer:
        cost = stage.cost(stage.plan(settings("micro-rich"), None), Context(tmp_path, report_for(False), trainer))
    world = draw_world(settings("micro-rich").spec)
    assert cost.rows["myths"] == len(world.myths) > 0
    assert cost.rows["places"] == 40
    assert cost.rows["hops"] > 100
