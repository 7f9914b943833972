"""`fact cache`: the answers that are kept."""

from pathlib import Path
from typing import Annotated

import typer

from factcli.cli.options import JsonOption, guarded

app = typer.Typer(no_args_is_help=True, help="The answers of model servers that are kept on this machine (FACT_CACHE_DIR).")


@app.command("ls")
@guarded
def cache_ls(json: JsonOption = False) -> None:
    """List what is kept: answers, size and failures per model."""
    from factcli.commands.caching import show_cache

    show_cache(json)


@app.command("prune")
@guarded
def cache_prune(
    older_than: Annotated[str | None, typer.Option("--older-than", help="Age, e.g. 30d, 12h or 2w.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Name of the model, as the server knows it.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="ok, truncated, refused or invalid.")] = None,
) -> None:
    """Delete the answers that meet every condition given."""
    from factcli.commands.caching import prune_cache

    prune_cache(older_than, model, outcome)


@app.command("merge")
@guarded
def cache_merge(file: Annotated[Path, typer.Argument(help="A responses.sqlite3 of another machine; it is not changed.")]) -> None:
    """Take over the answers of another machine that are missing here."""
    from factcli.commands.caching import merge_cache

    merge_cache(file)
