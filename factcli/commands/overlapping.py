"""`fact eval overlap`: answers, references, one stage called."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from factcli.commands.grounding import documents_for
from factcli.commands.making import Making, finish
from factcli.commands.pairwise import side_of
from factcli.errors import InputError
from factcli.stages.eval import overlapping as stage


def make_overlap(making: Making, answers: str, references: str | None, flags: Mapping[str, Any]) -> None:
    config = making.settings(stage.OverlapConfig, "eval", flags, None)
    side = side_of(answers, making.root)
    if references is None and not Path(answers).is_file():
        raise InputError(f"{answers} brings no references", "--references FILE (JSONL of id or question, and reference), or questions of `fact synth wiki`")
    found = documents_for(references or answers, making.root, "reference")  # a file of answers may hold the references itself
    compared = stage.with_references(config, side.name, side.answers, found.texts)
    compared = replace(compared, inputs={**side.inputs, **found.inputs}, pinned={**side.pinned, **found.pinned})
    plan = stage.plan(config, compared, making.name)
    finish(making, plan, lambda _: stage.cost(compared), lambda draft, context: stage.work(draft, compared, context.report))
