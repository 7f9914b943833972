"""A whole loop: every step made or found, the last accepted adapter kept under the loop's own name."""

from functools import partial

from factcli.artifact import Artifact, make
from factcli.context import Context
from factcli.errors import SettingsError
from factcli.flows.grath.loop import iterate
from factcli.flows.grath.settings import GrathConfig
from factcli.flows.grath.steps import Given, Making, dpo_of, make_step
from factcli.stages.dpo.ground import settle
from factcli.stages.grath import ending


def run_loop(given: Given, config: GrathConfig, context: Context, force: bool) -> tuple[Artifact, bool]:
    """The skill adapter that the loop ends in, and whether all was there already."""
    if config.dpo.mode == "qlora":
        context.report.say(
            "note: the adapters learn over a base in 4 bits; pairs are written and rounds measured with the base as it is, which they were not trained on"
        )
    making = Making(given, config, context, partial(make_step, context=context, force=force))
    begun, turns = iterate(making, config, given.start)
    loop = ending.Loop(config.method, given.base, given.start, begun, turns, reference_of(given, config))
    plan = ending.plan(config, loop, given.name)
    return make(plan, lambda draft: ending.work(draft, loop), context.root, force)


def check(given: Given, config: GrathConfig) -> None:
    """Raises what the first training would raise for this start, before anybody is asked anything."""
    try:
        settle(*dpo_of(config, given, given.start))
    except SettingsError as error:
        shape = " ".join(f"--set dpo.{name}=null" for name in ("lora_r", "lora_alpha", "lora_dropout", "lora_targets"))
        raise SettingsError(error.message, f"leave the shape to the adapter that is there: {shape}; or begin a new one: --model BASE") from error


def reference_of(given: Given, config: GrathConfig) -> str:
    """What every round is held to, where it is one thing; "" where it is what the round starts from."""
    if config.reference == "current":
        return ""
    return given.start.ref if given.start else given.base.given
