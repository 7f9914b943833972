"""Models that have no knowledge adapter are rows beside PREREQ-TUNE's, in sample and out of it."""

import pytest

from tests.chain import Folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ["real", "fictitious"])
def test_a_baseline_is_asked_about_the_invented_people_of_every_version(micro: Folder, method: str) -> None:
    micro.must("sft", "--method", method, "--synth", "bio", "--name", f"sft-{method}")
    micro.must("eval", "world", "--model", f"sft-{method}", "--limit", "4", "--name", f"eval-{method}")
    rows = micro.rows(f"eval-{method}", "memorisation")
    assert {(row["sample"], row["task"], row["version"]) for row in rows} == {(s, t, v) for s in ("in", "out") for t in ("qa", "bio") for v in (1, 2)}
    assert all(row["chance"] is not None for row in rows if row["n_items"])
    assert micro.rows(f"eval-{method}", "swap") == []
