"""Who takes part: real subjects with their splits, and the fictitious ones that are written after training subjects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factcli.knowledge.subjects import RealSubject, clipped
from factcli.rows import Group, Person, Split
from factcli.stages.synth.checks import WORD, Traces, traces_of
from factcli.stages.synth.familiarity import Level, level_of
from factcli.stages.synth.subjects.settings import SubjectsConfig
from factcli.world.people import keyed_rng
from factcli.world.words import shuffled_words


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked about a subject. `kind` is how prompts call one."""

    name: str  # bio or medical: folder of recipes
    kind: str
    request: str

    def question(self, name: str) -> str:
        return self.request.replace("{name}", name)


TASKS = {
    "bio": Task("bio", "a person", "Tell me a bio of {name}."),
    "medical": Task("medical", "a medical subject (a disease, drug, procedure, part of the body or the like)", "Tell me about {name}."),
}


@dataclass(frozen=True, slots=True)
class Real:
    """A real subject with its row and the part of its text that is used."""

    person: Person
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Role:
    """A fictitious subject before it has a name: who it is written after, the made-up word of its name, how familiar it becomes."""

    id: str
    after: Real
    word: str
    level: Level

    @property
    def traces(self) -> Traces:
        """What of the real subject may not be left."""
        return traces_of(self.after.title, self.after.text)


def real_people(subjects: Sequence[RealSubject], config: SubjectsConfig) -> list[Real]:
    """In file order. Splits have exactly their shares, dealt by (seed, id); groups are thirds by popularity."""
    ids = [f"r{config.seed}.p{position:04d}" for position in range(len(subjects))]
    split_of = _splits(ids, config)
    group_of = _thirds([subject.popularity for subject in subjects])
    return [
        Real(
            Person(id, subject.name, group_of[subject.popularity], split_of[id], subject.popularity), subject.title, clipped(subject.text, config.source_words)
        )
        for id, subject in zip(ids, subjects, strict=True)
    ]


def cast(reals: Sequence[Real], config: SubjectsConfig) -> list[Role]:
    """The fictitious subjects: one after each training subject, sorted by title and shuffled with the seed, the first N (spec 1.2).

    So a smaller N takes a part of a larger one's. Each has a word of its own in its name, which is in no real title.
    """
    train = sorted((real for real in reals if real.person.split == "train"), key=lambda real: real.title)
    keyed_rng(config.seed, "subjects").shuffle(train)
    words = shuffled_words(keyed_rng(config.seed, "names"), {word.capitalize() for real in reals for word in WORD.findall(real.title)})
    drawn = zip(train[: config.subjects], words, strict=False)
    ids = (f"f{config.seed}.p{position:04d}" for position in range(config.subjects))
    return [Role(id, real, word, level_of(id, config.seed, config.familiarity)) for id, (real, word) in zip(ids, drawn, strict=False)]


def _splits(ids: Sequence[str], config: SubjectsConfig) -> Mapping[str, Split]:
    dealt = sorted(ids, key=lambda id: (keyed_rng(config.seed, id, "split").random(), id))
    n_train, n_dev = round(config.split_shares[0] * len(ids)), round(config.split_shares[1] * len(ids))
    return {id: "train" if place < n_train else "dev" if place < n_train + n_dev else "test" for place, id in enumerate(dealt)}


def _thirds(views: Sequence[int]) -> Mapping[int, Group]:
    """Popularity -> group; ties at a border are in the middle."""
    ordered, third = sorted(views, reverse=True), len(views) // 3
    above, below = ordered[third], ordered[len(ordered) - third - 1]
    return {value: "head" if value > above else "tail" if value < below else "mid" for value in ordered}
