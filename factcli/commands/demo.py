"""`fact demo`: the recipe of that name, with a word before and after it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.commands.ending import tell
from factcli.commands.running import FOLDER, chosen_recipe, perform_all, show_steps
from factcli.commands.typed import Command, commands_of
from factcli.errors import SettingsError
from factcli.flows.recipe import Recipe, read_recipe
from factcli.flows.telling import closing_words, opening_words

MOST_VERSIONS = 10  # no two versions share a value, and a graduation can be 11 years after a birth


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person says of a demo. `is_full`: with the methods that learn from preferences."""

    size: str
    versions: int
    seed: int
    is_full: bool


def make_demo(program: Any, root: Path, chosen: Chosen, as_json: bool) -> int:
    """The exit code of the step that failed, or 0; ends in a table and the path of the page."""
    commands = commands_of(program)
    recipe = demo_recipe(chosen, commands)
    started = time.monotonic()
    tell(opening_words(chosen.versions))
    run = perform_all(recipe, commands, root)
    if run.code:
        return run.code
    page = run.made["report"]
    seconds = time.monotonic() - started
    tell(closing_words(page, root, seconds))
    told = {"report": str(page.path / "report.html"), "seconds": round(seconds, 1)}
    print(json.dumps(told) if as_json else told["report"])
    return 0


def describe_demo(program: Any, chosen: Chosen, as_json: bool) -> None:
    commands = commands_of(program)
    show_steps(demo_recipe(chosen, commands), commands, as_json)


def demo_recipe(chosen: Chosen, commands: Mapping[str, Command]) -> Recipe:
    """The steps, checked before the first of them takes minutes. Raises SettingsError."""
    if not 1 <= chosen.versions <= MOST_VERSIONS:
        raise SettingsError(f"--versions is {chosen.versions}, need 1 to {MOST_VERSIONS}", "three or five show the method best")
    if chosen.seed < 0:
        raise SettingsError(f"--seed is {chosen.seed}, need 0 or more", "any whole number makes another world")
    for command, recipe in (("world", chosen.size), ("synth", f"bio-{chosen.size}"), ("prereq", chosen.size), ("sft", chosen.size)):
        resolving.recipe_file(command, recipe)
    written = read_recipe(resolving.recipe_file(FOLDER, "demo-full" if chosen.is_full else "demo"))
    return chosen_recipe(_fitted(written, chosen), commands, (), chosen.seed)


def _fitted(written: Recipe, chosen: Chosen) -> Recipe:
    """The recipe for this size and these versions. Its times are of the size as written; the knowledge stage has adapters for each version."""
    texts, knowledge = written.step("bio"), written.step("knowledge")
    share = chosen.versions / texts.options["versions"]
    changed = written.replaced(
        written.step("world").with_option("size", chosen.size),
        texts.with_option("versions", chosen.versions),
        replace(knowledge, seconds=knowledge.seconds * share if knowledge.seconds else None),
    )
    is_measured = chosen.size == written.step("world").options["size"]
    return changed if is_measured else changed.replaced(*(replace(step, seconds=None) for step in changed.steps))
