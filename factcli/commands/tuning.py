"""`fact sft`: which data, adapters and base a run stands on, and its settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.basemodel import BASE_ROLES, BaseModelRef, stands_on, whole
from factcli.commands.making import Making, finish
from factcli.config import layered
from factcli.errors import InputError, SettingsError, nearest


def make_sft(making: Making, knowledge: str | None, synth: str | None, model: str | None, known: str | None, flags: Mapping[str, Any]) -> None:
    from factcli.knowledge.mixing import sources_of
    from factcli.stages import sft as stage

    given = layered(stage.SftConfig, making.files, making.assignments, flags)
    method, mix = _method_of(given), given.get("mix") or {}
    if method == "prereq" and given.get("mode") == "full":
        raise SettingsError("mode full goes with the plain methods: knowledge adapters belong to a base that stays as it is", "for example: --method real")
    if known is not None and method != "oracle":
        raise SettingsError(f"--known is what method oracle filters by, and the method is {method}", "leave it out, or --method oracle")
    if mix and method != "prereq":
        _make_mixed(making, [name for name, given in (("--synth", synth), ("--knowledge", knowledge)) if given], model, {**flags, "method": method}, mix)
        return
    is_prereq = method == "prereq"
    adapters = resolving.pick(knowledge, making.root, "knowledge", "fact prereq") if is_prereq or (synth is None and knowledge) else None
    texts = resolving.data_of(adapters, synth, making.root)
    base = resolving.base_for(adapters or texts, model, making.root)
    config = sft_settings(making, {**flags, "method": method}, resolving.recipe_of(texts))
    sources = sources_of(config.mix, lambda name: _artifact(name, making.root))
    evaluation = _known(known, base, making.root) if method == "oracle" else None
    plan = stage.plan(config, texts, adapters if is_prereq else None, base, making.name, sources, evaluation)
    finish(making, plan, lambda context: stage.cost(plan, base, context, sources), lambda draft, context: stage.work(plan, draft, base, context, sources))


def _known(ref: str | None, base: BaseModelRef, root: Path) -> Artifact | None:
    """The evaluation named, or the newest of this untouched base on training people; None without one."""
    if ref is not None:
        return whole(open_artifact(ref, root, ("eval",)))
    own = (found for found in all_artifacts(root, ("eval",)) if "model" not in found.manifest.inputs and stands_on(found, base))
    found = next((one for one in own if one.manifest.config.get("split") == "train" and one.manifest.tables.get("answers")), None)
    return None if found is None else whole(found)


def _make_mixed(making: Making, odd: Sequence[str], model: str | None, flags: Mapping[str, Any], mix: Mapping[str, float]) -> None:
    """A plain method on data that the mix names and nothing else."""
    from factcli.knowledge.mixing import sources_of
    from factcli.stages import sft as stage

    if odd:
        raise SettingsError(f"--mix and {' and '.join(odd)} are given", "a plain method learns from what --mix names alone: --mix NAME=1")
    sources = sources_of(mix, lambda name: _artifact(name, making.root))
    data = [source.artifact for source in sources if source.artifact is not None]
    base = _base_of(data, model, making.root)
    config = sft_settings(making, flags, next((recipe for artifact in data if (recipe := resolving.recipe_of(artifact))), None))
    plan = stage.plan(config, None, None, base, making.name, sources)
    finish(making, plan, lambda context: stage.cost(plan, base, context, sources), lambda draft, context: stage.work(plan, draft, base, context, sources))


def _artifact(name: str, root: Path) -> Artifact | None:
    """The data set that a name of the mix stands for; None for a file. Raises InputError for what is neither."""
    if resolving.is_artifact(name, root):
        return whole(open_artifact(name, root))
    if not Path(name).is_file():
        raise InputError(f"mix: {name} is neither an artifact in {root}/ nor a file{nearest(name, resolving.names_in(root))}", "`fact ls` lists artifacts")
    return None


def _base_of(data: Sequence[Artifact], model: str | None, root: Path) -> BaseModelRef:
    """The base that is named, or the one under all data that have one."""
    if model is not None:
        return resolving.resolve_base(model, root)
    found: dict[tuple[Any, ...], BaseModelRef] = {}
    for artifact in data:
        if set(artifact.manifest.inputs) & set(BASE_ROLES) or artifact.summary.get("base"):
            base = resolving.base_for(artifact, None, root)
            found.setdefault((base.location,), base)
    if len(found) != 1:
        why = "stand on several base models" if found else "name no base model"
        raise InputError(f"the data of the mix {why}", "say which is trained: --model NAME_OR_DIRECTORY")
    return next(iter(found.values()))


def _method_of(given: Mapping[str, Any]) -> str:
    """The method as the layers of settings say: which inputs are needed and which recipe applies depend on it."""
    from factcli.stages.sft import METHODS

    method = given.get("method") or "prereq"
    if method not in METHODS:
        raise SettingsError(f"there is no method {method!r}{nearest(str(method), METHODS)}", f"methods: {', '.join(METHODS)}")
    return str(method)


def mix_of(given: Sequence[str]) -> dict[str, float] | None:
    """`--mix NAME=FRACTION` options as the setting; a name alone is taken once. Raises SettingsError for what is neither."""
    mix: dict[str, float] = {}
    for text in given:
        name, equals, share = text.rpartition("=")
        name, share = (name, share) if equals else (text, "1")
        try:
            fraction = float(share)
        except ValueError:
            raise SettingsError(f"--mix {text!r} is not NAME=FRACTION", "for example: --mix bio=1 --mix rows.jsonl=0.25") from None
        if not name or name in mix:
            raise SettingsError(f"--mix {text!r} {'names a data set twice' if name else 'names no data set'}", "one fraction for each: --mix bio:train=0.5")
        mix[name] = fraction
    return mix or None


def sft_settings(making: Making, flags: Mapping[str, Any], recipe: str | None) -> Any:
    from factcli.stages.sft import SftConfig

    return making.settings(SftConfig, "sft", flags, *resolving.sft_recipes(recipe, flags.get("method")))
