"""The Typer app: options -> settings and artifacts -> one stage call -> print the new path. No logic.

options.py  what commands share        synth.py, pack.py, score.py, cache.py, eval.py with eval_answers.py  the groups with many commands
run.py      whole recipes: run, demo   dpo.py, export.py, sweep.py  one command each

Everything but typer and rich is imported inside a command's body, so that `fact --help` is instant.
stdout carries one line, the path of what was made (or JSON with --json); all else goes to stderr.
"""

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from factcli.cli import audit, cache, chat, compare, dpo, eval_answers, export, grath, pack, run, score, sweep, synth
from factcli.cli.options import DataOption, JsonOption, ModelOption, SeedOption, guarded, making, training

if TYPE_CHECKING:
    from factcli.commands.making import Making

ORDER = (  # of the work, which `fact --help` follows: typer by itself puts groups after commands
    *("run", "demo", "doctor"),
    *("world", "synth", "pack"),
    *("prereq", "sft", "dpo", "grath-iterate", "sweep", "export"),
    *("score", "eval", "compare", "report", "audit"),
    *("chat", "ls", "show", "trace", "verify", "cache"),
)


class InOrder(TyperGroup):
    """Lists commands and groups in the order of the work; one that has no place there comes last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="fact",
    cls=InOrder,
    help="Make a language model say only what it knows, and prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
START, MAKE, TRAIN, MEASURE, LOOK = "Start here", "Make data", "Train", "Measure", "Look"


app.command("run", rich_help_panel=START)(run.run)
app.command("demo", rich_help_panel=START)(run.demo)


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
    size: Annotated[
        str | None,
        typer.Option("--size", help="Recipe: tiny (2 CPU cores, minutes), small, base (one GPU); or tiny-zipf, -myths, -two-hop, -rich."),
    ] = None,
    seed: SeedOption = None,
) -> None:
    """Invent a world with a ledger of facts and pre-train a small model on it."""
    from factcli.commands.making import make_world

    make_world(making, size, seed)


app.add_typer(synth.app, name="synth", rich_help_panel=MAKE)
app.add_typer(pack.app, name="pack", rich_help_panel=MAKE)


@app.command(rich_help_panel=TRAIN)
@training
def prereq(
    making: "Making",
    launch: dict[str, Any],
    synth: Annotated[str | None, typer.Option("--synth", help="Data to learn from; without one the newest.")] = None,
    model: ModelOption = None,
    lora_r: Annotated[int | None, typer.Option("--lora-r", help="Rank of each knowledge adapter, e.g. 64.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate, e.g. 3e-5.")] = None,
    recite_target: Annotated[float | None, typer.Option("--recite-target", help="Stop each adapter once it recites this share of its texts, e.g. 0.6.")] = None,
    seed: SeedOption = None,
) -> None:
    """Teach knowledge texts to throw-away knowledge adapters, one per source, version, form and strength."""
    from factcli.commands.making import make_prereq

    make_prereq(making, synth, model, {"lora_r": lora_r, "lr": lr, "recite_target": recite_target, "seed": seed} | launch)


ModeOption = Annotated[
    str | None, typer.Option("--mode", help="What is trained: lora (an adapter), qlora (one on a base in 4 bits) or full (every parameter).")
]
VersionSamplingOption = Annotated[
    str | None, typer.Option("--version-sampling", help="Versions of a batch: one, in turn, or all, each row through its own version's adapter.")
]


@app.command(rich_help_panel=TRAIN)
@training
def sft(
    making: "Making",
    launch: dict[str, Any],
    method: Annotated[str | None, typer.Option("--method", help="prereq, real, popular-head, popular-50, oracle or fictitious.")] = None,
    mode: ModeOption = None,
    mix: Annotated[
        list[str], typer.Option("--mix", help="Data set and its share: NAME[:PART]=FRACTION, an artifact or JSONL, e.g. bio=1; again for more.")
    ] = [],  # noqa: B006  # typer copies it
    template: Annotated[str | None, typer.Option("--template", help="Chat template: model (its own), qa, llama2 or zephyr.")] = None,
    knowledge: Annotated[str | None, typer.Option("--knowledge", help="Knowledge adapters; without them the newest.")] = None,
    synth: Annotated[str | None, typer.Option("--synth", help="Task data; without it the data that the knowledge adapters learned.")] = None,
    model: ModelOption = None,
    lora_r: Annotated[int | None, typer.Option("--lora-r", help="Rank of the skill adapter, e.g. 64.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate, e.g. 3e-5.")] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Passes over the rows, e.g. 3.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Optimizer steps instead of epochs, e.g. 150.")] = None,
    real_fraction: Annotated[float | None, typer.Option("--real-fraction", help="Share of steps on well-known real people, knowledge off, 0 to 1.")] = None,
    version_sampling: VersionSamplingOption = None,
    distill: Annotated[float | None, typer.Option("--distill", help="Weight of KL(untouched base || model) beside the loss of a plain method, e.g. 1.")] = None,
    known: Annotated[
        str | None, typer.Option("--known", help="Evaluation of the untouched base on training people, for method oracle; without one the newest.")
    ] = None,
    control: Annotated[
        str | None, typer.Option("--control", help="In the place of prereq's knowledge: wrong-version, shuffled, random or absent; a control of the method.")
    ] = None,
    seed: SeedOption = None,
) -> None:
    """Learn the skill of answering over frozen knowledge adapters (or a baseline); keep only the skill adapter, or the model.

    Dropout of the frozen knowledge adapters is off by default; --set knowledge_dropout=0.05 turns it on.
    """
    from factcli.commands.tuning import make_sft, mix_of

    flags = {
        "method": method,
        "mode": mode,
        "mix": mix_of(mix),
        "template": template,
        "lora_r": lora_r,
        "lr": lr,
        "epochs": epochs,
        "steps": steps,
        "real_fraction": real_fraction,
        "version_sampling": version_sampling,
        "control": control,
        "distill": distill,
        "seed": seed,
    }
    make_sft(making, knowledge, synth, model, known, flags | launch)


app.command("dpo", rich_help_panel=TRAIN)(dpo.dpo)
app.command("grath-iterate", rich_help_panel=TRAIN)(grath.grath_iterate)
app.command(rich_help_panel=TRAIN, cls=sweep.OwnFirst, context_settings=sweep.CONTEXT)(sweep.sweep)
app.command(rich_help_panel=TRAIN)(export.export)
app.add_typer(score.app, name="score", rich_help_panel=MEASURE)
app.add_typer(eval_answers.app, name="eval", rich_help_panel=MEASURE)
app.command(rich_help_panel=MEASURE)(compare.compare)
app.command(rich_help_panel=MEASURE)(audit.audit)


@app.command(rich_help_panel=MEASURE)
@making
def report(
    making: "Making",
    evals: Annotated[
        list[str] | None,
        typer.Argument(help="Evaluations to show, with comparisons, scores and sweeps of them; without any, all of the newest world."),
    ] = None,
) -> None:
    """Draw one self-contained HTML page of evaluations, with intervals, curves and lineage."""
    from factcli.commands.measuring import make_report

    make_report(making, evals or [])


app.command("chat", rich_help_panel=LOOK)(chat.chat)


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
    id_: Annotated[str, typer.Argument(metavar="ID", help="A row id, e.g. w0.p0042.birthplace.")],
    within: Annotated[str | None, typer.Option("--in", help="Only what is related to this version, e.g. bio-subjects@2.")] = None,
    data: DataOption = Path("data"),
    json: JsonOption = False,
) -> None:
    """Print a row's whole life: what it comes from and what came of it.

    Where unrelated versions have the same id, each is shown by itself.
    """
    from factcli.commands.looking import show_trace

    show_trace(id_, within, data, json)


@app.command(rich_help_panel=LOOK)
@guarded
def verify(ref: Annotated[str, typer.Argument(help="name, name@3 or a path.")], data: DataOption = Path("data"), json: JsonOption = False) -> None:
    """Re-hash an artifact and its ancestors; name every file that changed."""
    from factcli.commands.looking import show_verification

    show_verification(ref, data, json)


app.add_typer(cache.app, name="cache", rich_help_panel=LOOK)


def main() -> None:
    """The `fact` script. SIGTERM, which schedulers send, ends a command as Ctrl-C does: training writes a checkpoint first."""
    signal.signal(signal.SIGTERM, _terminate)
    app()


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    from factcli.errors import Terminated

    raise Terminated
