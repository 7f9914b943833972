"""Where answers to score come from: one source, named or the newest, and the world that they are about."""

from pathlib import Path

from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.artifact.lineage import ancestors
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.errors import InputError, SettingsError


def refuse_two(ref: str | None, answers: Path | None) -> None:
    """Raises SettingsError where an artifact and a file are both given."""
    if ref is not None and answers is not None:
        raise SettingsError(f"{ref} and --answers {answers} are both given", "one source of answers at a time")


def to_score(ref: str | None, root: Path, kinds: tuple[str, ...], what: str, made_by: str) -> Artifact:
    """What is named, else the newest of these kinds. `what` is missing where there is none, and `made_by` makes it."""
    if ref is not None:
        return whole(open_artifact(ref, root, kinds))
    found = all_artifacts(root, kinds)
    if not found:
        raise InputError(f"there are no {what} in {root}/", f"make some first: {made_by}; or give --answers FILE")
    return whole(found[0])


def world_of(artifact: Artifact | None, root: Path) -> Artifact | None:
    """The world that a version comes from, whatever lies between; None where it comes from none, or from one that is gone or damaged, said aloud."""
    if artifact is None:
        return None
    try:
        found = next((one for one in (artifact, *ancestors(artifact, root)) if one.kind == "world"), None)
        return whole(found) if found is not None else None
    except InputError as error:
        tell(f"note: {error.message}; the world of {artifact.ref} is not known then")
        return None
