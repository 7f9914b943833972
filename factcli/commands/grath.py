"""The command that iterates GRATH: who starts, who asks, with which settings; one flow called."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, all_artifacts
from factcli.artifact.lineage import ancestors
from factcli.basemodel import BaseModelRef, whole
from factcli.chattemplates import trained_in
from factcli.commands.ending import tell
from factcli.commands.making import Making, announce, lines_of, working
from factcli.errors import InputError
from factcli.flows.grath.plan import describe_loop
from factcli.flows.grath.run import check, run_loop
from factcli.flows.grath.settings import GrathConfig
from factcli.flows.grath.steps import Given

COMMAND = "grath-iterate"


def make_grath(making: Making, questions: Path | None, world: str | None, model: str | None, newest: bool, flags: Mapping[str, Any]) -> None:
    base, start = _start(model, newest, making.root)
    asking = questions or _world_of(world, start, base.inputs.get("world"), making.root)
    published = ("grath", "grath-fixed" if flags.get("reference") == "fixed" else None)
    config = making.settings(GrathConfig, COMMAND, flags, *(("world",) if isinstance(asking, Artifact) else published))
    template = config.chat_template or (trained_in(start.manifest.config) if start else "")
    method = config.method or ("grath-fixed" if config.reference == "fixed" else "grath")
    config = config.model_copy(update={"chat_template": template, "method": method})
    given = Given(making.name or method, base, start, asking)
    tell(f"start: {start.ref + ' on ' if start else ''}{base.given}; questions: {asking.ref if isinstance(asking, Artifact) else asking}")
    check(given, config)
    with working(making.root) as context:
        if making.dry_run:
            described = describe_loop(given, config, context)
            print(json.dumps(described, indent=1) if making.json else "\n".join(lines_of(described)))
            return
        artifact, is_reused = run_loop(given, config, context, making.force)
    announce(artifact, is_reused, making.json)


def _start(model: str | None, newest: bool, root: Path) -> tuple[BaseModelRef, Artifact | None]:
    """The base and the skill adapter on it that the loop starts with. What loops made themselves is no start unless it is named."""
    if model is None:
        start = _only_skill(root, newest)
        return resolving.base_for(start, None, root), start
    return resolving.base_and_adapter(model, root)


def _only_skill(root: Path, newest: bool) -> Artifact:
    """Of fine-tuned models (`fact sft`): so the same command, typed again while a loop is half done, means the same start."""
    skills = [skill for skill in all_artifacts(root, ("skill",)) if skill.manifest.stage == "sft"]
    if not skills:
        raise InputError(f"there is no fine-tuned model in {root}/ to start from", "train one with `fact sft`, or name one: --model REF")
    names = sorted({skill.name for skill in skills})
    if len(names) > 1 and not newest:
        raise InputError(f"several models qualify: {', '.join(names)}", "choose one with --model NAME, or take the newest with --newest")
    return whole(skills[0])


def _world_of(ref: str | None, start: Artifact | None, base_world: Artifact | None, root: Path) -> Artifact:
    """The world named, or the one that the model comes from."""
    if ref is not None:
        return resolving.pick(ref, root, "world", "fact world")
    found = base_world or next((a for a in (ancestors(start, root) if start else ()) if a.kind == "world"), None)
    if found is None:
        way_out = "--questions FILE: ARC's JSONL, TruthfulQA's JSON or CSV, or JSONL with `question`"
        raise InputError("no questions are given, and the model does not come from a world that could ask some", way_out)
    return whole(found)
