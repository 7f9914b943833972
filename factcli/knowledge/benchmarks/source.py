"""Where a benchmark's items come from: a file of the user's, an artifact's own, or the hub at a commit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.errors import InputError
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found, HasId, HubSet
from factcli.knowledge.benchmarks.hub import hub_commit, hub_files

T = TypeVar("T", bound=HasId)


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """Given `file`, that; else the `artifact`'s own; else the hub, at a `commit` once it is `pinned`."""

    benchmark: Benchmark[T]
    file: Path | None = None
    artifact: Artifact | None = None
    commit: str = ""
    hub: HubSet | None = None  # instead of the benchmark's own

    @property
    def is_hub(self) -> bool:
        return self.file is None and self.artifact is None

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return {"questions": self.artifact} if self.artifact and not self.file else {}

    def digests(self) -> Mapping[str, str]:
        """sha256 of a user's file, for the key; an artifact has its digest, a data set its commit."""
        if self.file is None:
            return {}
        if not self.file.is_file():
            raise InputError(f"there is no file {self.file}", f"give {self.benchmark.file_format}")
        return {self.file.name: sha256_of_file(self.file)}

    def pinned(self, name: str = "", revision: str | None = None, files: tuple[str, ...] = ()) -> "Source[T]":
        """The same, where it is the hub at the commit that `revision` (None: the newest) stands for now.

        `name`, `files`: another data set than the benchmark's, and its files.
        """
        if not self.is_hub:
            return self
        if not (name or self.benchmark.hub):
            raise InputError(f"{self.benchmark.name} is on no hub", f"give its file: --file FILE ({self.benchmark.file_format})")
        usual = self.benchmark.hub or HubSet(name, files)
        hub = HubSet(name or usual.name, files or usual.files, usual.train_files)
        return replace(self, hub=hub, commit=hub_commit(hub.name, revision))

    def read(self) -> Found[T]:
        """All items. The first time, those of the hub are fetched. Raises InputError where they cannot be read."""
        if self.file is not None:
            return self.benchmark.read_file(self.file)
        if self.artifact is not None:
            assert self.benchmark.own is not None, "whoever gives an artifact has asked whether it holds items"
            return self.benchmark.own.read(self.artifact)
        assert self.hub is not None, "plan() pins it"
        return self._of_hub(self.hub.files)

    def read_train(self) -> Found[T]:
        """The training items on the hub, from which examples are drawn; none where there are none."""
        if self.hub is None or not self.hub.train_files:
            return Found((), ())
        return self._of_hub(self.hub.train_files)

    def _of_hub(self, patterns: tuple[str, ...]) -> Found[T]:
        assert self.hub is not None
        paths = hub_files(self.hub.name, self.commit, patterns)
        return self.benchmark.of_entries(chain.from_iterable(self.benchmark.entries(path) for path in paths))
