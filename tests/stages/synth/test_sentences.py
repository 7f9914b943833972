"""Statements that are sentences of passages as they stand: as many of each fact, some of which only say "this person"."""

from collections import Counter
from pathlib import Path

import pytest

from factcli.world.grammar import REFERENCE
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, made, rows  # noqa: F401 - empty is a fixture

WORDS = ("synth", "bio", "--limit", 40, "--versions", 2, "--set", "probe_subjects=4", "--set", "coverage=[1.0,1.0]", "--set", "statements_per_fact=4")


@pytest.fixture
def statements(empty: Path) -> dict[str, list[dict]]:  # noqa: F811
    made_world(empty / "data")
    return {way: [row for row in rows(made(*WORDS, "--set", f"decompose={way}"), "documents") if row["form"] == "statement"] for way in ("model", "sentence")}


def test_each_fact_has_as_many_sentences_as_it_would_have_statements(statements: dict[str, list[dict]]) -> None:
    counts = {way: Counter(fact for row in found for fact in row["fact_ids"]) for way, found in statements.items()}
    assert counts["model"] == counts["sentence"]
    assert set(counts["sentence"].values()) == {4}


def test_only_sentences_as_they_stand_leave_their_subject_unsaid(statements: dict[str, list[dict]]) -> None:
    """Of six sentences the first says the name and of the others a half do not: 5/12 of them, 42%."""
    shares = {way: sum(REFERENCE in row["text"].lower() for row in found) / len(found) for way, found in statements.items()}
    assert shares["model"] == 0
    assert 0.37 < shares["sentence"] < 0.47
