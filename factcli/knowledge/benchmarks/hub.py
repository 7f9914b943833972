"""Data sets on the hub: pinned to a commit before anything is made of them, and read from the snapshot of that commit.

Only the files that hold the items are fetched, and read as data by this project's own readers: no loading script runs, and
offline the commit that was cached is found again.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from factcli.errors import BackendError, InputError

CARD = "README.md"


def hub_commit(name: str, revision: str | None = None) -> str:
    """The commit of the data set that a branch or tag stands for now; without network the one that was cached.

    `revision` None: the newest. At most the card is fetched. Raises InputError where there is no such data set.
    """
    if revision and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    with asking_the_hub(name):
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=[CARD])).name


def hub_files(name: str, commit: str, patterns: Sequence[str]) -> list[Path]:
    """The files of a commit that match, fetched where they are not cached. Raises InputError where there is none."""
    with asking_the_hub(name):
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(name, repo_type="dataset", revision=commit, allow_patterns=list(patterns)))
    present = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in present if any(fnmatchcase(path.relative_to(folder).as_posix(), pattern) for pattern in patterns)]
    if not found:
        has = ", ".join(path.relative_to(folder).as_posix() for path in present) or "nothing"
        raise InputError(f"{name} has no file {' or '.join(patterns)} at commit {commit[:8]} (here is {has})", "name its files: --set hub_files=[...]")
    return found


@contextmanager
def asking_the_hub(name: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise BackendError(f"{name} is on the hub, which needs the train extra", 'pip install "factcli[train]"') from error
    except (OSError, ValueError) as error:  # no network, no such data set, or no such commit
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"the hub did not give {name}: {said}", "give its file: --file FILE (`fact eval list` tells the forms)") from error
