"""Which pairs are trained on, and what is said of the others."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.answerrows import Pair
from factcli.errors import InputError
from factcli.stages.dpo import DpoConfig
from factcli.stages.dpo.rows import ChosenRows, choose_rows
from tests.stages.dpo.made import pair


def chosen(*pairs: Pair, **settings: Any) -> ChosenRows:
    return choose_rows(pairs, DpoConfig(**settings), "pairs@1")


def refused(*pairs: Pair, **settings: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        chosen(*pairs, **settings)
    return caught.value


def test_a_pair_that_teaches_nothing_is_kept_as_a_reject_with_its_reason() -> None:
    found = chosen(
        pair(0),
        pair(1),
        pair(2, chosen=" "),
        pair(3, rejected=""),
        pair(4, chosen="Same.", rejected=" Same."),
        pair(5, prompt="  "),
        pair(6, margin=0.0),
        pair(0),
    )
    assert [row.id for row in found.rows] == ["q0.p0-1", "q1.p0-1"]
    reasons = Counter(reject.reason for reject in found.rejects)
    assert reasons == {"a tie: margin 0": 1, "an answer is empty": 2, "chosen equals rejected": 1, "no prompt": 1, "the same pair again": 1}
    assert (found.n_given, len(found.rejects)) == (8, 6)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "pairs@1 has no pair that can be trained on: it has none"),
        ([pair(n, chosen="x", rejected="x") for n in range(3)], "3 x chosen equals rejected"),
        ([pair(n, chosen="") for n in range(3)], "3 x an answer is empty"),
        ([pair(n, margin=0.0) for n in range(3)], "3 x a tie: margin 0"),
        ([pair(0)], "one pair to train on, need 2 or more"),
        ([pair(n, split="dev") for n in range(3)], "no pair to train on: 3 of split dev"),
        ([pair(n, split="test") for n in range(3)], "no pair to train on: 3 of split test"),
        ([pair(0, prompt="[INST] Who? [/INST]"), pair(1, prompt="<|user|>\nWho?")], "2 x the prompt is in a chat template already"),
    ],
)
def test_nothing_to_train_on_is_an_error_with_reason_and_way_out(pairs: list[Pair], said: str) -> None:
    error = refused(*pairs)
    assert said in error.message
    assert error.hint


def test_all_pairs_of_one_question_are_in_one_split_the_strictest() -> None:
    """Person 1 is asked about in both; only case and punctuation differ."""
    found = chosen(
        pair(0),
        pair(3),
        pair(1, prompt="Where was Ann born?"),
        pair(2, split="dev", prompt="where was ann born"),
        pair(4, split="test", prompt="Q"),
        pair(5, prompt="q?"),
    )
    assert {row.id: row.split for row in found.rows} == {"q0.p0-1": "train", "q3.p0-1": "train", "q1.p0-1": "dev", "q2.p0-1": "dev"}
    assert found.by_other_split == {"test": 2}
    assert (found.n_train, found.n_dev, found.n_questions) == (2, 2, 2)


@given(st.integers(2, 40), st.integers(0, 5))
def test_questions_without_a_split_are_drawn_by_seed_exactly_the_share_to_dev(n: int, seed: int) -> None:
    found = chosen(*(pair(i, split="none") for i in range(n)), *(pair(100 + i) for i in range(2)), eval_share=0.25, seed=seed)
    assert found.n_dev == min(round(0.25 * n), n - 1)
    assert found == chosen(*(pair(i, split="none") for i in range(n)), *(pair(100 + i) for i in range(2)), eval_share=0.25, seed=seed)


def test_margins_weigh_pairs_by_their_mean() -> None:
    """Margins .2 .4 .6 of train have the mean .4: weights .5, 1 and 1.5; dev is weighed by the same mean."""
    found = chosen(pair(0, margin=0.2), pair(1, margin=0.4), pair(2, margin=0.6), pair(3, margin=0.8, split="dev"), weights="margin")
    assert [round(row.weight, 9) for row in found.rows] == [0.5, 1.0, 1.5, 2.0]
    assert [row.weight for row in chosen(pair(0, margin=0.2), pair(1, margin=None)).rows] == [1.0, 1.0]


def test_a_pair_against_its_margin_is_turned_round_where_that_is_asked_for() -> None:
    found = chosen(pair(0), pair(1, margin=-0.3), flip=True, factual_margin=1.0)
    turned = found.rows[1]
    assert (turned.chosen, turned.rejected, turned.margin) == (pair(1).rejected, pair(1).chosen, 0.3)
    assert (found.n_flipped, found.n_against_margin) == (1, 0)
    kept = chosen(pair(0), pair(1, margin=-0.3))
    assert (kept.rows[1].chosen, kept.n_flipped, kept.n_against_margin) == (pair(1).chosen, 0, 1)


@pytest.mark.parametrize(
    ("settings", "margins", "said", "way_out"),
    [
        ({"weights": "margin"}, (0.5, None), "1 of 2 train pairs of pairs@1 have no margin", "only pairs of scores have one"),
        ({"factual_margin": 1.0}, (None, None), "2 of 2 train pairs of pairs@1 have no margin", "factual_margin=0"),
        ({"weights": "margin"}, (0.5, -0.5), "1 of 2 train pairs of pairs@1 prefer the answer with the lower score", "flip=true"),
        ({"factual_margin": 1.0}, (0.5, -0.5), "prefer the answer with the lower score", "flip=true"),
    ],
)
def test_margins_that_cannot_do_what_is_asked_of_them_are_refused(settings: dict[str, Any], margins: tuple, said: str, way_out: str) -> None:
    error = refused(*(pair(n, margin=margin) for n, margin in enumerate(margins)), **settings)
    assert said in error.message
    assert way_out in error.hint
