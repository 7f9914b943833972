"""`fact eval pairwise`: two sources of answers, a judge, documents where there are some; one stage called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.artifact import open_artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.basemodel import whole
from factcli.commands.generating import answering_for, cost_of
from factcli.commands.grounding import documents_for
from factcli.commands.making import Making, finish
from factcli.commands.scoring.origins import world_of
from factcli.commands.scoring.truth import tell_rejects
from factcli.errors import SettingsError
from factcli.knowledge.answer_files import answers_of_artifact, answers_of_file, named
from factcli.rows import Person
from factcli.stages.pairwise import matching, stage
from factcli.stages.pairwise.settings import PairwiseConfig

KINDS = ("eval", "samples")


def make_pairwise(making: Making, a: str, b: str, judge: str | None, documents: str | None, flags: Mapping[str, Any]) -> None:
    backend = flags.get("generation.backend")
    if judge is not None and backend is not None:
        raise SettingsError(f"--judge {judge} and --backend {backend} are both given", "here who answers is who judges: give one of them")
    config = making.settings(PairwiseConfig, "eval", {**flags, "generation.backend": judge or backend}, None)
    who = answering_for(making, config.generation)
    sides = side_of(a, making.root), side_of(b, making.root)
    shown = matching.Documents(*documents_for(documents, making.root))
    met = matching.met(*sides, shown, config)
    plan = stage.plan(config, *sides, shown, met, who, making.name)
    finish(
        making,
        plan,
        lambda _: cost_of(stage.imagined(config, met, who)),
        lambda draft, context: stage.work(plan, draft, *sides, met, who, context.report),
    )


def side_of(ref: str, root: Path) -> matching.Side:
    """An artifact, or a file of answers; the subjects of a world by their names."""
    path = Path(ref)
    if path.is_file():
        found = answers_of_file(path)
        tell_rejects(path, found.rejects)
        return matching.Side(path.stem, found, {}, {path.name: sha256_of_file(path)})
    artifact = whole(open_artifact(ref, root, KINDS))
    answers, world = answers_of_artifact(artifact), world_of(artifact, root)
    return matching.Side(artifact.name, named(answers, world.rows("people", Person)) if world else answers, {"answers": artifact})
