"""`fact eval`: one command per benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli import likelihood, probes
from factcli.cli.options import JsonOption, LimitOption, SeedOption, benchmarking, guarded, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Ask a model, judge every answer and claim, count with intervals.")
EvalModelOption = Annotated[str | None, typer.Option("--model", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]


@app.command("world")
@making
def eval_world(making: "Making", model: EvalModelOption = None, newest: NewestOption = False, limit: LimitOption = None, seed: SeedOption = None) -> None:
    """Ask the world's questions and biographies; the ledger judges every claim."""
    from factcli.commands.measuring import make_eval_world

    make_eval_world(making, model, newest, {"limit": limit, "seed": seed})


@app.command("list")
@guarded
def eval_list(json: JsonOption = False) -> None:
    """List the benchmarks: version, what each asks, where its items come from, the form of its file."""
    from factcli.commands.benchmarks import show_benchmarks

    show_benchmarks(json)


@app.command("popqa")
@benchmarking
@making
def eval_popqa(
    making: "Making",
    file: Path | None,
    model: EvalModelOption = None,
    newest: NewestOption = False,
    limit: LimitOption = None,
    seed: SeedOption = None,
) -> None:
    """Ask closed-book questions in PopQA's format; accuracy by popularity, abstentions counted."""
    from factcli.commands.measuring import make_eval_popqa

    make_eval_popqa(making, model, newest, file, {"limit": limit, "seed": seed})


for command in (likelihood.truthfulqa, likelihood.haluevalqa, likelihood.mc, likelihood.perplexity, likelihood.harness):
    app.command(command.__name__)(command)
app.command("response-types")(probes.response_types)
