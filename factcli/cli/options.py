"""What commands share: their common options, the one place where they end, and how options reach them."""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

DataOption = Annotated[Path, typer.Option("--data", envvar="FACT_DATA", help="Directory of all artifacts.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Base model: an artifact, a directory, or a hub name.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of every random draw, e.g. 7.")]
LimitOption = Annotated[int | None, typer.Option("--limit", help="Subjects to take, in id order, e.g. 50.")]
DrawnOption = Annotated[int | None, typer.Option("--limit", help="Subjects to ask about, drawn, the same for every model, e.g. 50.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a path.")]


Launcher = Literal["local", "slurm"]
SlurmOption = Annotated[list[str] | None, typer.Option("--slurm", help="NAME=VALUE of the array's jobs, e.g. partition=gpu, time_limit=12:00:00.")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """End a command with its documented exit code: errors of the user in two lines, ours with a traceback."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            from factcli.errors import INTERRUPTED

            print("interrupted; the same command goes on where it was", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
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

    return guarded(_with_options(run, command, "making", _COMMON))


def benchmarking(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--file`, and let --data name that file as well as the directory; the command gets its path as `file`."""

    @functools.wraps(command)
    def run(*arguments: Any, file: Path | None, data: list[Path], **options: Any) -> None:
        root, own = _told_apart(data, file)
        command(*arguments, file=own, data=root, **options)

    made = _with_options(run, command, "file", [_FILE])
    parameters = [_EITHER if p.name == "data" else p for p in inspect.signature(made).parameters.values()]
    return guarded(_typed(run, parameters))


def _told_apart(data: list[Path], file: Path | None) -> tuple[Path, Path | None]:
    """(directory of artifacts, file of the benchmark)."""
    from factcli.errors import SettingsError

    files = [path for path in data if path.is_file() or (path.suffix in FILE_SUFFIXES and not path.is_dir())]
    folders = [path for path in data if path not in files]
    files += [file] if file else []
    for kind, found in (("files", files), ("directories", folders)):
        if len(found) > 1:
            raise SettingsError(f"{' and '.join(map(str, found))} are two {kind}", "one file of the benchmark, one directory of artifacts")
    return (folders or [Path(os.environ.get("FACT_DATA") or "data")])[0], next(iter(files), None)


def generating(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of whoever asks a model, as settings of the group `generation`; the command gets them as `generation`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        given = {f"generation.{option.name}": options.pop(option.name) for option in _GENERATION}
        command(*arguments, generation=given, **options)

    return making(_with_options(run, command, "generation", _GENERATION))


def training(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of what trains, as settings of the group `launch`; the command gets them as `launch`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        given = {f"launch.{option.name}": options.pop(option.name) for option in _LAUNCH}
        command(*arguments, launch=given, **options)

    return making(_with_options(run, command, "launch", _LAUNCH))


def _with_options(run: Callable[..., None], command: Callable[..., None], replaced: str, added: list[inspect.Parameter]) -> Callable[..., None]:
    """`run` with the options of `command`, where `added` stand instead of `replaced`: how typer learns of them."""
    return _typed(run, [p for p in inspect.signature(command).parameters.values() if p.name != replaced] + added)


def _typed(run: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """`run` with these parameters as its own."""
    parameters = sorted(parameters, key=lambda parameter: parameter.kind)  # stable: keyword-only ones come last
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # a function may carry one
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _common(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


FILE_SUFFIXES = (".tsv", ".csv", ".json", ".jsonl", ".parquet", ".txt")  # of a path that is not there: which of the two was meant
_FILE = _common(
    "file",
    Annotated[Path | None, typer.Option("--file", help="The benchmark's file: `fact eval list` tells its form. Without one own questions, else the hub.")],
    None,
)
_EITHER = _common(  # FACT_DATA is read where it is used: typer would cut a list's variable at its blanks
    "data",
    Annotated[list[Path], typer.Option("--data", help="Directory of all artifacts; or the benchmark's file, as --file; again for both.")],
    [],
)
_COMMON = [
    _common(
        "config",
        Annotated[
            list[Path], typer.Option("--config", "-c", help="Settings file; later files win. Without one, the recipe that the inputs hand down, if any.")
        ],
        [],
    ),
    _common("set_", Annotated[list[str], typer.Option("--set", help="One setting, e.g. --set lr=1e-3. Wins over files. --dry-run lists all settings.")], []),
    _common("name", Annotated[str | None, typer.Option("--name", help="Name of the new artifact.")], None),
    _common("data", DataOption, Path("data")),
    _common("force", Annotated[bool, typer.Option("--force", help="Make a new version even if this one is there.")], False),
    _common("dry_run", Annotated[bool, typer.Option("--dry-run", help="Print settings, inputs, key and cost; make nothing.")], False),
    _common("json", JsonOption, False),
]

_LAUNCH = [
    _common("launcher", Annotated[str | None, typer.Option("--launcher", help="Where it trains: local (this machine), or slurm (a job in the queue).")], None),
    _common(
        "accelerate",
        Annotated[
            str | None,
            typer.Option("--accelerate", help="How many processes, and what they share: gpus, fsdp2, zero3, ... of configs/accelerate, or a file."),
        ],
        None,
    ),
]
_GENERATION = [
    _common("backend", Annotated[str | None, typer.Option("--backend", help="Who answers: http:MODEL@URL, local:REF or scripted:FILE.")], None),
    _common("price", Annotated[str | None, typer.Option("--price", help="IN,OUT per million tokens, e.g. 0.15,0.60; or a price file.")], None),
    _common("budget", Annotated[float | None, typer.Option("--budget", help="Money that this run may spend, e.g. 20; the same command goes on.")], None),
    _common("key_file", Annotated[Path | None, typer.Option("--key-file", help="File with the server's key; else OPENAI_API_KEY.")], None),
    _common("max_failed", Annotated[float | None, typer.Option("--max-failed", help="Share of rows that may fail, e.g. 0.02; more end with code 6.")], None),
    _common("retry_failed", Annotated[bool | None, typer.Option("--retry-failed", help="Buy anew what came truncated, refused or invalid.")], None),
]
