"""Commands that evaluate by likelihood: answers to choose from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.commands.making import Making, finish
from factcli.commands.measuring import subject_of
from factcli.commands.short import source_for
from factcli.errors import SettingsError

LIKELIHOOD_FORMS = ("mc", "binary")


def make_eval_choices(making: Making, benchmark: str, model: str | None, newest: bool, file: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.knowledge.benchmarks.choices import MC, TRUTHFULQA
    from factcli.stages.eval import choices as stage

    subject = subject_of(model, newest, making.root)
    config_type = stage.TruthfulqaEvalConfig if benchmark == TRUTHFULQA.name else stage.McEvalConfig
    config = making.settings(config_type, "eval", flags, None)
    source = source_for(TRUTHFULQA if benchmark == TRUTHFULQA.name else MC, subject, file, making.root)
    if source.is_hub and not source.benchmark.hub and not config.hub_name:
        raise SettingsError("whose questions?", f"give --file FILE ({MC.file_format}), or --set hub_name=allenai/ai2_arc and hub_files=[...]")
    plan = stage.plan(config, subject, source, making.name)
    finish(making, plan, lambda _: stage.cost(plan, source), lambda draft, context: stage.work(plan, draft, subject, source, context.report))
