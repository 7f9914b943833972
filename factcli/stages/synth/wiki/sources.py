"""From files to what there is to ask about. Everything that can be wrong with them is said here, before a model is asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.errors import InputError, SettingsError
from factcli.extras import require_train
from factcli.knowledge.chunking import CountTokens, count_words
from factcli.knowledge.titles import Candidate, Listed, read_documents, read_names, read_titles, read_views
from factcli.knowledge.vectors import Space, embed, in_l1, nearest_in_turn, read_vectors
from factcli.rows import Reject
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.synth.wiki.topics import Ranked, Subject, by_chance, by_views, subjects

OWN_QUESTIONS = 3000  # the ancestor's iterations (spec §4.7); 500 in its induced mode


@dataclass(frozen=True, slots=True)
class Files:
    """What a user gives beside settings. None: not given."""

    documents: Path | None = None  # JSONL of title and text
    titles: Path | None = None  # which of them, and their categories
    views: Path | None = None
    near: Path | None = None  # names, one a line
    vectors: Path | None = None
    embedder: Path | None = None  # directory
    tokenizer: Path | None = None  # directory

    def given(self) -> Iterator[tuple[str, Path]]:
        roles = ("documents", "titles", "views", "near", "vectors", "embedder", "tokenizer")
        yield from ((role, path) for role in roles if (path := getattr(self, role)) is not None)


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to ask about: subjects with documents, or own questions, or the questions of an earlier version."""

    files: Files
    subjects: tuple[Subject, ...] = ()
    n_own: int = 0
    space: Space | None = None  # for own questions about a random point
    made: Artifact | None = None
    world: Artifact | None = None  # its people are the topics
    rejected: tuple[Reject, ...] = ()
    n_not_drawn: int = 0
    n_other_titles: int = 0  # documents whose title is not on the list

    def pinned(self) -> dict[str, str]:
        """sha256 of each file, for the key; a file that was renamed is the same."""
        return {f"file {role}": _digest(path) for role, path in self.files.given()}

    def counter(self) -> CountTokens:
        """Counts tokens: words, or with the tokenizer."""
        return count_words if self.files.tokenizer is None else _tokens_by(self.files.tokenizer)


def read_sources(config: WikiConfig, files: Files, made: Artifact | None, world: Artifact | None = None) -> Sources:
    """Raises SettingsError for options that do not go together, InputError for files that cannot be used."""
    _require_one_source(config, files, made, world)
    if files.tokenizer is not None:
        require_train()
        if not files.tokenizer.is_dir():
            raise InputError(f"there is no directory {files.tokenizer}", "--tokenizer takes a local directory")
    if made is not None:
        return Sources(files, made=made)
    if world is not None:
        return Sources(files, world=world)
    if config.own is not None:
        n_own = config.topics or (500 if config.own == "induced" else OWN_QUESTIONS)
        return Sources(files, n_own=n_own, space=in_l1(read_vectors(files.vectors)) if files.vectors else None)
    return _with_documents(config, files)


def _with_documents(config: WikiConfig, files: Files) -> Sources:
    assert files.documents is not None
    listed, rejected = read_titles(files.titles) if files.titles else (None, ())
    documents = read_documents(files.documents, config.min_words, listed)
    entries = [_described(entry, listed) for entry in documents.entries]
    missing = [Reject(f"titles.l{line.line}", "titles", "no usable document", title) for title, line in (listed or {}).items()]
    have = {entry.title for entry in entries}
    missing = [reject for reject in missing if reject.text not in have]
    entries, ranked, unranked = _ranking(config, files, entries)
    chosen = subjects(config, entries, ranked, partial(_in_turn, files) if config.test_draw == "near" else None)
    everything = (*rejected, *documents.rejected, *missing, *unranked)
    return Sources(files, tuple(chosen), rejected=everything, n_not_drawn=len(entries) - len(chosen), n_other_titles=documents.n_passed)


def _described(entry: Candidate, listed: Mapping[str, Listed] | None) -> Candidate:
    """With the category of the list, where that has one."""
    category = listed[entry.title].category if listed else ""
    return replace(entry, category=category) if category else entry


def _ranking(config: WikiConfig, files: Files, entries: list[Candidate]) -> tuple[list[Candidate], Ranked, Sequence[Reject]]:
    """Entries that can be ranked, how, and what cannot."""
    if config.draw == "views":
        views, rejected = read_views(files.views) if files.views else ({}, ())
        entries = [replace(entry, views=views.get(entry.title)) for entry in entries] if files.views else entries
        if all(entry.views is None for entry in entries):
            raise InputError("no article has page views", "give --views FILE of title and views, or a field `views` in the documents")
        return entries, by_views, rejected
    return _near(files, entries) if config.draw == "near" else (entries, by_chance(config.seed), ())


def _near(files: Files, entries: list[Candidate]) -> tuple[list[Candidate], Ranked, Sequence[Reject]]:
    assert files.near is not None
    names, titles = read_names(files.near), [entry.title for entry in entries]
    space = _space_of(files, [*names, *titles])
    seeds, lost_seeds = space.rows(names)
    known, lost = space.rows(titles)
    order = nearest_in_turn(space, seeds, known) if seeds else []
    if not order:
        raise InputError(
            f"of {len(names)} names {len(seeds)} have a vector, of {len(titles)} titles {len(known)}", "names and titles are spelled as in --vectors"
        )
    place = {title: number for number, title in enumerate(order)}
    rejected = [Reject("near", "near", "name without a vector", name) for name in lost_seeds]
    rejected += [Reject("near", "near", "title without a vector", title) for title in lost]
    return [entry for entry in entries if entry.title in place], lambda some: sorted(some, key=lambda entry: place[entry.title]), rejected


def _space_of(files: Files, names: Sequence[str]) -> Space:
    """A space in which names may have a vector: with an embedder all have."""
    if files.embedder is not None:
        return embed(list(dict.fromkeys(names)), files.embedder)
    assert files.vectors is not None
    return read_vectors(files.vectors)


def _in_turn(files: Files, seeds: Sequence[str], candidates: Sequence[str]) -> list[str]:
    """The candidates by likeness to the seeds in turn. Raises InputError where no vector tells."""
    space = _space_of(files, [*seeds, *candidates])
    known = space.rows(seeds)[0]
    near = nearest_in_turn(space, known, space.rows(candidates)[0]) if known else []
    if seeds and not near:
        raise InputError(f"none of the first {len(seeds)} topics, or none of the others, has a vector", "titles are spelled as in --vectors")
    return near


def _require_one_source(config: WikiConfig, files: Files, made: Artifact | None, world: Artifact | None) -> None:
    ways = {"--documents FILE": files.documents, "--own MODE": config.own, "--questions REF": made, "--world REF": world}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise SettingsError(f"{' and '.join(given) or 'nothing'} is given to ask about", f"give one of {', '.join(ways)}")
    for (role, path), needed, rule in _rules(config, files):
        if (path is not None) and not needed:
            raise SettingsError(f"--{role} {path} would not be used", rule)
    if config.test_draw == "near" and not (files.vectors or files.embedder):
        raise SettingsError("test_draw = near needs --vectors FILE or --embedder DIR")
    lacks = config.own == "random" and files.vectors is None
    if lacks or (config.draw == "near" and (files.near is None or not (files.vectors or files.embedder))):
        raise SettingsError(
            "--own random needs --vectors FILE of words" if lacks else "--draw near needs --near FILE of names, and --vectors FILE or --embedder DIR"
        )


def _rules(config: WikiConfig, files: Files) -> Iterator[tuple[tuple[str, Path | None], bool, str]]:
    """Each file, whether it has a use, and what its use is."""
    is_near = config.draw == "near"
    has_vectors = is_near or config.test_draw == "near"
    yield ("titles", files.titles), files.documents is not None, "it says which --documents are topics"
    yield ("views", files.views), config.draw == "views", "it goes with --draw views"
    yield ("near", files.near), is_near, "it goes with --draw near"
    yield (
        ("vectors", files.vectors),
        (has_vectors and files.embedder is None) or config.own == "random",
        "it goes with --draw near or --set test_draw=near (instead of --embedder), or --own random",
    )
    yield ("embedder", files.embedder), has_vectors, "it goes with --draw near or --set test_draw=near"
    yield ("tokenizer", files.tokenizer), files.documents is not None, "it measures the chunks of --documents"


def _digest(path: Path) -> str:
    if path.is_dir():
        return sha256_of([(file.relative_to(path).as_posix(), sha256_of_file(file)) for file in sorted(path.rglob("*")) if file.is_file()])
    return sha256_of_file(path)


def _tokens_by(directory: Path) -> Callable[[str], int]:
    from factcli.train.base import load_tokenizer

    tokenizer: Any = load_tokenizer(str(directory), "")
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])
