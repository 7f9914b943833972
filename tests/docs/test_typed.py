"""Every `fact` line of every document is one that the program takes: its command, options and the types of their values."""

import pytest
import typer

from factcli.cli import app
from tests.docs.documents import Typed, commands, documents

LINES = [line for document in documents() for line in commands(document)]


def parse(words: tuple[str, ...]) -> None:
    """Raises what the program's own parser raises."""
    found, rest, name = typer.main.get_command(app), list(words), "fact"
    while hasattr(found, "commands"):
        assert rest, f"{name} needs a command"
        assert rest[0] in found.commands, f"{name} has no command {rest[0]}"
        name, found = f"{name} {rest[0]}", found.commands[rest.pop(0)]
    found.make_context(name, rest)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_line_of_a_document_is_a_command_of_the_program(line: Typed) -> None:
    parse(line.words)


def test_a_line_with_an_unknown_option_is_found() -> None:
    with pytest.raises(Exception, match="No such option: --modle"):
        parse(("sft", "--modle", "MODEL"))
    with pytest.raises(AssertionError, match="fact score has no command factscor"):
        parse(("score", "factscor"))


def test_the_documents_have_commands() -> None:
    assert len(LINES) > 40
