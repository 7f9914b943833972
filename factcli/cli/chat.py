"""`fact chat`."""

from pathlib import Path
from typing import Annotated

import typer

from factcli.cli.options import DataOption, guarded


@guarded
def chat(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="A skill adapter or a base model; http:MODEL@URL or scripted:FILE; without one the only skill adapter there is."
        ),
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")] = False,
    with_: Annotated[
        str | None, typer.Option("--with", help="Knowledge to plug in: KNOWLEDGE or KNOWLEDGE:ADAPTER, e.g. knowledge:fictitious_v1_statement.")
    ] = None,
    world: Annotated[str | None, typer.Option("--world", help="World whose ledger judges claims; without one that of the model's lineage.")] = None,
    pack: Annotated[str | None, typer.Option("--pack", help="Knowledge pack that claims are held against, by --judge.")] = None,
    judge: Annotated[str | None, typer.Option("--judge", help="Who judges by the pack: http:MODEL@URL, local:REF, scripted:FILE or nli:DIR.")] = None,
    threshold: Annotated[
        str | None,
        typer.Option("--threshold", help="Probability below which an answer is withheld, e.g. 0.4; or what `fact eval response-types` made."),
    ] = None,
    turns: Annotated[int, typer.Option("--turns", min=0, help="Earlier questions and answers that the model is shown; 0 asks each question alone.")] = 0,
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="Longest answer, in tokens.")] = 240,
    key_file: Annotated[Path | None, typer.Option("--key-file", help="File with the server's key; else OPENAI_API_KEY.")] = None,
    data: DataOption = Path("data"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per answer.")] = False,
) -> None:
    """Talk to a model; each answer's claims are shown with their verdict where there is evidence.

    On a terminal it prompts; /with and /without plug knowledge in and out, /why shows the evidence. Elsewhere it reads a question a line.
    """
    from factcli.commands.chat import Wanted, chat_with

    wanted = Wanted(model, newest, with_, world, pack, judge, threshold, turns, tokens, key_file, data, json)
    code = chat_with(wanted)
    if code:
        raise typer.Exit(code)
