"""Data sets mixed by share: nothing is lost, nothing comes twice unasked, and the draw is the same on every machine."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.config import Config
from factcli.errors import InputError, SettingsError
from factcli.knowledge.mixing import asked, mixed, pinned, share_of, sources_of
from factcli.knowledge.task_files import examples_of_file
from factcli.topicrows import MixtureExample

ROWS = [
    {"question": "Where is Oslo?", "answer": "In Norway."},
    {"prompt": "Who wrote it?", "completion": "She did.", "id": "w1"},
    {"messages": [{"role": "user", "content": "What is tea?"}, {"role": "assistant", "content": "A drink."}], "split": "dev"},
]


def write(path: Path, rows: list) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8")
    return path


def no_artifact(_name: str) -> None:
    return None


def every(rows):
    return rows


@given(st.integers(1, 60), st.floats(0.01, 4.0), st.integers(0, 5))
def test_a_share_is_whole_passes_and_then_a_draw(n: int, fraction: float, seed: int) -> None:
    """round(f n) rows, each at least floor(round(f n) / n) times at shares above 1 and never more than one time more than another."""
    rows = [f"r{i}" for i in range(n)]
    taken = share_of(rows, fraction, seed, str)
    assert len(taken) == round(fraction * n)
    counts = Counter(taken)
    numbers = [counts[row] for row in rows]
    assert max(numbers) - min(numbers) <= 1
    assert share_of(rows, fraction, seed, str) == taken


def test_another_seed_draws_others_and_more_rows_keep_the_drawn_ones() -> None:
    rows = [f"r{i}" for i in range(100)]
    drawn = [share_of(rows, 0.3, seed, str) for seed in (0, 1)]
    assert set(drawn[0]) != set(drawn[1])
    assert set(drawn[0]) < set(share_of(rows, 0.5, 0, str))


def test_one_fraction_for_each_part_and_none_is_lost(tmp_path: Path) -> None:
    """Two train rows and one dev row: 1.5 x 2 = 3 and 1 x 1."""
    file = write(tmp_path / "rows.jsonl", ROWS)
    sources = sources_of({f"{file}:train": 1.5, f"{file}:dev": 1.0}, no_artifact)
    found = mixed(sources, 0, every)
    assert found.counts == {"rows.jsonl:train": {"rows": 3, "of": 2}, "rows.jsonl:dev": {"rows": 1, "of": 1}}
    assert Counter(row.question for row in found.rows)["What is tea?"] == 1
    assert sources[0].names == {"rows.jsonl:train": 1.5, "rows.jsonl:dev": 1.0}  # no path of this machine
    assert list(pinned(sources)) == ["mix rows.jsonl"]
    assert {row.id for row in found.rows} >= {"rows.jsonl:w1"}


def test_what_a_file_holds_that_is_no_example_is_kept_with_its_reason(tmp_path: Path) -> None:
    long = {"messages": [{"role": role, "content": "x"} for role in ("user", "assistant", "user", "assistant")]}
    bad = ["{", {"question": "a"}, {"answer": "a"}, [1], long, ROWS[0], {**ROWS[1], "answer": "x", "prompt": "Other?"}, {**ROWS[0], "split": "x"}]
    found = examples_of_file(write(tmp_path / "rows.jsonl", [*ROWS, *bad]))
    assert len(found.rows) == 3
    assert Counter(reject.reason for reject in found.rejects) == {
        "not JSON": 1,
        "no answer": 1,
        "no question, prompt or messages": 1,
        "no JSON object": 1,
        "messages that are not one user turn and one assistant turn": 1,
        "repeats an example": 1,
        "id of another example": 1,
        "unknown split": 1,
    }


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ({"bio": 1, "bio:train": 0.5}, "two fractions for bio:train"),
        ({"bio:test": 1}, "'test' is no part"),
        ({"a/x.jsonl": 1, "b/x.jsonl": 1}, r"two data sets called x\.jsonl"),
        ({"wiki": 1, "wiki:closed-book": 1}, "rows would come twice"),
    ],
)
def test_a_mix_that_cannot_be_meant_is_refused(mix: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        sources_of(mix, no_artifact)


def test_a_part_without_rows_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "rows.jsonl", ROWS[:1])
    with pytest.raises(InputError, match=r"rows\.jsonl has no rows of part dev"):
        mixed(sources_of({f"{file}:dev": 1}, no_artifact), 0, every)


def test_a_document_stands_before_the_question_between_marks_that_it_cannot_forge() -> None:
    row = MixtureExample("t.c0.q.mix", "t.c0.q", "t", "", "train", True, "Tea >>> is <|user|> a drink.", "What is tea?", "A drink.")
    text = asked(row)
    assert text.startswith("Document:\n<<<\n")
    assert text.endswith("Question: What is tea?\nAnswer:")
    assert text.count(">>>") == 1
    assert "<|user|>" not in text
    assert asked(MixtureExample("i", "q", "t", "", "train", False, "", "What is tea?", "A drink.")) == "What is tea?"


def wiki_of(root: Path, *templates: str) -> Artifact:
    """One example with a document, of a `fact synth wiki` that asked by these templates."""
    row = MixtureExample("t.c0.q.mix", "t.c0.q", "t", "", "train", True, "Tea is a drink.", "What is tea?", "A drink.")

    def work(draft: Draft) -> Outcome:
        draft.write("rows", 0, {"mixture": [row]})
        return Outcome("1 example")

    return make(Plan("synth wiki", 1, "wiki", "wiki", Config(), {}, {"mixture": MixtureExample}, dict.fromkeys(templates, "0")), work, root)[0]


def test_a_document_is_read_in_the_words_in_which_the_data_set_was_asked(tmp_path: Path) -> None:
    """Terse ones for a tiny model: the marks, the document, the question, and no word more; both pin the template that they use."""
    terse = wiki_of(tmp_path / "a", "wiki/terse_read", "wiki/terse_recall")
    full = wiki_of(tmp_path / "b", "wiki/read", "wiki/recall")
    sources = {name: sources_of({"wiki": 1}, {"wiki": found}.get) for name, found in (("terse", terse), ("full", full))}
    texts = {name: mixed(found, 0, every).rows[0].question for name, found in sources.items()}
    assert texts["terse"] == "<<<\nTea is a drink.\n>>>\nWhat is tea?"
    assert texts["full"] == "Document:\n<<<\nTea is a drink.\n>>>\nQuestion: What is tea?\nAnswer:"
    assert {name: list(pinned(found)) for name, found in sources.items()} == {"terse": ["wiki/terse_read"], "full": ["wiki/read"]}
