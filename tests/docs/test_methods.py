"""The methods page tells the numbers that the settings files have."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(configs/[\w./-]+\.yaml): ([\w.]+) = ([^`]+)`", (ROOT / "docs/methods.md").read_text(encoding="utf-8"))


def test_the_page_names_settings() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("file", "name", "told"), NAMED)
def test_a_number_of_the_page_is_the_number_of_the_file(file: str, name: str, told: str) -> None:
    value = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    for part in name.split("."):
        value = value[part]
    assert value == yaml.safe_load(told)
