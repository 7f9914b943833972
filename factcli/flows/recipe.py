"""Recipes: an ordered list of commands with their settings, nothing more.

steps:
  - fact: synth bio                    a command that makes an artifact, as typed
    name: bio                          of what it makes; a later step that names it gets the version of this run
    with: {world: world, versions: 3}  its options without their dashes; an argument by its name; config may name a recipe
    set: {subjects: 60}                its settings, as --set has them
    seconds: 2                         what it takes as written, for "about 2 min to go"; may be left out
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from factcli.artifact.read import NAME
from factcli.config import read_yaml
from factcli.errors import SettingsError, nearest

FIELDS = ("fact", "name", "with", "set", "seconds")


@dataclass(frozen=True, slots=True)
class Step:
    """One command and the name of the artifact that it makes. `settings`: dotted names. `seconds` None: not measured."""

    command: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None

    def with_option(self, name: str, value: Any) -> "Step":
        return replace(self, options={**self.options, name: value})

    def with_setting(self, name: str, value: Any) -> "Step":
        return replace(self, settings={**self.settings, name: value})


@dataclass(frozen=True, slots=True)
class Recipe:
    """`folder`: where its file lies, from where settings files are looked for too."""

    title: str
    folder: Path
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """Raises SettingsError with the nearest name."""
        found = next((step for step in self.steps if step.name == name), None)
        if found is None:
            names = [step.name for step in self.steps]
            raise SettingsError(f"{self.title} has no step {name!r}{nearest(name, names)}", f"its steps: {', '.join(names)}")
        return found

    def replaced(self, *changed: Step) -> "Recipe":
        """The recipe with these steps in the place of those of the same name."""
        by_name = {step.name: step for step in changed}
        return replace(self, steps=tuple(by_name.get(step.name, step) for step in self.steps))


def read_recipe(path: Path) -> Recipe:
    """Raises SettingsError that tells every fault of the file's form at once."""
    given = read_yaml(path)
    steps = given.get("steps")
    if not isinstance(steps, list) or not steps:
        raise SettingsError(f"{path} has no steps", "a recipe is `steps:` and under it a list of commands: `- {fact: world, name: world}`")
    faults = [f"{name!r} is no part of a recipe{nearest(str(name), ['steps'])}" for name in given if name != "steps"]
    faults += [f"step {number}: {fault}" for number, step in enumerate(steps, 1) for fault in _faults_of(step)]
    names = [step.get("name") for step in steps if isinstance(step, dict)]
    faults += [f"two steps are called {name!r}" for name in dict.fromkeys(names) if name is not None and names.count(name) > 1]
    refuse(path.name, faults)
    return Recipe(path.name, path.parent, tuple(_step(step) for step in steps))


def refuse(title: str, faults: Sequence[str]) -> None:
    """Raises SettingsError that lists the faults; nothing where there is none."""
    if faults:
        told = f" {faults[0]}" if len(faults) == 1 else "".join(f"\n  {fault}" for fault in faults)
        raise SettingsError(f"{title} cannot be run, and nothing was started:{told}", "`fact COMMAND --help` has a command's options, --dry-run its settings")


def _faults_of(step: Any) -> Iterator[str]:
    if not isinstance(step, dict):
        yield f"is {step!r}, need `fact: COMMAND` and `name: NAME`"
        return
    for name in step:
        if name not in FIELDS:
            yield f"{name!r} is unknown{nearest(str(name), FIELDS)} (a step has {', '.join(FIELDS)})"
    if not isinstance(step.get("fact"), str):
        yield "has no command: fact: synth bio"
    if not isinstance(step.get("name"), str) or not NAME.fullmatch(step["name"]):
        yield f"name is {step.get('name')!r}: need a name for what it makes, of letters, digits and `_.-`"
    for group in ("with", "set"):
        if not isinstance(step.get(group, {}), dict):
            yield f"{group} is {step[group]!r}, need `name: value`"
    seconds = step.get("seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0):
        yield f"seconds is {seconds!r}, need a number"


def _step(given: Mapping[str, Any]) -> Step:
    settings = dict(_dotted(given.get("set", {}), ""))
    return Step(" ".join(given["fact"].split()), given["name"], dict(given.get("with", {})), settings, given.get("seconds"))


def _dotted(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
