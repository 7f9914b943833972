"""`fact export`: models and adapters for other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import ModelOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making


@making
def export(
    making: "Making",
    ref: Annotated[str, typer.Argument(metavar="REF", help="A skill adapter, or KNOWLEDGE:ADAPTER.")],
    with_: Annotated[list[str] | None, typer.Option("--with", help="A further adapter, e.g. knowledge:fictitious_v1_statement; may be repeated.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Merge into the weights of the base, instead of joining into one adapter.")] = False,
    dtype: Annotated[str | None, typer.Option("--dtype", help="Number format of merged weights: float32 or bfloat16.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="New or empty directory for a copy of the plain files, with a model card.")] = None,
    model: ModelOption = None,
) -> None:
    """Merge adapters into their base, or join them into one adapter, exactly; certify it; for transformers, PEFT and vLLM."""
    from factcli.commands.exporting import make_export

    make_export(making, ref, with_ or [], model, to, {"merge": merge or None, "dtype": dtype})
