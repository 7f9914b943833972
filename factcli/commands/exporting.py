"""`fact export`: resolve adapters and their base, export, and copy the plain files where somebody wants them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli.commands.ending import tell
from factcli.commands.making import Making, finish
from factcli.stages.export import stage
from factcli.stages.export.card import copy_out, require_empty
from factcli.stages.export.parts import find_part, one_base


def make_export(making: Making, ref: str, more: Sequence[str], model: str | None, to: Path | None, flags: Mapping[str, Any]) -> None:
    config = making.settings(stage.ExportConfig, "export", flags, None)
    parts = tuple(find_part(each, making.root) for each in (ref, *more))
    given = stage.Given(parts, one_base(parts, model, making.root))
    plan = stage.plan(config, given, making.name)
    if to is not None:
        require_empty(to, making.root)
    finish(making, plan, lambda _: stage.cost(plan, given), lambda draft, context: stage.work(plan, draft, given, context))
    made = plan.committed(making.root)
    if to is not None and not making.dry_run and made is not None:
        copy_out(made, to, making.root)
        tell(f"copied to {to}: plain files with a model card, for other tools")
