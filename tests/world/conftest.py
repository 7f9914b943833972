"""One small world and its tokenizer, shared by the tests of this folder."""

import pytest
from transformers import PreTrainedTokenizerFast

from factcli.world.people import World, WorldSpec, draw_world
from factcli.world.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def world() -> World:
    return draw_world(WorldSpec(seed=901))


@pytest.fixture(scope="session")
def tokenizer(world: World) -> PreTrainedTokenizerFast:
    return train_tokenizer(world)
