"""Where truth comes from, for commands that hold scores against it: a file of labels, and the facts that questions were made from."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from factcli.artifact import Artifact
from factcli.artifact.lineage import ancestors
from factcli.artifact.manifest import sha256_of_file
from factcli.commands.ending import tell
from factcli.errors import InputError
from factcli.judge.truths import Truths, facts_of, labels_of_file, sources_of_facts
from factcli.progress import on_one_line
from factcli.rows import Reject


class KnownTruth(NamedTuple):
    """`inputs` and `pinned` belong in the plan: truth decides what comes out."""

    truths: Truths
    rejects: tuple[Reject, ...]
    inputs: Mapping[str, Artifact]
    pinned: Mapping[str, str]  # file of labels -> sha256


def truth_for(artifact: Artifact | None, labels: Path | None, root: Path, ids: AbstractSet[str] = frozenset()) -> KnownTruth:
    """What is known of the answers of an artifact; nothing is known of a file without labels.

    `ids`: of the answers and prompts that are scored. Raises InputError for labels that name none.
    """
    found = labels_of_file(labels) if labels is not None else None
    if found is not None and labels is not None:
        tell_rejects(labels, found.rejects)
        _require_named(found.by_id, ids, labels)
    made_from = _facts(artifact, root) if artifact is not None else {}
    facts = facts_of(made_from.values()) if made_from else None
    pinned = {f"labels {labels.name}": sha256_of_file(labels)} if labels is not None else {}
    return KnownTruth(Truths(found.by_id if found else {}, facts), found.rejects if found else (), made_from, pinned)


def _require_named(by_id: Mapping[str, float], ids: AbstractSet[str], labels: Path) -> None:
    others = [id for id in by_id if id not in ids]
    if len(others) == len(by_id):
        raise InputError(f"{labels} names none of the answers and prompts that are scored; it names {others[0]!r}", f"ids look like {min(ids, default='')!r}")
    if others:
        tell(f"note: {labels} names answers or prompts that are not scored here: {len(others)} of {len(by_id)}, e.g. {others[0]}")


def tell_rejects(file: Path | None, rejects: Sequence[Reject]) -> None:
    """Entries of a file that nothing is made of: said before anything is paid for; each is a row of `rejected` too."""
    if rejects:
        first = rejects[0]
        tell(on_one_line(f"note: {len(rejects)} of {file} left out, the first {first.id}: {first.reason} (table rejected)"))


def _facts(artifact: Artifact, root: Path) -> dict[str, Artifact]:
    try:
        return sources_of_facts(ancestors(artifact, root))
    except InputError as error:
        tell(f"note: {error.message}; its truth is not known then")
        return {}
