"""Which titles become topics, and which of those are kept for test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factcli.backends.asking import seed_of
from factcli.errors import SettingsError
from factcli.knowledge.titles import Candidate
from factcli.rows import Split
from factcli.stages.synth.wiki.settings import WikiConfig

Ranked = Callable[[Sequence[Candidate]], Sequence[Candidate]]  # the first are taken first
Near = Callable[[Sequence[str], Sequence[str]], Sequence[str]]  # (seeds, candidates) -> candidates: each seed's nearest first


@dataclass(frozen=True, slots=True)
class Subject:
    """A topic before it is asked about. `is_drawn_for_test`: all of its questions are, or its first (`split`)."""

    id: str
    entry: Candidate
    is_drawn_for_test: bool


def subjects(config: WikiConfig, entries: Sequence[Candidate], ranked: Ranked, near: Near | None = None) -> list[Subject]:
    """The first `topics` entries in the ranking, those for test among them. SettingsError where none is left to train on.

    For test are those that are drawn in each category, or with `near` the nearest neighbours of the first ones (spec §4.2).
    """
    chosen = list(ranked(entries))[: config.topics]
    for_test = _for_test(config, chosen) if near is None else _near_the_first(config.test_topics, [entry.title for entry in chosen], near)
    if config.split == "topic" and len(for_test) == len(chosen):
        raise SettingsError(
            f"all {len(chosen)} topics would be kept for test: test_topics = {config.test_topics} in each category",
            "take more topics, or fewer for test: --test-topics 0",
        )
    return [Subject(f"t{place:04d}", entry, entry.title in for_test) for place, entry in enumerate(chosen)]


def by_chance(seed: int) -> Ranked:
    """By a number drawn for each title: what else is in the file changes nothing in their order."""
    return lambda entries: sorted(entries, key=lambda entry: (seed_of(seed, "draw", entry.title), entry.title))


def by_views(entries: Sequence[Candidate]) -> list[Candidate]:
    """Most viewed first; those without a number last."""
    return sorted(entries, key=lambda entry: (entry.views is None, -(entry.views or 0), entry.title))


def split_of(config: WikiConfig, subject: Subject) -> Split:
    """Of the topic as a whole."""
    if config.split == "question":
        return "none"
    return "test" if subject.is_drawn_for_test else "train"


def _near_the_first(n: int, titles: Sequence[str], near: Near) -> set[str]:
    """A neighbour of each of the first n, another for each; they stay for training, as do titles that have no vector."""
    return set(near(titles[:n], titles[n:])[:n])


def _for_test(config: WikiConfig, chosen: Sequence[Candidate]) -> set[str]:
    by_category: dict[str, list[str]] = {}
    for entry in chosen:
        by_category.setdefault(entry.category, []).append(entry.title)
    drawn = (sorted(titles, key=lambda title: (seed_of(config.seed, "test", title), title))[: config.test_topics] for titles in by_category.values())
    return {title for titles in drawn for title in titles}
