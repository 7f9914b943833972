"""The reference says what the program is: its pages are those that the code writes now."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_writes(reference: ModuleType) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")}
    assert written == reference.pages(), "run `make docs`"


def test_every_command_and_every_setting_is_in_it(reference: ModuleType) -> None:
    pages = reference.pages()
    assert "## fact score factscore" in pages["score.md"]
    assert "| `judge.max_unscored` |" in pages["score.md"]  # a setting of a group, by its dotted name
    assert "| `configs/dpo/grath.yaml` |" in pages["dpo.md"]
    assert "| 6 | The command finished, but more rows failed than allowed. |" in pages["README.md"]
    assert "| 5 |" in pages["README.md"]
    assert "`verdicts/one`" in pages["prompts.md"]
