"""Recipes: an ordered list of commands with their settings, nothing more.

steps:
  - fact: synth bio                    a command that makes an artifact, as typed
    name: bio                          of what it makes; a later step that names it gets the version of this run
    with: {world: world, versions: 3}  its options without their dashes; an argument by its name; config may name a recipe
    set: {subjects: 60}                its settings, as --set has them
    seconds: 2                         what it takes as written, for "about 2 min to go"; may be left out

`each` makes several steps of one, every combination of its values, which `{name}` stands for:

  - {fact: sft, name: "sft-{lr}", with: {lr: "{lr}"}, each: {lr: [1.0e-4, 1.0e-3]}}

and a `*` in a list means the steps before it whose names fit: {fact: report, name: report, with: {evals: ["eval-*"]}}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from factcli.artifact.read import NAME
from factcli.config import read_yaml
from factcli.errors import SettingsError, nearest

FIELDS = ("fact", "name", "with", "set", "seconds", "each")
GAP = re.compile(r"\{(\w+)\}")


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
    faults += [f"step {number}: {fault}" for number, step in enumerate(steps, 1) for fault in _each_faults(step)]
    refuse(path.name, faults)
    steps = [one for step in steps for one in _expanded(step)]
    faults = [f"step {number}: {fault}" for number, step in enumerate(steps, 1) for fault in _faults_of(step)]
    names: list[Any] = [step.get("name") for step in steps if isinstance(step, dict)]
    faults += [f"two steps are called {name!r}" for name in dict.fromkeys(names) if name is not None and names.count(name) > 1]
    refuse(path.name, faults)
    return Recipe(path.name, path.parent, tuple(_step(step, names[:place]) for place, step in enumerate(steps)))


def _each_faults(step: Any) -> Iterator[str]:
    each = step.get("each", {}) if isinstance(step, dict) else {}
    if not isinstance(each, dict) or not all(isinstance(values, list) and values for values in each.values()):
        yield f"each is {each!r}, need `name: [value, value]`"
    elif isinstance(step, dict):
        gaps = set(GAP.findall(str(step.get("name"))))
        for name in each:
            if name not in gaps:
                yield f"each has {name}, which the step's name {step.get('name')!r} lacks: two steps would be called the same"


def _expanded(step: Any) -> Iterator[Any]:
    """The steps that a step with `each` stands for, the last of its names changing first; another as it is."""
    if not isinstance(step, dict) or not step.get("each"):
        yield step
        return
    rest = {name: value for name, value in step.items() if name != "each"}
    for values in product(*step["each"].values()):
        yield _filled(rest, dict(zip(step["each"], values, strict=True)))


def _filled(given: Any, values: Mapping[str, Any]) -> Any:
    """With every `{name}` of `values` filled in; a text that is nothing but one becomes the value itself."""
    if isinstance(given, dict):
        return {name: _filled(value, values) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(value, values) for value in given]
    if not isinstance(given, str):
        return given
    whole = GAP.fullmatch(given)
    if whole and whole[1] in values:
        return values[whole[1]]
    return GAP.sub(lambda gap: str(values.get(gap[1], gap[0])), given)


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


def _step(given: Mapping[str, Any], before: Sequence[str]) -> Step:
    settings = dict(_dotted(given.get("set", {}), ""))
    options = {name: _named(value, before) for name, value in given.get("with", {}).items()}
    return Step(" ".join(given["fact"].split()), given["name"], options, settings, given.get("seconds"))


def _named(value: Any, before: Sequence[str]) -> Any:
    """A list with the names of the earlier steps that a pattern fits in its place; one that fits none may mean files, and stays."""
    if not isinstance(value, list):
        return value
    fitting = [[name for name in before if isinstance(one, str) and "*" in one and fnmatchcase(name, one)] or [one] for one in value]
    return [name for names in fitting for name in names]


def _dotted(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
