"""`fact eval harness`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.commands.making import Making, finish
from factcli.commands.measuring import subject_of


def make_eval_harness(making: Making, model: str | None, newest: bool, include: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.eval import harness as stage

    subject = subject_of(model, newest, making.root)
    config = making.settings(stage.HarnessEvalConfig, "eval", flags, None)
    plan = stage.plan(config, subject, include, making.name)
    finish(making, plan, lambda _: stage.cost(), lambda draft, context: stage.work(plan, draft, subject, include, context.report))
