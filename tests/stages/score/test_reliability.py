"""`fact score reliability`: any scores held against labels or the world, and a picture that can be read without them."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from factcli.consistencyrows import ReliabilityBin
from factcli.judge.diagram import reliability_diagram
from factcli.scorerows import Score, ScoredAnswer
from tests.stages.score.test_consistency import commit, samples_of, world_of
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture


def scores_of(root: Path, *values: float | None) -> None:
    """One answer each, to a question of its own."""
    answers = [ScoredAnswer(f"q{n}.s0", f"q{n}", "Who?", "", "Somebody.") for n in range(len(values))]
    scores = [Score(f"q{n}.s0.made_up", f"q{n}.s0", f"q{n}", "made_up", value, "" if value is not None else "no claims", 1) for n, value in enumerate(values)]
    commit(root, "scores", "mine", {"answers": answers, "scores": scores})


def test_any_scores_are_held_against_labels(empty: Path) -> None:  # noqa: F811
    """Right 0.9 and 0.4, wrong 0.6 and 0.1: of four pairs 0.9 > both, 0.4 > 0.1: 3/4. The one without a score is left out."""
    scores_of(empty / "data", 0.9, 0.6, 0.4, 0.1, None)
    jsonl(empty / "l.jsonl", *({"id": f"q{n}.s0", "truth": truth} for n, truth in enumerate([1, 0, 1, 0, 1])), "{")
    version = made("score", "reliability", "--labels", "l.jsonl")
    (row,) = rows(version, "calibration")
    assert (row["score"], row["level"], row["n"], row["n_left_out"], row["auroc"]) == ("made_up", "answer", 4, 1, 0.75)
    assert (version / "diagrams" / "made_up-answer.svg").read_text().startswith("<svg")
    assert [reject["reason"] for reject in rows(version, "rejected")] == ["not JSON"]
    assert "made_up by answer ranks right above wrong with AUROC 0.750" in manifest(version)["headline"]


def test_labels_that_name_nobody_are_told_of_even_where_a_world_knows_the_truth(empty: Path) -> None:  # noqa: F811
    world_of(empty)
    version = made("score", "consistency")
    known = next(iter(rows(version, "answers")))["id"]
    jsonl(empty / "l.jsonl", {"id": known, "truth": 1}, {"id": "nobody", "truth": 0})
    ran = typed("score", "reliability", "--labels", "l.jsonl")
    assert ran.code == 0
    assert "note: l.jsonl names answers or prompts that are not scored here: 1 of 2, e.g. nobody" in ran.err
    jsonl(empty / "l.jsonl", {"id": "nobody", "truth": 0})
    told(typed("score", "reliability", "--labels", "l.jsonl"), 3, "l.jsonl names none of the answers")
    told(typed("score", "consistency", "--labels", "l.jsonl"), 3, "l.jsonl names none of the answers")


def test_it_gives_what_consistency_gave_for_the_same_answers(empty: Path) -> None:  # noqa: F811
    world_of(empty)
    with_truth = made("score", "consistency")
    version = made("score", "reliability")
    assert rows(version, "calibration") == rows(with_truth, "calibration")
    assert rows(version, "reliability") == rows(with_truth, "reliability")
    assert (with_truth / "diagrams" / "selfcheck-prompt.svg").read_bytes() == (version / "diagrams" / "selfcheck-prompt.svg").read_bytes()
    assert typed("score", "reliability", "--dry-run").code == 0


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("", 3, "no truth is known of the answers of consistency@1"),
        ("--labels l.jsonl", 3, "l.jsonl names none of the answers"),
        ("--labels k.jsonl --scores selfcheck,magic", 3, "consistency@1 has no score magic"),
        ("--labels none.jsonl", 3, "none.jsonl cannot be read"),
        ("samples", 3, "samples"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(empty: Path, command: str, code: int, words: str) -> None:  # noqa: F811
    samples_of(empty, n=2)
    made("score", "consistency", "--entailer", "lexical")
    jsonl(empty / "l.jsonl", {"id": "somebody else", "truth": 1}, {"id": "x", "truth": 1})
    jsonl(empty / "k.jsonl", {"id": "p0", "truth": 1})
    told(typed("score", "reliability", *command.split()), code, words)


def test_a_diagram_has_a_dot_for_each_bin_that_holds_something_and_says_its_numbers() -> None:
    bins = [
        ReliabilityBin("b0", "s", "answer", "all", "mass", 0, 0.0, 0.5, 4, 0.25, 0.5),
        ReliabilityBin("b1", "s", "answer", "all", "mass", 1, 0.5, 1.0, 0, None, None),
    ]
    root = ET.fromstring(reliability_diagram("a <score> & more", bins))
    dots = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(dots) == 1
    assert (dots[0].get("cx"), dots[0].get("cy"), dots[0].get("r")) == ("122.00", "180.00", "11.00")  # 52 + 280 / 4; 40 + 280 / 2
    assert "score 0.25: 50% right of 4" in root.get("aria-label", "")


def test_a_scores_name_cannot_break_its_diagram() -> None:
    """A NUL is allowed in no XML, and U+202E would turn what follows it."""
    root = ET.fromstring(reliability_diagram("a\0b\u202ec", []))
    assert root.get("aria-label") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c. "
