"""`fact score pairs`: scores or pairs resolved, one stage called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.basemodel import whole
from factcli.commands.making import Making, finish
from factcli.commands.scoring.truth import tell_rejects
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.judge.pairlint import EvalItem, LintConfig
from factcli.judge.pairlint.items import items_of_artifact, items_of_file
from factcli.knowledge.pair_files import read_pairs
from factcli.stages.score import pairlint, pairs


def make_score_pairs(making: Making, ref: str | None, against: str | None, flags: Mapping[str, Any]) -> None:
    config = making.settings(pairs.PairsConfig, "score", flags, None)
    scores = resolving.pick(ref, making.root, "scores", "fact score factscore")
    items, inputs, pinned = _against(making, against)
    source = pairs.Source(scores, items, inputs, pinned)
    plan = pairs.plan(config, source, making.name)
    finish(making, plan, lambda _: Cost(), lambda draft, _: pairs.work(plan, draft, source))


def make_check(making: Making, checked: str, against: str | None, others: Mapping[str, Any]) -> None:
    """Pairs of a file or an artifact, as they are."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        raise SettingsError(
            f"--check makes no pairs, and {', '.join(given)} given", "leave them out; limits of the linter are settings: --set near_duplicate=0.8"
        )
    config = making.settings(LintConfig, "score", {}, None)
    items, inputs, pinned = _against(making, against)
    if Path(checked).is_file():
        found = read_pairs(Path(checked))
        tell_rejects(Path(checked), found.rejects)
        pinned = {**pinned, f"pairs {Path(checked).name}": sha256_of_file(Path(checked))}
        source = pairlint.Source(found.pairs, found.rejects, {}, items, inputs, pinned)
    else:
        source = _of_artifact(making, checked, items, inputs, pinned)
    plan = pairlint.plan(config, source, making.name)
    finish(making, plan, lambda _: Cost(), lambda draft, _: pairlint.work(plan, draft, source))


def _of_artifact(making: Making, ref: str, items: tuple[EvalItem, ...], inputs: Mapping[str, Artifact], pinned: Mapping[str, str]) -> pairlint.Source:
    from factcli.answerrows import Pair

    artifact = whole(open_artifact(ref, making.root, ("pairs",)))
    members = pairlint.members_of(resolving.parent_of(artifact, "scores", making.root))
    return pairlint.Source(tuple(artifact.rows("pairs", Pair)), (), members, items, {"pairs": artifact, **inputs}, pinned)


def _against(making: Making, given: str | None) -> tuple[tuple[EvalItem, ...], dict[str, Artifact], dict[str, str]]:
    """What pairs must not hold: the items, and where they come from."""
    if given is None:
        return (), {}, {}
    path = Path(given)
    if path.is_file():
        return items_of_file(path), {}, {f"against {path.name}": sha256_of_file(path)}
    artifact = whole(open_artifact(given, making.root))
    return items_of_artifact(artifact), {"against": artifact}, {}
