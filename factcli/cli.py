"""The Typer app: options -> settings and artifacts -> one stage call -> print the new path. No logic.

Everything but typer and rich is imported inside a command's body, so that `fact --help` is instant.
stdout carries one line, the path of what was made (or JSON with --json); all else goes to stderr.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(
    name="fact",
    help="Make a language model say only what it knows, and prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
synth_app = typer.Typer(no_args_is_help=True, help="Write data: fictitious people and their facts, knowledge texts, task examples.")
eval_app = typer.Typer(no_args_is_help=True, help="Ask a model, judge every answer and claim, count with intervals.")
cache_app = typer.Typer(no_args_is_help=True, help="The answers of model servers that are kept on this machine (FACT_CACHE_DIR).")
START, MAKE, TRAIN, MEASURE, LOOK = "Start here", "Make data", "Train", "Measure", "Look"

DataOption = Annotated[Path, typer.Option("--data", envvar="FACT_DATA", help="Directory of all artifacts.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Base model: an artifact, a directory, or a hub name.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of every random draw, e.g. 7.")]
LimitOption = Annotated[int | None, typer.Option("--limit", help="Subjects to take, in id order, e.g. 50.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a path.")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """End a command with its documented exit code: errors of the user in two lines, ours with a traceback."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            print("interrupted; the same command goes on where it was", file=sys.stderr)
            raise typer.Exit(130) from None
        except typer.Exit:
            raise
        except BrokenPipeError:  # the reader of stdout, `head` for one, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:  # noqa: BLE001 - the edge of the program: told apart and ended with its code
            from factcli.commands.ending import exit_code_of

            raise typer.Exit(exit_code_of(error)) from None

    return run


def making(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every command that makes an artifact has; the command gets them as one `making`."""

    @functools.wraps(command)
    def run(*arguments: Any, config: list[Path], set_: list[str], name: str | None, data: Path, force: bool, dry_run: bool, json: bool, **options: Any) -> None:
        from factcli.commands.making import Making

        command(*arguments, making=Making(tuple(config), tuple(set_), name, data, force, dry_run, json), **options)

    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.name != "making"]
    run.__signature__ = signature.replace(parameters=own + _COMMON)  # type: ignore[attr-defined]  # how typer learns of options
    run.__annotations__ = {p.name: p.annotation for p in own + _COMMON}
    return guarded(run)


def _common(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON = [
    _common("config", Annotated[list[Path], typer.Option("--config", "-c", help="Settings file; later files win. Without one, the recipe of the world.")], []),
    _common("set_", Annotated[list[str], typer.Option("--set", help="One setting, e.g. --set lr=1e-3. Wins over files.")], []),
    _common("name", Annotated[str | None, typer.Option("--name", help="Name of the new artifact.")], None),
    _common("data", DataOption, Path("data")),
    _common("force", Annotated[bool, typer.Option("--force", help="Make a new version even if this one is there.")], False),
    _common("dry_run", Annotated[bool, typer.Option("--dry-run", help="Print settings, inputs, key and cost; make nothing.")], False),
    _common("json", JsonOption, False),
]


@app.command(rich_help_panel=START)
@guarded
def demo(
    data: DataOption = Path("data"),
    versions: Annotated[int, typer.Option("--versions", help="Versions of the fictitious facts.")] = 3,
    size: Annotated[str, typer.Option("--size", help="Recipe of the world: tiny, or micro to see the plumbing in a minute.")] = "tiny",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the world and all that follows.")] = 0,
    json: JsonOption = False,
) -> None:
    """Show the main job on an invented world, offline: world, synth, prereq, sft, eval, report."""
    from factcli.commands.making import make_demo

    make_demo(data, size, versions, seed, json)


@app.command(rich_help_panel=START)
@guarded
def doctor(data: DataOption = Path("data"), json: JsonOption = False) -> None:
    """Say what this machine has and lacks for `fact`, and what that means."""
    from factcli.commands.looking import show_doctor

    show_doctor(data, json)


@app.command(rich_help_panel=MAKE)
@making
def world(
    making: "Making",
    size: Annotated[str | None, typer.Option("--size", help="Recipe: tiny (2 CPU cores, minutes), small, base (one GPU).")] = None,
    seed: SeedOption = None,
) -> None:
    """Invent a world with a ledger of facts and pre-train a small model on it."""
    from factcli.commands.making import make_world

    make_world(making, size, seed)


app.add_typer(synth_app, name="synth", rich_help_panel=MAKE)


@synth_app.command("bio")
@making
def synth_bio(
    making: "Making",
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious person's facts, e.g. 5.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
) -> None:
    """Write fictitious people, their knowledge texts, and biographies and questions that use exactly those facts."""
    from factcli.commands.making import make_synth

    make_synth(making, "bio", world, {"versions": versions, "subjects": limit, "seed": seed}, facts=None, model=None)


@synth_app.command("qa")
@making
def synth_qa(
    making: "Making",
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious subject's facts, e.g. 1.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
    facts: Annotated[
        Path | None, typer.Option("--facts", help="Real triples instead of a world: PopQA's TSV, or JSONL of subject, relation, object, aliases.")
    ] = None,
    templates: Annotated[list[Path] | None, typer.Option("--templates", help="Further relation templates; see configs/relations/popqa.yaml.")] = None,
    model: ModelOption = None,
) -> None:
    """Write fictitious subjects, their knowledge texts, and questions that use exactly those facts."""
    from factcli.commands.making import make_synth

    make_synth(making, "qa", world, {"versions": versions, "subjects": limit, "seed": seed}, facts=facts, model=model, templates=templates or [])


@app.command(rich_help_panel=TRAIN)
@making
def prereq(
    making: "Making",
    synth: Annotated[str | None, typer.Option("--synth", help="Data to learn from; without one the newest.")] = None,
    model: ModelOption = None,
    lora_r: Annotated[int | None, typer.Option("--lora-r", help="Rank of each knowledge adapter, e.g. 64.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate, e.g. 3e-5.")] = None,
    seed: SeedOption = None,
) -> None:
    """Teach knowledge texts to throw-away knowledge adapters, one per source, version, form and strength."""
    from factcli.commands.making import make_prereq

    make_prereq(making, synth, model, {"lora_r": lora_r, "lr": lr, "seed": seed})


@app.command(rich_help_panel=TRAIN)
@making
def sft(
    making: "Making",
    method: Annotated[str | None, typer.Option("--method", help="prereq, real, popular-head, popular-50 or fictitious.")] = None,
    knowledge: Annotated[str | None, typer.Option("--knowledge", help="Knowledge adapters; without them the newest.")] = None,
    synth: Annotated[str | None, typer.Option("--synth", help="Task data; without it the data that the knowledge adapters learned.")] = None,
    model: ModelOption = None,
    lora_r: Annotated[int | None, typer.Option("--lora-r", help="Rank of the skill adapter, e.g. 64.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate, e.g. 3e-5.")] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Passes over the rows, e.g. 3.")] = None,
    real_fraction: Annotated[float | None, typer.Option("--real-fraction", help="Share of steps on well-known real people, knowledge off, 0 to 1.")] = None,
    seed: SeedOption = None,
) -> None:
    """Learn the skill of answering over frozen knowledge adapters (or a baseline); keep only the skill adapter."""
    from factcli.commands.making import make_sft

    flags = {"method": method, "lora_r": lora_r, "lr": lr, "epochs": epochs, "real_fraction": real_fraction, "seed": seed}
    make_sft(making, knowledge, synth, model, flags)


app.add_typer(eval_app, name="eval", rich_help_panel=MEASURE)
EvalModelOption = Annotated[str | None, typer.Option("--model", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]


@eval_app.command("world")
@making
def eval_world(making: "Making", model: EvalModelOption = None, newest: NewestOption = False, limit: LimitOption = None, seed: SeedOption = None) -> None:
    """Ask the world's questions and biographies; the ledger judges every claim."""
    from factcli.commands.measuring import make_eval_world

    make_eval_world(making, model, newest, {"limit": limit, "seed": seed})


@eval_app.command("popqa")
@making
def eval_popqa(
    making: "Making",
    model: EvalModelOption = None,
    newest: NewestOption = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="PopQA's TSV; without one the questions of the model's own data or world in that format, else the hub.")
    ] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
) -> None:
    """Ask closed-book questions in PopQA's format; accuracy by popularity, abstentions counted."""
    from factcli.commands.measuring import make_eval_popqa

    make_eval_popqa(making, model, newest, file, {"limit": limit, "seed": seed})


@app.command(rich_help_panel=MEASURE)
@making
def report(
    making: "Making",
    evals: Annotated[list[str] | None, typer.Argument(help="Evaluations to show; without any, all of the newest world.")] = None,
) -> None:
    """Draw one self-contained HTML page of evaluations, with intervals, curves and lineage."""
    from factcli.commands.measuring import make_report

    make_report(making, evals or [])


@app.command(rich_help_panel=LOOK)
@guarded
def ls(data: DataOption = Path("data"), json: JsonOption = False) -> None:
    """List what exists, newest first: kind, rows, headline, age, parents."""
    from factcli.commands.looking import show_list

    show_list(data, json)


@app.command(rich_help_panel=LOOK)
@guarded
def show(ref: Annotated[str, typer.Argument(help="name, name@3 or a path.")], data: DataOption = Path("data"), json: JsonOption = False) -> None:
    """Show one artifact: settings, inputs, files, numbers."""
    from factcli.commands.looking import show_artifact

    show_artifact(ref, data, json)


@app.command(rich_help_panel=LOOK)
@guarded
def trace(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A row id, e.g. w0.p0042.birthplace.")], data: DataOption = Path("data"), json: JsonOption = False
) -> None:
    """Print a row's whole life: what it comes from and what came of it."""
    from factcli.commands.looking import show_trace

    show_trace(id_, data, json)


@app.command(rich_help_panel=LOOK)
@guarded
def verify(ref: Annotated[str, typer.Argument(help="name, name@3 or a path.")], data: DataOption = Path("data"), json: JsonOption = False) -> None:
    """Re-hash an artifact and its ancestors; name every file that changed."""
    from factcli.commands.looking import show_verification

    show_verification(ref, data, json)


app.add_typer(cache_app, name="cache", rich_help_panel=LOOK)


@cache_app.command("ls")
@guarded
def cache_ls(json: JsonOption = False) -> None:
    """List what is kept: answers, size and failures per model."""
    from factcli.commands.caching import show_cache

    show_cache(json)


@cache_app.command("prune")
@guarded
def cache_prune(
    older_than: Annotated[str | None, typer.Option("--older-than", help="Age, e.g. 30d, 12h or 2w.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Name of the model, as the server knows it.")] = None,
    outcome: Annotated[str | None, typer.Option("--outcome", help="ok, truncated, refused or invalid.")] = None,
) -> None:
    """Delete the answers that meet every condition given."""
    from factcli.commands.caching import prune_cache

    prune_cache(older_than, model, outcome)


@cache_app.command("merge")
@guarded
def cache_merge(file: Annotated[Path, typer.Argument(help="A responses.sqlite3 of another machine; it is not changed.")]) -> None:
    """Take over the answers of another machine that are missing here."""
    from factcli.commands.caching import merge_cache

    merge_cache(file)


def main() -> None:
    """The `fact` script."""
    app()


if __name__ == "__main__":
    main()
