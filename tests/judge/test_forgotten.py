"""What became of questions between two models, counted by hand."""

import json
from dataclasses import asdict

import pytest

from factcli.judge.forgotten import AskedTwice, change_of, figures, items_of, level_of


def asked(subject: str, before: bool, after: bool, n_right: int = 0, n_samples: int = 0, group: str = "head", refuses: bool = False) -> AskedTwice:
    level, change = level_of(before, n_right, n_samples), change_of(before, after)
    confidence = 0.9 if after else 0.2  # the model before is surer of what is kept
    return AskedTwice(f"{subject}.q", "test", subject, group, "?", level, change, n_right, n_samples, "x", before, confidence, "y", after, refuses, 0.5)


SAMPLED = [(True, 4, 4, "highly"), (True, 3, 4, "maybe"), (True, 0, 4, "maybe"), (False, 1, 4, "weakly"), (False, 0, 4, "unknown")]
GREEDY = [(True, 0, 0, "known"), (False, 0, 0, "unknown")]


@pytest.mark.parametrize(("right", "n_right", "n_samples", "level"), [*SAMPLED, *GREEDY])
def test_how_well_a_question_was_known(right: bool, n_right: int, n_samples: int, level: str) -> None:
    assert level_of(right, n_right, n_samples) == level


ROWS = [
    asked("a", True, True, 4, 4),
    asked("b", True, False, 4, 4, refuses=True),
    asked("c", True, True, 1, 4, group="tail"),
    asked("d", False, True, 1, 4, group="tail"),
    asked("e", False, False, 0, 4, group="tail"),
]


def value(metric: str, group: str = "all", rows: list[AskedTwice] = ROWS) -> float | None:
    (one,) = [found for found in figures(rows) if (found.metric, found.group) == (metric, group)]
    return one.value


def test_what_is_kept_is_of_what_was_right_before_and_what_is_gained_of_the_rest():
    assert value("forgetting.kept") == 2 / 3
    assert value("forgetting.refused") == 1 / 3
    assert value("forgetting.gained") == 1 / 2
    assert (value("forgetting.right_before"), value("forgetting.right_after")) == (3 / 5, 3 / 5)
    assert (value("forgetting.kept", "head"), value("forgetting.kept", "tail")) == (1 / 2, 1.0)


def test_levels_have_rows_of_their_own():
    assert value("forgetting.right_after", "highly known") == 1 / 2
    assert value("forgetting.right_after", "maybe known") == 1.0
    assert value("forgetting.right_after", "weakly known") == 1.0
    assert value("forgetting.right_after", "unknown") == 0.0


def test_a_model_that_loses_what_it_was_unsure_of_has_a_confidence_that_tells():
    assert value("forgetting.auroc_of_confidence") == 1.0


def test_items_add_up_to_the_figures():
    items = [item for one in ROWS for item in items_of(one)]
    for metric in ("kept", "gained"):
        own = [item for item in items if item.metric == f"forgetting.{metric}"]
        assert sum(item.numerator for item in own) / sum(item.denominator for item in own) == value(f"forgetting.{metric}")
        assert len(own) == len(ROWS)


def test_figures_are_plain_json_without_nan():
    json.dumps([asdict(row) for rows in (ROWS, ROWS[-1:], []) for row in figures(rows)], allow_nan=False)
