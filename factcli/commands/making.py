"""Commands that make data and adapters: resolve settings and inputs, call one stage, print what came out."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.artifact.dryrun import describe
from factcli.commands.ending import tell
from factcli.config import Config, resolve
from factcli.context import Context
from factcli.cost import Cost, told
from factcli.errors import SettingsError
from factcli.progress import report_for
from factcli.train.launch import Trainer

C = TypeVar("C", bound=Config)
_SHARED: ContextVar[Trainer | None] = ContextVar("shared trainer", default=None)


@dataclass(frozen=True, slots=True)
class Making:
    """The options that every command that makes an artifact has."""

    files: tuple[Path, ...]
    assignments: tuple[str, ...]
    name: str | None
    root: Path
    force: bool
    dry_run: bool
    json: bool

    def settings(self, model: type[C], command: str, flags: Mapping[str, Any], *recipes: str | None) -> C:
        """Settings in layers; without -c, the recipes that the inputs hand down come first, the later over the earlier."""
        files = self.files or tuple(resolving.recipe_file(command, recipe) for recipe in recipes if recipe)
        if files and not self.files:
            tell(f"settings: {', '.join(f'configs/{command}/{path.name}' for path in files)} (the recipe of this data; -c FILE replaces it)")
        return resolve(model, files, [*other_length(flags), *self.assignments], flags)


def other_length(flags: Mapping[str, Any]) -> list[str]:
    """What a command with --steps and --epochs unsets of the settings below: the one of the two that is not given."""
    given = [name for name in ("steps", "epochs") if flags.get(name) is not None]
    both = "steps" in flags and "epochs" in flags
    return [f"{'epochs' if given == ['steps'] else 'steps'}=null"] if both and len(given) == 1 else []


@contextmanager
def working(root: Path) -> Iterator[Context]:
    """A context with a progress report that fits stderr and a trainer; both end with it, but for a trainer that commands share."""
    shared = _SHARED.get()
    own = nullcontext(shared) if shared else Trainer(root / resolving.WORKER_LOG)
    with own as trainer, closing(report_for(sys.stderr.isatty())) as report:
        yield Context(root, report, trainer)


@contextmanager
def sharing_trainer(root: Path) -> Iterator[None]:
    """The commands called within it train in one process, one after the other: its start costs seconds of imports."""
    if _SHARED.get() is not None:  # a sweep in a recipe
        yield
        return
    with Trainer(root / resolving.WORKER_LOG) as trainer:
        before = _SHARED.set(trainer)
        try:
            yield
        finally:
            _SHARED.reset(before)


def finish(making: Making, plan: Plan, cost: Callable[[Context], Cost], work: Callable[[Draft, Context], Outcome]) -> Artifact | None:
    """Make what the plan says (or only say what it would be and cost) and print the path. None after a dry run."""
    with working(making.root) as context:
        if making.dry_run:
            described = {**describe(plan, making.root), "cost": told(cost(context))}
            print(json.dumps(described, indent=1) if making.json else "\n".join(lines_of(described)))
            return None
        for role, parent in plan.inputs.items() if _SHARED.get() is None else ():  # a recipe says what its steps take
            tell(f"{role}: {parent.ref} ({parent.manifest.headline})")
        artifact, is_reused = make(plan, lambda draft: work(draft, context), making.root, making.force)
    announce(artifact, is_reused, making.json)
    return artifact


def announce(artifact: Artifact, is_reused: bool, as_json: bool) -> None:
    again = "" if _SHARED.get() else " with the same settings and inputs; --force makes it again"
    tell(f"{artifact.ref}: {artifact.manifest.headline}{f' (made before{again})' if is_reused else ''}")
    if as_json:
        print(
            json.dumps(
                {
                    "ref": artifact.ref,
                    "path": str(artifact.path),
                    "reused": is_reused,
                    "summary": dict(artifact.summary),
                    "usage": dict(artifact.manifest.usage),
                }
            )
        )
    else:
        print(artifact.path)


def lines_of(described: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A nested mapping as indented `name: value` lines."""
    for name, value in described.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:"
            yield from lines_of(value, indent + "  ")
        else:
            yield f"{indent}{name}: {value}"


def make_world(making: Making, size: str | None, seed: int | None) -> None:
    from factcli.stages import world as stage

    config = world_settings(making, size or "tiny", seed)
    plan = stage.plan(config, making.name)
    finish(making, plan, lambda context: stage.cost(plan, context), lambda draft, context: stage.work(plan, draft, context))


def world_settings(making: Making, size: str, seed: int | None) -> Any:
    from factcli.stages.world import WorldConfig

    recipes = resolving.world_recipes(size)  # later commands look for recipes of the size, whatever is laid over it
    flags = {"spec.seed": seed, "pretrain.seed": seed, "recipe": recipes[0].stem}
    return resolve(WorldConfig, [*recipes, *making.files], making.assignments, flags)


def make_synth(
    making: Making, task: str, world: str | None, flags: Mapping[str, Any], facts: Path | None, model: str | None, templates: Sequence[Path] = ()
) -> None:
    if facts is not None:
        _synth_from_facts(making, facts, templates, world, flags, model)
        return
    if model is not None:
        raise SettingsError("--model goes with --facts: a world has its own base model")
    from factcli.stages.synth import from_world
    from factcli.stages.synth.settings import CONFIGS

    if world is None and making.dry_run and resolving.newest(making.root, "world") is None:
        tell("there is no world yet: the tiny one would be built first, and the key of this data follows from it; of that one:")
        make_world(replace(making, files=(), assignments=(), name=None), "tiny", None)
        return
    source = _world_for_synth(making, world)
    config = making.settings(CONFIGS[task], "synth", flags, f"{task}-{resolving.recipe_of(source)}")
    plan = from_world.plan(task, config, source, making.name)
    finish(making, plan, lambda _: from_world.cost(plan), lambda draft, context: from_world.work(plan, draft, context.report))


def make_forms(making: Making, world: str | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages.synth import forms as stage

    source = resolving.pick(world, making.root, "world", "fact world")
    plan = stage.plan(making.settings(stage.FormsConfig, "synth", flags, None), source, making.name)
    finish(making, plan, lambda _: stage.cost(plan), lambda draft, context: stage.work(plan, draft, context.report))


def _world_for_synth(making: Making, ref: str | None) -> Artifact:
    """The world named, or the newest; with none at all the tiny one is built first."""
    if ref is not None or resolving.newest(making.root, "world") is not None:
        return resolving.pick(ref, making.root, "world", "fact world")
    from factcli.stages import world as stage

    tell(f"there is no world in {making.root}/ yet: building the tiny one first (about {stage.TINY_MINUTES} minutes on 2 cores)")
    plan = stage.plan(world_settings(Making((), (), None, making.root, False, False, False), "tiny", None), None)
    with working(making.root) as context:
        world, _ = make(plan, lambda draft: stage.work(plan, draft, context), making.root)
    tell(f"{world.ref}: {world.manifest.headline}")
    return world


def _synth_from_facts(making: Making, facts: Path, extra: Sequence[Path], world: str | None, flags: Mapping[str, Any], model: str | None) -> None:
    from factcli.stages.synth import from_facts

    if world is not None:
        raise SettingsError("--facts and --world are both given", "give real triples or a world")
    base = resolving.resolve_base(model, making.root) if model else None
    config = making.settings(from_facts.FactsConfig, "synth", flags, None)
    templates = [resolving.configs_directory() / "relations" / "popqa.yaml", *extra]
    plan = from_facts.plan(config, facts, templates, base, making.name)
    finish(
        making,
        plan,
        lambda _: from_facts.cost(plan, facts, templates),
        lambda draft, context: from_facts.work(plan, draft, facts, templates, base, context.report),
    )


def make_prereq(making: Making, synth: str | None, model: str | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages import prereq as stage

    texts = resolving.pick(synth, making.root, "synth", "fact synth bio")
    base = resolving.base_for(texts, model, making.root)
    config = making.settings(stage.PrereqConfig, "prereq", flags, resolving.recipe_of(texts))
    plan = stage.plan(config, texts, base, making.name)
    finish(making, plan, lambda context: stage.cost(plan, base, context), lambda draft, context: stage.work(plan, draft, base, context))
