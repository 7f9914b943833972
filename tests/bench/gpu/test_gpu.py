"""The figures of one GPU, made in small on a CPU: every part runs, counts right, and stands on the page."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.gpu.__main__ import main
from tests.bench.gpu.beside import Took, last_tenth, row_of
from tests.bench.gpu.figures import in_turns, step_seconds, usage_row
from tests.bench.gpu.page import put, section
from tests.bench.gpu.parts import PARTS
from tests.bench.gpu.place import ROOT, Place, RefusedError, UnfinishedError, install


def gpu(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "tests.bench.gpu", *words], capture_output=True, text=True, cwd=ROOT)


def here(folder: Path, seconds: float = 60.0) -> Place:
    return Place(folder, "micro", "cpu", 1, time.monotonic() + seconds)


def test_seconds_are_of_the_steps_and_the_run_in_the_middle_is_shown() -> None:
    """10, 20 and 60 operations at 10 a second: 1, 2 and 6 s; the second has 8 tokens in 2 s."""
    usages = [{"seconds": 9.0, "tokens": tokens, "flops": flops, "flops_per_s": 10} for flops, tokens in ((60, 7), (10, 7), (20, 8))]
    assert usage_row("x", usages, step_seconds) == {"what": "x", "seconds": 2.0, "least": 1.0, "most": 6.0, "turns": 3.0, "tokens/s": 4.0}
    assert usage_row("x", usages[:1]) == {"what": "x", "seconds": 9.0, "tokens/s": 7 / 9}, "of the whole run"


def test_a_time_that_is_over_leaves_the_turns_that_were_made(tmp_path: Path) -> None:
    given = iter([7, 8])

    def turn() -> int:
        if (one := next(given, None)) is None:
            raise UnfinishedError
        return one

    assert in_turns(replace(here(tmp_path), turns=3), turn) == [7, 8]
    with pytest.raises(UnfinishedError):
        in_turns(here(tmp_path), turn)


def test_ratios_are_turn_by_turn() -> None:
    """TRL took 10, 12, 40 s where we took 5, 3, 8: 2, 4 and 5 times."""
    row = row_of("TRL", [Took(10, 2 * 10**9, 0.1), Took(12, 3 * 10**9, 0.1), Took(40, 4 * 10**9, 0.2)], [5, 3, 8])
    assert (row["times ours"], row["times, least"], row["times, most"]) == (4, 2, 5)
    assert (row["GB at most"], row["loss at the end"]) == (3, 0.2)
    assert last_tenth([9.0] * 18 + [1.0, 3.0]) == 2.0


def test_the_page_shows_what_was_made_and_names_what_was_not(tmp_path: Path) -> None:
    said = {"part": "switches", "date": "2026-11-22", "size": "base", "turns": 3, "machine": {"device": "a card", "torch": "2.13"}}
    rows = [{"what": "as it comes", "tokens/s": 12345.6}, {"what": "float32", "GB at most": 0.1234}]
    (tmp_path / "gpu-switches.json").write_text(json.dumps({**said, "rows": rows, "left_out": ["Liger: not installed"]}))
    text = section(tmp_path)
    assert "| what | tokens/s | GB at most |" in text
    assert "| as it comes | 12,346 |  |\n| float32 |  | 0.123 |" in text
    assert "Left out: Liger: not installed." in text
    assert "2026-11-22, world of size base, turns: 3. device a card; torch 2.13." in text
    assert f"Not made: {', '.join(name for name in PARTS if name != 'switches')}." in text
    page = tmp_path / "page.md"
    page.write_text("# Results\n\n## On one GPU\n\nNone yet.\n\n## Start\n\nFast.\n")
    put(text, page)
    assert page.read_text() == f"# Results\n\n{text}\n## Start\n\nFast.\n"


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no part 'wrold'; parts: world, prereq"):
        main(["wrold", "--device", "cpu"])
    with pytest.raises(SystemExit, match=r"holds no gpu-PART.json"):
        main(["table", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="there is no wheel in it"):
        install(tmp_path, tmp_path / "site")
    with pytest.raises(RefusedError, match="unknown setting 'lgier'"):
        here(tmp_path / "data").fact("world", "--set", "lgier=true")
    with pytest.raises(UnfinishedError):
        here(tmp_path / "data", seconds=0.0).fact("world", "--size", "micro")


@pytest.mark.slow
def test_every_part_runs_in_small(tmp_path: Path) -> None:
    """Figures of seconds mean nothing; that they are there, and what the parts say of each other, does."""
    ran = gpu("all", "--size", "micro", "--device", "cpu", "--turns", "1", "--within", "1500", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"))
    assert ran.returncode == 0, ran.stderr
    made = {name: json.loads((tmp_path / "out" / f"gpu-{name}.json").read_text()) for name in PARTS}
    assert all(one["rows"] or one["left_out"] for one in made.values())
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", one["date"]) and one["machine"]["torch"] for one in made.values())
    for part in ("ten-adapters", "one-adapter"):
        ours, *theirs = made[part]["rows"]
        assert [row["what"] for row in theirs] == ["TRL + PEFT, best settings", "TRL + PEFT, as it comes"]
        assert theirs[0]["times ours"] == pytest.approx(theirs[0]["seconds"] / ours["seconds"])
        assert all(row["loss at the end"] == pytest.approx(ours["loss at the end"], rel=0.2) for row in theirs), "the last batch is a single row on one side"
    long = made["long-prompts"]["rows"]
    assert [row["what"] for row in long[::3]] == [f"fact dpo, prompts of {n} tokens" for n in (128, 256, 512)]
    assert all(other["times ours"] == pytest.approx(other["seconds"] / long[i]["seconds"]) for i in (0, 3, 6) for other in long[i + 1 : i + 3])
    (resumed,) = made["resume"]["rows"]
    assert resumed["weights, largest difference, %"] < 0.01
    assert made["sweep"]["rows"][0]["cells"] == 4
    assert "### Ten knowledge adapters" in gpu("table", "--out", str(tmp_path / "out")).stdout
