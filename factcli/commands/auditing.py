"""`fact audit`: which data, which model; one stage, and the data that it keeps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, make, open_artifact
from factcli.backends.opening import Answering
from factcli.basemodel import BASE_ROLES, whole
from factcli.commands.ending import tell
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.making import Making, finish, working
from factcli.context import Context
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.stages.audit import keeping, rows, stage
from factcli.stages.audit.rows import Source
from factcli.stages.audit.settings import UNAUDITED, AuditConfig
from factcli.stages.audit.telling import way_to_audit


def make_audit(making: Making, data: str, model: str | None, keep: str | None, flags: Mapping[str, Any]) -> None:
    backend = flags.get("generation.backend")
    if model is not None and backend is not None:
        raise SettingsError("--model and --backend are given", "--model runs one in this process; --backend asks a server")
    artifact = whole(open_artifact(data, making.root)) if resolving.is_artifact(data, making.root) else None
    given = {**flags, "keep": keep, "generation.backend": backend or (f"local:{model}" if model else None)}
    config = making.settings(AuditConfig, "audit", given, "world" if artifact is not None and _is_of_a_world(artifact) else None)
    source = rows.of_artifact(config, artifact) if artifact is not None else _of_file(making, config, Path(data))
    if not config.generation.backend:
        own = _own_base(making, source)
        tell(f"model: {own}, the base under {source.name}")
        config = config.model_copy(update={"generation": config.generation.model_copy(update={"backend": f"local:{own}"})})
    who = answering_for(making, config.generation)
    _make(making, config, source, who, keep is not None)


def _make(making: Making, config: AuditConfig, source: Source, who: Answering, is_kept: bool) -> None:
    plan = stage.plan(config, source, who, None if is_kept else making.name)

    def work(draft: Draft, context: Context) -> Outcome:
        return stage.work(plan, draft, source, who, context.report)

    if is_kept and not making.dry_run:  # stdout has one line: the path of the data
        with working(making.root) as context:
            audit, _ = make(plan, lambda draft: work(draft, context), making.root, making.force)
        tell(f"{audit.ref}: {audit.manifest.headline}")
    else:
        made = finish(making, plan, lambda _: cost_of(stage.imagined(config, source, who)), work)
        if made is None:
            return
        audit = made
    for sentence in audit.summary["prognosis"]:
        tell(sentence)
    if n_long := audit.manifest.tables[UNAUDITED]:
        file = str(audit.file(f"{UNAUDITED}.jsonl"))
        tell(way_to_audit(n_long, file, config.generation.backend or "", source.artifact is not None and _is_of_a_world(source.artifact)))
    if is_kept:
        kept = keeping.plan(config.keep, audit, source, _grounds(making, source), making.name)
        finish(making, kept, lambda _: Cost(), lambda draft, _: keeping.work(draft, audit, source))


def _is_of_a_world(artifact: Artifact) -> bool:
    return "world" in artifact.manifest.inputs


def _of_file(making: Making, config: AuditConfig, path: Path) -> Source:
    if not path.is_file():
        raise InputError(f"{path} is neither an artifact in {making.root}/ nor a file", "fact audit DATA: of `fact synth`, or JSONL of question and answer")
    source = rows.of_file(config, path)
    if source.rejects:
        tell(f"{len(source.rejects)} entries of {path} are no examples (table `rejected`)")
    return source


def _own_base(making: Making, source: Source) -> str:
    """The base that the data were made for."""
    for role, ground in _grounds(making, source).items():
        if role in BASE_ROLES:
            return ground.ref
    raise SettingsError(f"no model is given, and {source.name} was made for none", "--model ARTIFACT, DIRECTORY or hub name; or --backend http:MODEL@URL")


def _grounds(making: Making, source: Source) -> dict[str, Artifact]:
    """World or base under the data, by role."""
    if source.artifact is None:
        return {}
    found = {role: resolving.parent_of(source.artifact, role, making.root) for role in BASE_ROLES}
    return {role: ground for role, ground in found.items() if ground is not None}
