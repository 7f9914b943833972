"""`fact pack build`: pages of any source become a knowledge pack."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.manifest import sha256_of_file
from factcli.config import Config, setting
from factcli.cost import Cost
from factcli.errors import InputError, SettingsError
from factcli.extras import require_search
from factcli.knowledge.embedders import model_digest
from factcli.knowledge.entries import LONGEST_TOLD
from factcli.knowledge.pack import building, dense, sources, tokenizer, worlds
from factcli.knowledge.pack.records import Record, Rejected
from factcli.knowledge.pack.store import FILE, Reader
from factcli.knowledge.pack.words import BY_RULE
from factcli.progress import Report
from factcli.rows import Reject

REVISION = 1
KIND = "pack"
TABLES: dict[str, type] = {"rejected": Reject}
REJECTS_PER_UNIT = 1000
BYTES_PER_SECOND = 3_000_000  # 35 MB of made-up pages took 10 s of one core (python -m tests.bench.retrieval build --passages 30000)
PAGES_PER_LINE = 1000  # of progress


class PackConfig(Config):
    """Settings of a knowledge pack."""

    passage_tokens: int = setting(256, "Tokens of a passage at most; knowledge/pack/words.py says what one is, unless a tokenizer is given.", ge=16, le=8192)
    shard_passages: int = setting(0, "Passages of one part of the index, 0 for one part; smaller parts need less memory to build, and score the same.", ge=0)
    k1: float = setting(1.5, "BM25: how much a word that is repeated in a passage goes on counting.", gt=0, le=10)
    b: float = setting(0.75, "BM25: how much longer passages are held down, 0 to 1.", ge=0, le=1)
    # 0.9 on 7,771 titles of Wikipedia: 30% of those with a letter left out are found, 2 titles would be given another's page if
    # their own were missing; 0.85 finds 32% and has 6 of these, 0.95 finds 11% and has none (python -m tests.bench.retrieval quality).
    min_similarity: float = setting(0.9, "How alike a title that is spelled otherwise must be, 0.5 to 1; 1 finds no such title.", ge=0.5, le=1)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a pack is made of. `tokenizer`: measures passages; `embedder`: makes the dense index."""

    files: tuple[Path, ...] = ()
    world: Artifact | None = None
    tokenizer: Path | None = None
    embedder: Path | None = None

    def records(self) -> Iterator[Record]:
        for file in self.files:
            yield from sources.records(file)
        if self.world is not None:
            yield from worlds.records(self.world)


def plan(config: PackConfig, given: Sources, name: str | None) -> Plan:
    """The files' sha256 stand in the key where prompts do, in the order given: of a title that comes twice the first page wins."""
    if not given.files and given.world is None:
        raise SettingsError("nothing to build a pack from is given", f"--from FILE: {sources.FORMS}; or --world REF")
    require_search()
    pinned = {f"source {number} {file.name}": _digest(file) for number, file in enumerate(given.files)}
    models: dict[str, object] = {}
    if given.tokenizer is not None:
        models["tokenizer"] = tokenizer.digest_of(given.tokenizer)
    if given.embedder is not None:
        models["embedder"] = model_digest(given.embedder)
    inputs = {"world": given.world} if given.world is not None else {}
    return Plan("pack build", REVISION, KIND, name or "pack", config, inputs, TABLES, pinned, models)


def cost(given: Sources) -> Cost:
    """Nothing is asked and nothing trained. How long it takes is known for plain JSONL; markup and embeddings take many times that."""
    with ExitStack() as stack:
        heads = [stack.enter_context(file.open("rb")).read(1) for file in given.files]
    if given.embedder or any(head != b"{" for head in heads):
        return Cost(time="not known: it depends on the markup, the packing and the embedding model")
    n_bytes = sum(file.stat().st_size for file in given.files)
    return Cost(seconds=n_bytes // BYTES_PER_SECOND, time=f"estimated: at {BYTES_PER_SECOND / 1e6:.0f} MB of JSONL a second")


def work(plan: Plan, draft: Draft, given: Sources, report: Report) -> Outcome:
    """A build that was interrupted begins anew: it is a stream, and its files are of no use before they are whole."""
    assert isinstance(plan.config, PackConfig)
    folder, scratch = _emptied(draft.folder("")), _emptied(draft.scratch())
    tokens = tokenizer.measure_of(given.tokenizer) if given.tokenizer else BY_RULE
    settings = building.Settings(**plan.config.model_dump())
    builder, rejects = building.Builder(folder, scratch, settings, tokens), _Rejects(draft)
    report.begin("Reading pages")
    for tally in builder.read(given.records(), rejects.add):
        if tally.pages % PAGES_PER_LINE == 0:
            report.update(tally.pages, note=f"{tally.passages} passages")
    rejects.flush()
    if not builder.tally.pages:
        raise InputError(f"no page can be used: {rejects.told()}", f"give {sources.FORMS}")
    report.end(f"{builder.tally.pages} pages")
    report.begin("Indexing passages")
    tally = builder.finish()
    report.end(f"{tally.passages} passages")
    if given.embedder:
        _embed(folder, given.embedder, tally.passages, report)
    return _outcome(tally, rejects, given)


class _Rejects:
    """Rejected entries on their way into the draft, so many at a time; an earlier try may have written the first of them."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._waiting: list[Reject] = []
        self._n_units = 0
        self.reasons: dict[str, int] = {}
        self._first: Rejected | None = None

    def add(self, rejected: Rejected) -> None:
        self._first = self._first or rejected
        self.reasons[rejected.reason] = self.reasons.get(rejected.reason, 0) + 1
        self._waiting.append(Reject(rejected.place, "reading", rejected.reason, rejected.text[:LONGEST_TOLD]))
        if len(self._waiting) == REJECTS_PER_UNIT:
            self.flush()

    def flush(self) -> None:
        unit = f"rejected {self._n_units}"
        if not self._draft.done(unit):
            self._draft.write(unit, self._n_units, {"rejected": self._waiting})
        self._waiting, self._n_units = [], self._n_units + 1

    def told(self) -> str:
        return f"{self._first.place}: {self._first.reason}" if self._first else "there is none"


def _outcome(tally: building.Tally, rejects: _Rejects, given: Sources) -> Outcome:
    n_rejected = sum(rejects.reasons.values())
    headline = f"{tally.pages} pages, {tally.passages} passages, {tally.redirects} redirects"
    if n_rejected:
        headline += f"; {n_rejected} entries rejected"
    summary = {"pages": tally.pages, "passages": tally.passages, "redirects": tally.redirects, "shards": tally.shards, "dense": given.embedder is not None}
    counts = {"ambiguous_titles": tally.ambiguous, "not_kept": dict(tally.not_kept), "rejected": rejects.reasons}
    return Outcome(headline, summary, counts)


def _embed(folder: Path, embedder: Path, n_passages: int, report: Report) -> None:
    reader = Reader(folder / FILE)
    report.begin("Embedding passages", n_passages)

    def texts() -> Iterator[str]:
        for start in range(0, n_passages, PAGES_PER_LINE):
            query = "SELECT p.title, t.text FROM passages t JOIN pages p ON p.id = t.page WHERE t.id >= ? AND t.id < ? ORDER BY t.id"
            yield from (f"{title}\n{text}" for title, text in reader.all(query, (start, start + PAGES_PER_LINE)))
            report.update(min(n_passages, start + PAGES_PER_LINE), n_passages)

    dense.write(folder, embedder, texts(), n_passages)
    report.end()


def _digest(file: Path) -> str:
    try:
        return sha256_of_file(file)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", f"give {sources.FORMS}") from error


def _emptied(folder: Path) -> Path:
    """Without what an interrupted build left."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder
