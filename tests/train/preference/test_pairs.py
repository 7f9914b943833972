"""Pairs as token ids, what is refused, and the order they are learned in."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from factcli.errors import InputError
from factcli.train.base import load_tokenizer
from factcli.train.job import Objective
from factcli.train.preference.pairs import UNEQUAL, Order, PairRow, Pairs, micro_batches, read_pairs
from tests.train.conftest import WriteRows
from tests.train.preference.conftest import job_of, pair_rows

PAIR = {"id": "p", "question_id": "q", "prompt": "Where?", "chosen": "Lima", "rejected": "Oslo", "split": "train"}


def read(base: str, write_rows: WriteRows, rows: list[dict[str, object]], positions: int | None = None, **changes: object) -> Pairs:
    return read_pairs(job_of(base, write_rows("pairs.jsonl", rows), Path("out"), **changes), load_tokenizer(base), positions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chosen": " "}, "pair p: chosen is empty"),
        ({"prompt": None}, "pair p: prompt is empty"),
        ({"rejected": " Lima "}, "pair p: chosen equals rejected"),
        ({"weight": -1.0}, "pair p has weight -1.0"),
        ({"weight": "much"}, "pair p has weight 'much'"),
        ({"margin": float("nan")}, "pair p has margin nan"),
        ({"weight": 0.0}, "every pair has weight 0"),
        ({"split": "test"}, "no pair is left to train on"),
    ],
)
def test_a_pair_that_cannot_be_meant_is_refused(base: str, write_rows: WriteRows, change: dict[str, object], message: str) -> None:
    rows = [{**PAIR, **change}] + ([{**PAIR, **change, "id": "r"}] if "weight" in change else [])
    with pytest.raises(InputError, match=message):
        read(base, write_rows, rows)


def test_one_pair_and_a_pair_named_twice_are_refused(base: str, write_rows: WriteRows) -> None:
    with pytest.raises(InputError, match=r"one pair only is left to train on \(p\)"):
        read(base, write_rows, [PAIR])
    with pytest.raises(InputError, match=r"pairs.jsonl names a pair twice: p"):
        read(base, write_rows, [PAIR, {**PAIR, "chosen": "Porto"}])


def test_pairs_with_the_same_tokens_are_left_out_and_one_of_them_does_not_end_the_run(base: str, write_rows: WriteRows) -> None:
    """To a tokenizer that writes all letters small LIMA and Lima are one answer."""
    tokenizer = load_tokenizer(base)
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()

    def of(*rows: dict[str, object]) -> Pairs:
        return read_pairs(job_of(base, write_rows("pairs.jsonl", list(rows)), Path("out")), tokenizer, None)

    same = {**PAIR, "id": "same", "chosen": "LIMA", "rejected": "Lima"}
    found = of({**PAIR, "id": "a"}, {**PAIR, "id": "b"}, same)
    assert found.left_out == {"same": "both answers have the same tokens"}
    assert ([row.id for row in found.all], found.counts["n_left_out"]) == (["a", "b"], 1)
    with pytest.raises(InputError, match="no pair is left to train on: 2 x both answers have the same tokens"):
        of(same, {**same, "id": "again"})


def test_a_factual_margin_asks_for_margins(base: str, write_rows: WriteRows) -> None:
    rows = [{**PAIR, "id": name} for name in ("a", "b")]
    assert [row.margin for row in read(base, write_rows, rows).train] == [0.0, 0.0]
    with pytest.raises(InputError, match="pair a has margin None"):
        read(base, write_rows, rows, objective=Objective(margin=1.0))


def test_pairs_are_never_cut(base: str, write_rows: WriteRows) -> None:
    rows = [{**PAIR, "id": "a"}, {**PAIR, "id": "b"}, {**PAIR, "id": "long", "rejected": "Oslo " * 40}]
    (short, _, long) = read(base, write_rows, rows).train
    for positions, limit in ((None, short.n_tokens), (short.n_tokens, 512)):
        with pytest.raises(InputError, match=f"long (with|has) {long.n_tokens}"):
            read(base, write_rows, rows, positions, max_length=limit)
    kept = read(base, write_rows, rows, max_length=short.n_tokens, too_long="drop")
    assert ([row.id for row in kept.train], kept.left_out) == (["a", "b"], {"long": "more tokens than max_length"})
    with pytest.raises(InputError, match="3 of 3 pairs are longer than 2 tokens"):
        read(base, write_rows, rows, max_length=2, too_long="drop")


def test_ids_are_prompt_and_answers_with_an_end(base: str, write_rows: WriteRows) -> None:
    tokenizer = load_tokenizer(base)
    row = read(base, write_rows, [{**PAIR, "id": "a"}, {**PAIR, "id": "b"}]).train[0]
    assert tokenizer.decode(row.prompt_ids) == "<s>Question: Where?\nAnswer:"
    assert tokenizer.decode(row.chosen_ids) == " Lima</s>"
    assert tokenizer.decode(row.rejected_ids) == " Oslo</s>"


def test_the_length_filter_takes_the_mean_of_the_training_pairs(base: str, write_rows: WriteRows) -> None:
    """Differences of 0, 0 and 3d tokens have the mean d, so the third pair goes; dev pairs stay."""
    rows = [{**PAIR, "id": "a"}, {**PAIR, "id": "b"}, {**PAIR, "id": "c", "chosen": "Lima" + " Lima" * 3}]
    dev = {**rows[2], "id": "d", "split": "dev"}
    rows[0]["rejected"] = rows[1]["rejected"] = "Pima"  # one letter apart, and as many tokens
    whole = read(base, write_rows, [*rows, dev])
    differences = [row.length_difference for row in whole.train]
    assert differences[0] == differences[1] == 0
    assert differences[2] > 2
    kept = read(base, write_rows, [*rows, dev], max_length_difference="mean")
    assert ([row.id for row in kept.train], [row.id for row in kept.dev], kept.left_out) == (["a", "b"], ["d"], {"c": UNEQUAL})
    assert len(read(base, write_rows, [*rows, dev], max_length_difference=differences[2]).train) == 3


def test_an_end_is_dropped_by_seed_and_id(base: str, write_rows: WriteRows) -> None:
    """Half of 200 draws of 1/2 is within 6 standard deviations, 100 +- 43; which ones does not depend on the other rows."""
    end = load_tokenizer(base).eos_token_id

    def without(rows: list[dict[str, object]], **changes: object) -> set[str]:
        pairs = read(base, write_rows, rows, drop_eos_rejected=0.5, **changes).train
        assert all(row.chosen_ids[-1] == end for row in pairs)
        return {row.id for row in pairs if row.rejected_ids[-1] != end}

    rows = pair_rows(200)
    drawn = without(rows)
    assert 57 < len(drawn) < 143
    assert without(rows[100:]) == {row["id"] for row in rows[100:]} & drawn
    assert without(rows, seed=4) != drawn


questions = st.lists(st.integers(0, 9).map(str), min_size=1, max_size=60).map(tuple)


@given(questions, st.integers(1, 20), st.integers(0, 99), st.integers(0, 3))
def test_every_pair_comes_once_an_epoch(question_ids: tuple[str, ...], batch: int, seed: int, epoch: int) -> None:
    order = Order(question_ids, batch, seed)
    batches = order.epoch(epoch)
    assert sorted(index for part in batches for index in part) == list(range(len(question_ids)))
    assert len(batches) == len(order)
    assert all(len(part) == batch for part in batches[:-1])
    assert batches == order.epoch(epoch)


@given(st.integers(2, 8), st.integers(2, 8), st.integers(0, 99))
def test_pairs_of_a_prompt_are_spread_over_the_epoch(n_prompts: int, n_each: int, seed: int) -> None:
    """The k-th of n pairs of a prompt lies in the k-th n-th of the epoch, so each n-th holds one pair of every prompt."""
    order = Order(tuple(str(i % n_prompts) for i in range(n_prompts * n_each)), n_prompts, seed)
    for batch in order.epoch(0):
        assert Counter(order.question_ids[index] for index in batch) == {str(i): 1 for i in range(n_prompts)}


@given(st.integers(1, 40), st.integers(0, 7), st.integers(1, 4))
@settings(max_examples=50)
def test_processes_share_a_batch_in_as_many_pieces(n: int, micro_rows: int, processes: int) -> None:
    rows = [PairRow(str(i), "q", "", "train", 1.0, 0.0, (1,), (2,), (3,)) for i in range(n)]
    parts = [list(micro_batches(rows, micro_rows, process, processes)) for process in range(processes)]
    assert len({len(pieces) for pieces in parts}) == 1
    assert sorted(int(row.id) for pieces in parts for piece in pieces for row in piece) == list(range(n))
    assert all(len(piece) <= (micro_rows or n) for pieces in parts for piece in pieces)
