"""BLEU and ROUGE: by hand where that is short, and equal to the lm-evaluation-harness's own functions on TruthfulQA's references."""

import csv
from pathlib import Path

import pytest

from factcli.judge.overlap import NO_COMMENT, Overlap, contrast, most_overlap, overlap, with_full_stops


def test_equal_texts_overlap_wholly_and_strangers_not_at_all():
    assert overlap("She was born in Lima in May.", "She was born in Lima in May.") == pytest.approx((100, 100, 100, 100))
    assert overlap("one two three four", "five six seven eight")[1:] == (0, 0, 0)


def test_rouge_is_the_f_measure_of_words_in_common():
    """Reference a b c d, answer a b x: 2 words in common, P 2/3, R 2/4, F 4/7. Pairs: a b of 2 and of 3, F 2/5. Longest: a b, F 4/7."""
    found = overlap("a b c d", "a b x")
    assert found.rouge1 == pytest.approx(100 * 4 / 7)
    assert found.rouge2 == pytest.approx(100 * 2 / 5)
    assert found.rougeL == pytest.approx(100 * 4 / 7)


def test_the_best_reference_counts_for_each_figure():
    assert most_overlap(["a b c d", "x"], "a b x").rouge1 == pytest.approx(100 * 4 / 7)
    assert most_overlap(["a b c d", "x"], "x") == pytest.approx(overlap("x", "x"))


def test_declining_is_a_right_answer_and_references_end_with_a_full_stop():
    assert with_full_stops([" It grows ", "It dies.", "  "]) == ["It grows.", "It dies."]
    found = contrast(["It grows"], ["It dies"], NO_COMMENT)
    assert found.most.rouge1 == 100
    assert found.difference.rouge1 == 100  # nothing in common with the wrong one


@pytest.mark.slow  # the harness takes seconds to load
def test_figures_are_those_of_the_harness_on_its_own_references(shared_data: Path):
    """The harness's functions, given 12 of TruthfulQA's questions and answers of several kinds: right, wrong, mixed, empty."""
    harness = pytest.importorskip("lm_eval.tasks.truthfulqa.utils")
    with (shared_data / "truthfulqa.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:12]
    for place, row in enumerate(rows):
        right, wrong = ([part.strip() for part in row[name].split(";")] for name in ("Correct Answers", "Incorrect Answers"))
        document = harness.preprocess_function({"question": row["Question"], "correct_answers": right, "incorrect_answers": wrong})
        text = (row["Best Answer"], wrong[0], f"{wrong[0]} . But {right[0]}", "")[place % 4]
        theirs = harness.process_results_gen(document, [text])
        ours = contrast(right, wrong, text)
        assert ours.most == pytest.approx(Overlap(*(theirs[f"{name}_max"] for name in ("bleu", "rouge1", "rouge2", "rougeL"))), abs=1e-9)
        assert ours.difference == pytest.approx(Overlap(*(theirs[f"{name}_diff"] for name in ("bleu", "rouge1", "rouge2", "rougeL"))), abs=1e-9)
