"""Commands typed as words, as the steps that a sweep lays its grid over."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.commands.typed import OWN, Command, models_of
from factcli.config import layered
from factcli.errors import SettingsError, nearest
from factcli.flows.recipe import Step

DEV = "dev"
THEN: Mapping[str, tuple[str, ...]] = {"synth": ("prereq", "sft"), "prereq": ("sft",)}  # by a command's first word, up to a model


def chain_of(commands: Mapping[str, Command], words: Sequence[str], then: Sequence[str], evaluate: str, are_dev: bool) -> tuple[Step, ...]:
    """What is swept, what comes between, and the evaluation on dev people. Raises SettingsError for what cannot be."""
    first = step_of(commands, words)
    between = [step_of(commands, shlex.split(line)) for line in then or THEN.get(words[0], ())]
    asked = on_dev(step_of(commands, shlex.split(evaluate)), commands, are_dev)
    chain = (first, *between, asked)
    named = [step.command for step in chain]
    if len(set(named)) < len(named):
        raise SettingsError(f"a command stands twice in {', '.join(named)}", "each once: a setting of the grid names its command")
    return chain


def step_of(commands: Mapping[str, Command], words: Sequence[str]) -> Step:
    """A command with its options as typed, without `fact`; no name yet."""
    name = next((found for n in (2, 1) if (found := " ".join(words[:n])) in commands), None)
    if name is None:
        typed = " ".join(words[:1])
        raise SettingsError(
            f"there is no command {typed!r} that makes an artifact{nearest(typed, commands)}", "for example: fact sweep sft --grid lr=1e-4,1e-3"
        )
    given = _parsed(commands[name], list(words[len(name.split()) :]))
    taken = [option for option in OWN if option in given and option != "set"]
    if taken:
        raise SettingsError(f"fact {name}: --{taken[0]} is the sweep's to say", "give it to fact sweep")
    pairs = (text.partition("=") for text in given.pop("set", ()))
    return Step(name, "", given, {setting: value for setting, _, value in pairs})


def _parsed(command: Command, words: list[str]) -> dict[str, Any]:
    """Options and arguments that were typed, by name; what the command's own parser says of others."""
    try:
        context = command.parse(words)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise SettingsError(f"fact {command.words}: {error.format_message()}", f"fact {command.words} --help") from None
    typed = {name: p for name, p in command.parameters.items() if getattr(context.get_parameter_source(p.name), "name", "") == "COMMANDLINE"}
    return {name: _plain(context.params[p.name]) for name, p in typed.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def on_dev(step: Step, commands: Mapping[str, Command], are_dev: bool) -> Step:
    """The evaluation with dev people asked. Raises SettingsError for one of others, or of questions that may be the test's."""
    if not step.command.startswith("eval ") or step.command == "eval list":
        raise SettingsError(f"fact {step.command} is no evaluation to choose by", "for example: --eval 'eval world --set ask=few_shot'")
    has_split = any("split" in model.model_fields for model in models_of(step.command))
    if not has_split:
        return _declared(step, are_dev)
    files = [Path(commands[step.command].config_file(one, Path())) for one in step.options.get("config", ())]
    assignments = [f"{name}={value}" for name, value in step.settings.items()]
    given = layered(models_of(step.command)[0], files, assignments, {}).get("split", DEV)
    if given != DEV:
        raise SettingsError(
            f"fact {step.command} would ask {given} people: what is chosen by their answers is not tested by them",
            "a sweep chooses on dev people; the winner is then tested once: leave split out",
        )
    return step.with_setting("split", DEV)


def _declared(step: Step, are_dev: bool) -> Step:
    if are_dev and "file" in step.options:
        return step
    raise SettingsError(
        f"fact {step.command} has no dev people: without a file it asks test questions, and of a file it cannot know",
        "give questions that are for choosing, and say so: --eval '... --file FILE' --set are_dev=true; or --eval 'eval world'",
    )


def tested(step: Step, model: str) -> Step:
    """The evaluation of the winner: as it was, but of test people where it knows them, and under no name."""
    return replace(step.with_option("model", model), settings={name: value for name, value in step.settings.items() if name != "split"})


def file_for(words: Sequence[str]) -> str | None:
    """The grid that ships for a command, by the name of its settings file; None where none does."""
    names = ["-".join(words[:n]) for n in (2, 1) if words]
    return next((name for name in names if (resolving.configs_directory() / "sweep" / f"{name}.yaml").is_file()), None)
