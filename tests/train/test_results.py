"""What a finished job says that it took."""

import pytest

from factcli.train.results import usage_of


@pytest.mark.parametrize(("n_processes", "several"), [(1, {}), (2, {"processes": 2})])
def test_a_run_is_told_with_its_pace_and_with_its_processes_where_there_are_several(n_processes: int, several: dict[str, int]) -> None:
    """501 tokens in 2.004 seconds are 250 a second."""
    assert usage_of(2.004, 501, n_processes) == {"seconds": 2.0, "tokens": 501, "tokens_per_s": 250, **several}


def test_a_run_that_took_no_time_has_a_pace() -> None:
    assert usage_of(0.0, 0, 1)["tokens_per_s"] == 0
