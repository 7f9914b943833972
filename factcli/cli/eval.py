"""`fact eval`: one command per benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli import probes
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


@app.command("harness")
@making
def eval_harness(
    making: "Making",
    tasks: Annotated[
        str | None, typer.Option("--tasks", help="NAME[:SHOTS], several with commas, e.g. arc_challenge:25,hellaswag:10; a FILE.yaml defines a task.")
    ] = None,
    include: Annotated[
        Path | None, typer.Option("--include", help="Folder with task files of your own. Such a file is code: take none from strangers.")
    ] = None,
    model: EvalModelOption = None,
    newest: NewestOption = False,
    limit: Annotated[int | None, typer.Option("--limit", help="Documents of each task, e.g. 50, for a look.")] = None,
    seed: SeedOption = None,
) -> None:
    """Run tasks of the lm-evaluation-harness on the model with its adapter; every document's score is kept.

    -c configs/eval/drift.yaml asks for the usual four: ARC, HellaSwag, MMLU and TruthfulQA.
    """
    from factcli.commands.harness import make_eval_harness

    asked = tuple(name.strip() for name in tasks.split(",") if name.strip()) if tasks is not None else None
    make_eval_harness(making, model, newest, include, {"tasks": asked, "limit": limit, "seed": seed})


app.command("response-types")(probes.response_types)
app.command("forgetting")(probes.forgetting)
