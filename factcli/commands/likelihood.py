"""Commands that evaluate by likelihood: answers to choose from, answers to judge, texts."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factcli import resolving
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish
from factcli.commands.measuring import subject_of
from factcli.commands.short import source_for
from factcli.errors import SettingsError
from factcli.knowledge.benchmarks.source import Source

if TYPE_CHECKING:
    from factcli.stages.eval.halueval import HaluevalConfig


def make_eval_halueval(making: Making, model: str | None, newest: bool, file: Path | None, flags: Mapping[str, Any]) -> None:
    """Judged by `--backend`, else by the model in this process that --model names."""
    from factcli.knowledge.benchmarks.halueval import HALUEVALQA
    from factcli.stages.eval import halueval as stage

    config = making.settings(stage.HaluevalConfig, "eval", flags, None)
    if model is not None and config.generation.backend:
        raise SettingsError(f"--model {model} and --backend {config.generation.backend} are both given", "who judges: one of them")
    name, config = (None, config) if config.generation.backend else _in_this_process(making, model, newest, config)
    who = answering_for(making, config.generation)
    name = name or who.endpoint.model
    source = Source(HALUEVALQA, file)
    plan = stage.plan(config, source, who, _as_name(name), making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.imagined(config, source, who)),
        lambda draft, context: stage.work(plan, draft, source, who, name, context.report),
    )


def _as_name(model: str) -> str:
    """A model's name as part of an artifact's: a hub name has a slash."""
    return "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in model)[-80:]


def _in_this_process(making: Making, model: str | None, newest: bool, config: "HaluevalConfig") -> tuple[str, "HaluevalConfig"]:
    """The name of the model, and the settings with it as `local:` backend."""
    if model is None or resolving.is_artifact(model, making.root):
        found = resolving.pick_model(model, making.root, newest)
        name, ref = found.name, found.ref
    else:
        name, ref = "base", model
    generation = config.generation.model_copy(update={"backend": f"local:{ref}"})
    return name, config.model_copy(update={"generation": generation})


def refuse_generation(options: Mapping[str, Any]) -> None:
    """Raises SettingsError for options of written answers, where answers are only scored by likelihood."""
    given = [name.rpartition(".")[2].replace("_", "-") for name, value in options.items() if value is not None]
    if given:
        raise SettingsError(f"--{given[0]} would not be used: nothing is written", "it goes with --form generation")


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


def make_eval_perplexity(making: Making, model: str | None, newest: bool, file: Path | None, flags: Mapping[str, Any]) -> None:
    from factcli.knowledge.benchmarks.texts import PERPLEXITY
    from factcli.stages.eval import perplexity as stage

    subject = subject_of(model, newest, making.root)
    config = making.settings(stage.PerplexityConfig, "eval", flags, None)
    source = Source(PERPLEXITY) if file is None and config.hub_name else source_for(PERPLEXITY, subject, file, making.root)
    plan = stage.plan(config, subject, source, making.name)
    finish(making, plan, lambda _: stage.cost(plan, source), lambda draft, context: stage.work(plan, draft, subject, source, context.report))
