"""`fact sweep`: settings chosen on dev people.

What comes first after `fact sweep` is another command with all its options. The sweep's own options may stand before it or among its
words; only -c, --set and --launcher, which both have, are told apart by place: before the command they are the sweep's, after it the command's.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from factcli.cli.options import Launcher, SlurmOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

CONTEXT = {"allow_interspersed_args": False, "ignore_unknown_options": True}
OF_BOTH = ("--config", "-c", "--set", "--launcher")


class OwnFirst(TyperCommand):
    """Its own options are put before the words of the command that is swept, wherever they stand."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, own_first(args, self._takes_value(ctx)))

    def _takes_value(self, ctx: Any) -> dict[str, bool]:
        """Of each own option whether a value follows it."""
        options = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "option"]
        return {name: not parameter.is_flag for parameter in options for name in parameter.opts}  # type: ignore[attr-defined]  # an option


def own_first(args: list[str], takes_value: dict[str, bool]) -> list[str]:
    """`sft --lr 1 --by f` -> `--by f sft --lr 1`."""
    own: list[str] = []
    words: list[str] = []
    waiting = iter(args)
    for word in waiting:
        name, equals, _ = word.partition("=")
        is_own = name in takes_value and not (words and name in OF_BOTH)
        kept = own if is_own else words
        kept.append(word)
        if is_own and takes_value[name] and not equals:
            kept += [value for value in [next(waiting, None)] if value is not None]
    return [*own, *words]


@making
def sweep(
    making: "Making",
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND...", help="What is swept, with its options as typed: sft --method real; prereq; dpo.")
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", help="NAME=VALUE,VALUE: a setting and its values, the cheaper first; again for more. Without any the paper's."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Figure to choose by, e.g. qa.accuracy or bio.share_correct.")] = None,
    evaluate: Annotated[str | None, typer.Option("--eval", help="Evaluation of every cell as typed, e.g. 'eval world --set ask=few_shot'.")] = None,
    then: Annotated[
        list[str] | None, typer.Option("--then", help="Command between what is swept and the evaluation, e.g. 'sft --lr 1e-3' after prereq; again for more.")
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="best, or one-standard-error: the first in the grid that is at most one standard error behind the best.")
    ] = None,
    seeds: Annotated[str | None, typer.Option("--seeds", help="Seeds of every cell, e.g. 0-2 or 1,5; the choice is by the mean over them.")] = None,
    cells: Annotated[
        str | None,
        typer.Option("--cells", help="Cells to make, by number from 1, e.g. 3 or 1-4, and none chosen: the same command without it finds them made."),
    ] = None,
    launcher: Annotated[Launcher, typer.Option("--launcher", help="local: one cell after the other; slurm: an array of jobs, one for each cell.")] = "local",
    slurm: SlurmOption = None,
) -> None:
    """Try every combination of some settings, each an artifact with its lineage, and choose one on dev people; test people are not asked.

    Options of the swept command follow it; -c, --set and --launcher before it are the sweep's, after it the command's. Cells share what they have in common.
    """
    from typer.main import get_command

    from factcli.cli import app
    from factcli.commands.running import numbers_of
    from factcli.commands.sweeping import grid_typed, make_sweep, submit_sweep

    flags = {
        "grid": grid_typed(grid) if grid else None,
        "by": by,
        "evaluate": evaluate,
        "then": then or None,
        "rule": rule,
        "seeds": numbers_of("seeds", seeds) if seeds is not None else None,
    }
    if launcher == "slurm" and not making.dry_run:
        submit_sweep(get_command(app), making, command or [], flags, tuple(slurm or ()))
        return
    if code := make_sweep(get_command(app), making, command or [], flags, numbers_of("cells", cells) if cells else []):
        raise typer.Exit(code)
