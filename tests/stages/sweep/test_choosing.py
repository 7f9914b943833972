"""The table of a sweep: figures with intervals, each cell beside the best, the rule, and what may be held against each other at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from factcli.artifact import Artifact
from factcli.errors import InputError, SettingsError
from factcli.stages.sweep import stage
from factcli.stages.sweep.ground import Cell, Made, require_dev
from factcli.stages.sweep.settings import SweepConfig
from tests.stages.compare.made import evaluation, items
from tests.stages.report_chain import make_popqa_eval, make_world, people
from tests.stages.sweep.made import cells, data, run, swept, table

HALF = [1.0, 0.0] * 50  # 100 people asked one question each: 50 right
MORE = [1.0, 0.0, 1.0, 1.0] * 25  # 75 right: all of HALF's, and every second of the others
LITTLE = [1.0, *HALF[1:99], 1.0]  # 51 right


def test_the_cell_with_the_best_figure_on_dev_is_chosen_and_the_others_stand_beside_it(tmp_path: Path) -> None:
    """75 of 100 against 50 of 100: 25 people are right in b and wrong in a, none the other way round, which no drawn swap equals."""
    sweep = swept(tmp_path, cells(tmp_path, {"a": HALF, "b": MORE}))
    a, b = table(sweep).values()
    assert (b.value, b.is_best, b.is_chosen, b.is_behind, b.difference) == (0.75, True, True, False, None)
    assert (a.value, a.is_best, a.is_chosen, a.is_behind, a.difference) == (0.5, False, False, True, -0.25)
    assert a.difference_low is not None
    assert a.difference_high is not None
    assert a.difference_low < -0.25 < a.difference_high < 0
    assert (a.p_value, a.n_items, a.n_subjects) == (1e-4, 100, 100)
    assert a.low is not None
    assert a.high is not None
    assert 0.38 < a.low < 0.5 < a.high < 0.62
    assert sweep.manifest.summary["chosen"] == "cell=b"
    assert sweep.manifest.summary["models"] == ["b@1"]
    assert sweep.manifest.kind == "sweep"
    assert set(sweep.manifest.inputs) == {"cell1", "cell1-model", "cell2", "cell2-model"}


def test_a_winner_that_its_people_do_not_tell_from_the_next_is_said_to_be_so(tmp_path: Path) -> None:
    """One question of a hundred: swapped or not, the difference is as large, so p is 1."""
    sweep = swept(tmp_path, cells(tmp_path, {"a": HALF, "b": LITTLE, "c": [0.0] * 100}))
    rows = table(sweep)
    assert [row.is_behind for row in rows.values()] == [False, False, True]
    assert rows["a"].p_value == 1.0
    assert sweep.manifest.summary["cannot_be_told_from_the_best"] == ["cell=a"]
    assert "1 cannot be told from it: cell=a" in sweep.manifest.headline
    assert any("another draw of dev people may take another" in note for note in sweep.manifest.summary["notes"])
    assert any("it flatters" in note for note in sweep.manifest.summary["notes"])


def test_one_standard_error_takes_the_first_in_the_grid_that_is_no_further_behind(tmp_path: Path) -> None:
    """b is 1 of 100 ahead, which is its standard error to within a hundredth; c is 50 behind."""
    of = cells(tmp_path, {"c": [0.0] * 100, "a": HALF, "b": LITTLE})
    assert table(swept(tmp_path, of))["b"].is_chosen
    rows = table(swept(tmp_path, of, SweepConfig(rule="one-standard-error", seed=1)))
    error = rows["a"].difference_error
    assert error == pytest.approx(0.00995, rel=0.1)  # sqrt(0.01 * 0.99 / 100)
    chosen = next(name for name, row in rows.items() if row.is_chosen)
    assert chosen == ("a" if error is not None and error >= 0.01 else "b")
    close = cells(tmp_path / "close", {"a": [1.0, 0.0, 0.0, 1.0] * 25, "b": LITTLE})
    assert table(swept(tmp_path / "close", close, SweepConfig(rule="one-standard-error")))["a"].is_chosen


def test_p_is_adjusted_over_all_that_are_held_against_the_best(tmp_path: Path) -> None:
    """Three more people of 100 right: p = 2 / 2 ** 3 = 0.25; of three such cells Holm makes it 0.75."""
    more = [[1.0 if n in three else right for n, right in enumerate(HALF)] for three in ({1, 3, 5},)]
    rows = table(swept(tmp_path, cells(tmp_path, {"a": HALF, "b": HALF[:], "c": [*HALF[:98], 1.0, 0.0], "best": more[0]})))
    assert [rows[name].p_value for name in "abc"] == [0.25] * 3
    assert [rows[name].p_holm for name in "abc"] == [0.75] * 3


def test_of_equal_cells_the_first_in_the_grid_is_chosen(tmp_path: Path) -> None:
    assert [row.is_chosen for row in table(swept(tmp_path, cells(tmp_path, {"a": HALF, "b": HALF[:]}))).values()] == [True, False]


def test_a_figure_of_which_less_is_better_chooses_the_smallest(tmp_path: Path) -> None:
    of = [Cell((f"cell={name}",), (run(tmp_path, name, rights, metric="qa.wrong"),)) for name, rights in (("a", HALF), ("b", MORE))]
    rows = table(swept(tmp_path, of))
    assert (rows["a"].is_chosen, rows["b"].is_behind, rows["b"].difference) == (True, True, 0.25)


def test_over_seeds_the_mean_is_chosen_by_and_not_the_luckiest(tmp_path: Path) -> None:
    """a: 75 and 25 of 100, mean 0.5. b: 60 and 60, mean 0.6."""
    sixty = [1.0] * 60 + [0.0] * 40
    runs = {"a": (MORE, [1.0, 0.0, 0.0, 0.0] * 25), "b": (sixty, sixty)}
    of = [Cell((f"cell={name}",), tuple(run(tmp_path, f"{name}{seed}", right, seed=seed) for seed, right in enumerate(both))) for name, both in runs.items()]
    rows = table(swept(tmp_path, of, SweepConfig(seeds=(0, 1))))
    assert (rows["a"].value, rows["a"].by_seed, rows["a"].seeds) == (0.5, (0.75, 0.25), (0, 1))
    assert (rows["b"].value, rows["b"].models, rows["b"].is_chosen) == (0.6, ("b0@1", "b1@1"), True)
    assert rows["a"].difference == pytest.approx(-0.1)
    assert not rows["a"].is_behind, "two seeds that differ by 50 points tell nothing of 10"
    assert rows["a"].n_items == 200


def test_a_cell_that_failed_is_kept_counted_and_explained(tmp_path: Path) -> None:
    of = [*cells(tmp_path, {"a": HALF, "b": MORE}), Cell(("cell=c",), (), "fact sft ended with 5: the loss is no number")]
    sweep = swept(tmp_path, of)
    assert table(sweep)["c"].failed == "fact sft ended with 5: the loss is no number"
    assert table(sweep)["c"].value is None
    assert sweep.manifest.counts == {"cells": 3, "failed": {"cell=c": "fact sft ended with 5: the loss is no number"}}
    assert "1 failed" in sweep.manifest.headline
    assert "cell=c failed: fact sft ended with 5: the loss is no number" in sweep.manifest.summary["notes"]


def test_a_cell_of_which_one_seed_failed_is_not_chosen_by_the_others(tmp_path: Path) -> None:
    good = run(tmp_path, "a0", MORE, seed=0)
    of = [Cell(("cell=a",), (good,), "fact sft ended with 5: no number"), *cells(tmp_path, {"b": HALF})]
    rows = table(swept(tmp_path, of))
    assert (rows["a"].value, rows["a"].is_chosen, rows["b"].is_chosen) == (None, False, True)


@pytest.mark.parametrize("split", ["test", "train"])
def test_a_sweep_does_not_choose_on_test_people(tmp_path: Path, split: str) -> None:
    of = [*cells(tmp_path, {"a": HALF}), Cell(("cell=b",), (run(tmp_path, "b", MORE, split=split),))]
    with pytest.raises(InputError, match=f"b-dev@1 is of {split} people"):
        stage.plan(SweepConfig(), of, (), "sweep")


def test_questions_that_nobody_says_are_for_choosing_are_refused_and_a_worlds_own_always(tmp_path: Path) -> None:
    from_file = evaluation(tmp_path, "of-file", items("qa.accuracy", HALF))
    with pytest.raises(InputError, match="does not say that it asks dev people"):
        require_dev([from_file], False)
    require_dev([from_file], True)
    own = make_popqa_eval(tmp_path, "own", make_world(tmp_path, people("head", "head")), [])
    with pytest.raises(InputError, match="own@1 does not say"):
        require_dev([own], True)


def test_cells_that_differ_in_more_than_the_grid_are_refused(tmp_path: Path) -> None:
    first, other = data(tmp_path, "data"), data(tmp_path, "other")
    of = [Cell((f"cell={name}",), (run(tmp_path, name, HALF, synth=synth),)) for name, synth in (("a", first), ("b", with_rows(other, tmp_path)))]
    with pytest.raises(InputError, match="cells of fact sft took different inputs as their synth: data@1, rows@1"):
        stage.plan(SweepConfig(), of, (), "sweep")
    stage.plan(SweepConfig(), of, ("sft", "eval world"), "sweep")


def with_rows(_: Artifact, root: Path) -> Artifact:
    """Data of another digest."""
    return evaluation(root, "rows", items("qa.accuracy", HALF))


def test_a_figure_that_was_not_measured_is_refused_with_the_nearest(tmp_path: Path) -> None:
    of = cells(tmp_path, {"a": HALF})
    with pytest.raises(SettingsError, match=r"there is no figure 'qa.acuracy' to choose by; did you mean 'qa.accuracy'"):
        swept(tmp_path, of, SweepConfig(by="qa.acuracy"))


def test_cells_that_were_asked_other_questions_are_refused(tmp_path: Path) -> None:
    of = cells(tmp_path, {"a": HALF, "b": MORE[:60]})
    with pytest.raises(InputError, match=r"40 of 100 items of qa.accuracy were asked of, or answered by, only one"):
        swept(tmp_path, of)


def test_another_order_of_the_grid_is_another_sweep(tmp_path: Path) -> None:
    """Of equal cells the first is taken, so the order is part of the key."""
    of = cells(tmp_path, {"a": HALF, "b": HALF[:]})
    assert stage.plan(SweepConfig(), of, (), "s").key != stage.plan(SweepConfig(), of[::-1], (), "s").key


def test_a_run_knows_its_model_and_its_evaluation(tmp_path: Path) -> None:
    made: Made = run(tmp_path, "a", HALF)
    assert (made.model.ref, made.evaluation.ref) == ("a@1", "a-dev@1")
    assert replace(Cell(("x=1", "y=2"), (made,))).id == "x=1 y=2"
