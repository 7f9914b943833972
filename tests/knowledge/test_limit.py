"""A part of a benchmark: drawn by key, in order, the same for everybody, and part of every larger one."""

from hypothesis import given
from hypothesis import strategies as st

from factcli.knowledge.benchmarks.limit import part_of, told_part

ITEMS = st.lists(st.integers(0, 50).map(lambda n: f"q{n}"), max_size=60)


@given(items=ITEMS, limit=st.integers(1, 60))
def test_a_part_is_whole_subjects_in_order_and_lies_in_every_larger_part(items: list[str], limit: int) -> None:
    taken = part_of(items, limit, str)
    keys = set(taken)
    assert len(keys) == min(limit, len(set(items)))
    assert list(taken) == [item for item in items if item in keys]
    assert keys <= set(part_of(items, limit + 1, str))
    assert set(part_of(items[::-1], limit, str)) == keys


def test_a_part_of_an_ordered_file_is_not_its_beginning() -> None:
    """100 of 1,000 drawn: of the first 100 some ten are in it; 100 or none would be a beginning or an end."""
    taken = part_of([f"q{n:04d}" for n in range(1000)], 100, str)
    assert 2 <= sum(item < "q0100" for item in taken) <= 25


def test_another_purpose_draws_another_part() -> None:
    """Ten of 100 that two purposes draw alike: 1 in 1.7e13. The seed is part of one."""
    keys = [f"q{n:02d}" for n in range(100)]
    parts = [part_of(keys, 10, str, purpose) for purpose in (("limit",), (0, "audit limit"), (1, "audit limit"))]
    assert parts[0] == part_of(keys, 10, str)
    assert len(set(parts)) == 3


def test_only_a_part_is_told() -> None:
    assert told_part(50, 14_267, "questions") == "; 50 of 14,267 questions, drawn"
    assert told_part(50, 50, "questions") == ""
