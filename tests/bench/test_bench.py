"""`make bench` on worlds of seconds: it runs from nothing, its means are the means, and a second run makes nothing again."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import retrieval, ten_adapters, version_speed
from tests.chain import Folder

MICRO = Path(__file__).parent / "micro.yaml"
pytestmark = pytest.mark.slow


def bench(data: Path, what: str, *more: str) -> str:
    command = [sys.executable, "-m", "tests.bench", what, "--protocol", str(MICRO), "--data", str(data), "--jobs", "1", *more]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What part `effect` leaves of a seed."""
    data = tmp_path_factory.mktemp("one_seed")
    bench(data, "effect", "--seeds", "1")
    return data


def versions(data: Path) -> set[str]:
    return {str(path.relative_to(data)) for path in data.glob("seed*/*/v*")}


def accuracy(data: Path, seed: int, evaluation: str) -> float:
    """Share right among people that pre-training mentions, counted from the answers."""
    lines = (data / f"seed{seed}" / evaluation / "v0001" / "answers.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["task"] == "qa" and row["group"] in ("head", "mid", "tail")]
    return 100 * sum(row["grade"] == "right" for row in rows) / len(rows)


def test_effect_tables_hold_the_counted_figures(tmp_path: Path) -> None:
    printed = bench(tmp_path, "effect")
    table = printed[printed.index("**Questions right") :].split("\n\n")[1]
    for name in ("base", "prereq", "sft"):
        each = [accuracy(tmp_path, seed, f"eval-{name}") for seed in (1, 2)]
        assert f"| {name} | {sum(each) / 2:.1f} | {each[0]:.1f} | {each[1]:.1f} |" in table
    difference = accuracy(tmp_path, 1, "eval-prereq") - accuracy(tmp_path, 1, "eval-sft")
    row = re.search(r"\| sft \| questions right, points \| .* \| (\S+) \S+ \|", printed)
    assert row is not None
    assert row[1] == f"{difference:+.2f}"
    made = versions(tmp_path)
    assert bench(tmp_path, "effect") == printed
    assert versions(tmp_path) == made


def test_trials_show_each_rate_of_each_tuned_method(tmp_path: Path) -> None:
    printed = bench(tmp_path, "dev")
    for method in ("prereq", "sft"):
        for rate in ("0.001", "0.002"):
            assert re.search(rf"\| {method} \| {rate} \| [\d.]+ \|", printed)
    assert (tmp_path / "seed900" / "sft-0.002" / "v0001").is_dir()


def test_a_demo_is_timed_step_by_step(tmp_path: Path) -> None:
    printed = bench(tmp_path, "demo", "--size", "micro", "--versions", "2", "--runs", "1")
    rows = {cells[1].strip(): float(cells[3]) for cells in (line.split("|") for line in printed.splitlines()[4:] if line)}
    steps = rows["world"] + rows["knowledge"] + rows["prereq-tune"] + rows["report"]
    assert 0 < steps < rows["all"]
    assert 0 < rows["until a question and the base's answer are shown"] < rows["all"]
    assert rows["run again, everything reused"] < rows["all"] / 2
    assert 0.1 < rows["peak memory, GiB"] < 8


def test_packs_are_measured(shared_data: Path) -> None:
    printed = "\n".join((retrieval.speed(3000, 20), retrieval.build(3000), retrieval.quality(most_titles=100)))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("| ")]
    value = {cells[0]: cells[1:] for cells in rows}
    assert float(value["queries a second within a page"][0]) > 1000
    assert float(value["ours beside rank_bm25"][0]) > 1
    assert 0 < float(value["shards"][2]) < 4
    assert value["as the page is spelled"] == ["249", "249", "249"]
    assert float(value["0.9"][1]) < 5


def test_judging_is_timed_both_ways_with_the_same_verdicts(tmp_path: Path) -> None:
    printed = bench(tmp_path, "judging", "--answers", "6")
    assert "identical verdicts: 100 of 100" in printed
    assert re.search(r"batched: 1\.\d+ judge calls a response .* agreement with single calls 1\.0000", printed)
    faster = re.search(r"times faster than one request at a time \(its rate on 100 claims\): ([\d.]+)", printed)
    assert faster is not None
    assert float(faster[1]) > 5


def test_the_human_labels_give_both_known_figures(tmp_path: Path, shared_data: Path) -> None:
    printed = bench(tmp_path, "factscore", "--labels", str(shared_data / "factscore_labeled_instructgpt.jsonl"))
    assert "| 0.4281 | 181 |" in printed
    assert "| 0.4739 | 180 |" in printed


def test_short_answers_are_those_of_the_pipeline(one_seed: Path) -> None:
    """On a world of seconds, whose questions are fewer than a thousand: the same answers, and both times are told."""
    printed = bench(one_seed, "answering", "--seeds", "1", "--turns", "1")
    found = re.search(r"(\d+) of (\d+) answers are equal; of the others (\d+) part where two logits tie", printed)
    assert found is not None
    equal, asked, ties = map(int, found.groups())
    assert equal + ties == asked > 0
    assert re.search(r"fact is [\d.]+ \([^)]*\) times as fast by the clock, and [\d.]+ \([^)]*\) times by CPU seconds", printed)


def test_one_version_and_all_are_compared_on_dev_people(one_seed: Path) -> None:
    """The world, texts and knowledge of a folder of part effect; at half the speed the same seconds are 6 / 2 = 3 steps."""
    more = ("--seeds", "1", "--draws", "0", "--speed", "0.5")
    printed = bench(one_seed, "version-sampling", *more)
    shares = [accuracy(one_seed, 1, f"eval-versions-{name}-0") for name in ("one", "all", "all-in-time")]
    for (name, steps), share in zip((("one", 6), ("all", 6), ("all-in-time", 3)), shares, strict=True):
        assert re.search(rf"\| {name} \| {steps} \| [\d,]+ \| {share:.1f} \(", printed)
    for label, share in (("the same rows", shares[1]), ("the same seconds", shares[2])):
        row = re.search(rf"\| {label} \| questions right, points \| - \| .* \| (\S+) \|", printed)  # one draw has no interval
        assert row is not None
        assert row[1] == f"{share - shares[0]:+.2f}"
    manifest = json.loads((one_seed / "seed1" / "eval-versions-all-0" / "v0001" / "manifest.json").read_text())
    assert manifest["config"]["split"] == "dev"
    made = versions(one_seed)
    assert bench(one_seed, "version-sampling", *more) == printed
    assert versions(one_seed) == made


def test_the_speeds_of_one_version_and_all_are_of_the_same_number_of_rows(one_seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version_speed, "STEPS", 2)
    (turn,) = version_speed.turns_of(one_seed, 1, 1)
    assert turn.rows == {"one": 128, "all": 130}  # 2 x 64; 13 rows of each of 5 versions, in the third and fourth step
    assert turn.ratio > 0


def test_adapters_of_one_pass_are_timed_beside_runs_of_trl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two adapters of a few steps, as the recipe of a micro world has them. A process that has torch in it takes more than 100 MiB."""
    Folder(tmp_path).makes("world --size micro --data seed1")
    monkeypatch.setattr(ten_adapters, "VERSIONS", 1)
    printed = ten_adapters.table(tmp_path, 1, turns=1, threads=1)
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("|")]
    rows = {cells[0]: cells[1:] for cells in table}
    mine = float(rows["fact prereq, 2 adapters in one pass"][0])
    assert mine > 0
    for name, goal in ten_adapters.TARGETS.items():
        seconds, _, ratio, target = rows[f"TRL + PEFT, {name}"]
        assert float(ratio.split()[0]) == pytest.approx(float(seconds) / mine, rel=0.05)
        assert float(target) == goal
    peaks = re.findall(r"(?:ours|best settings|as it comes) ([\d,]+)", printed.splitlines()[-1])
    assert len(peaks) == 3
    assert all(float(peak.replace(",", "")) > 100 for peak in peaks)
