"""`fact pack`: knowledge packs, the evidence that claims are held against."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import DataOption, JsonOption, guarded, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Make evidence that can be searched: pages by title, passages by words.")
RefArgument = Annotated[str, typer.Argument(metavar="PACK", help="name, name@3 or a path.")]
EmbedderOption = Annotated[Path | None, typer.Option("--embedder", help="Local sentence-transformers model for the dense index.")]


@app.command("build")
@making
def build(
    making: "Making",
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files, after --from FILE.")] = None,
    from_: Annotated[
        list[Path] | None, typer.Option("--from", help="Pages: JSONL of title and text, Parquet, or a Wikipedia dump (XML or JSON); plain, .gz or .bz2.")
    ] = None,
    world: Annotated[str | None, typer.Option("--world", help="A world whose people become pages.")] = None,
    passage_tokens: Annotated[int | None, typer.Option("--passage-tokens", help="Tokens of a passage at most, e.g. 256.")] = None,
    shard_passages: Annotated[int | None, typer.Option("--shard-passages", help="Passages of one part of the index, for less memory, e.g. 2000000.")] = None,
    tokenizer: Annotated[Path | None, typer.Option("--tokenizer", help="Directory with tokenizer.json to count tokens with, instead of the rule.")] = None,
    embedder: EmbedderOption = None,
) -> None:
    """Build a knowledge pack: passages with their titles, an index of titles and redirects, a BM25 index of all words."""
    from factcli.commands.packing import make_pack

    flags = {"passage_tokens": passage_tokens, "shard_passages": shard_passages}
    make_pack(making, [*(from_ or []), *(more or [])], world, {"tokenizer": tokenizer, "embedder": embedder}, flags)


@app.command("find")
@guarded
def find(
    ref: RefArgument,
    topic: Annotated[str, typer.Argument(help="What a page is wanted about, e.g. 'Mira Osei'.")],
    data: DataOption = Path("data"),
    json: JsonOption = False,
) -> None:
    """Say which page a topic means, and how it was found: exact, redirect, normalised, fuzzy or absent."""
    from factcli.commands.packing import show_page

    show_page(ref, topic, data, json)


@app.command("search")
@guarded
def search(
    ref: RefArgument,
    query: Annotated[str, typer.Argument(help="Words to search for.")],
    title: Annotated[str | None, typer.Option("--title", help="Topic whose page alone is searched.")] = None,
    k: Annotated[int, typer.Option("-k", help="Passages to show at most.")] = 5,
    embedder: EmbedderOption = None,
    data: DataOption = Path("data"),
    json: JsonOption = False,
) -> None:
    """Show the passages that fit a query best, of one page or of all."""
    from factcli.commands.packing import show_search

    show_search(ref, query, title, k, embedder, data, json)
