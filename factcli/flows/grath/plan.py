"""What `fact grath-iterate --dry-run` shows: every step of every round, those that are made, and what the next one would cost."""

from collections.abc import Iterator
from typing import Any

from factcli.artifact import Artifact
from factcli.artifact.dryrun import describe
from factcli.context import Context
from factcli.cost import told
from factcli.flows.grath.loop import iterate
from factcli.flows.grath.settings import GrathConfig
from factcli.flows.grath.steps import Given, Making, Step, where


class NotMadeError(Exception):
    """The first step that nobody has made yet; those after it follow from what it will be."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.plan.name)
        self.step = step


def describe_loop(given: Given, config: GrathConfig, context: Context) -> dict[str, Any]:
    """Ready for JSON. Makes nothing."""
    made: list[str] = []

    def run(step: Step) -> Artifact:
        found = step.plan.committed(context.root)
        if found is None:
            raise NotMadeError(step)
        made.append(step.plan.name)
        return found

    said: dict[str, Any] = {"makes": f"skill {given.name}", "settings": config.model_dump(mode="json")}
    try:
        _, turns = iterate(Making(given, config, context, run), config, given.start)
    except NotMadeError as missing:
        steps = {name: "made before" if name in made else command for name, command in _steps(given.name, config.rounds)}
        next_one = {**describe(missing.step.plan, context.root), "cost": told(missing.step.cost())}
        return {**said, "steps": steps, f"next, {missing.step.plan.name}": next_one}
    ended = {where(turn.number): f"rejected: {turn.reason}" if turn.reason else "accepted" for turn in turns}
    return {**said, "steps": dict.fromkeys(made, "made before") | {given.name: "collects what was made"}, "rounds": ended}


def _steps(name: str, rounds: int) -> Iterator[tuple[str, str]]:
    """In their order, by the name of what is made: the command that makes one by hand. A rejected round is the last."""
    for number in range(rounds):
        begins = f"{name}-round{number}"
        yield f"{begins}-pairs", f"fact synth pairs --round {number}, by the model that the round starts from"
        if number == 0:
            yield f"{name}-start-gate", "the start's answers to the dev questions"
        else:
            yield f"{begins}-combined", f"fact synth pairs --combine {begins}-pairs --original {name}-round0-pairs"
        yield f"{begins}-model", f"fact dpo --pairs {begins}-{'combined' if number else 'pairs'}"
        yield f"{begins}-gate", "its answers to the dev questions: is the round kept?"
    yield name, "the last accepted adapter, with a table and plots of the rounds"
