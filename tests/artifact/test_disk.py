"""A full disk: nothing half-committed, a clear line, and the same command goes on afterwards."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, Outcome
from factcli.artifact.read import versions_in
from factcli.errors import InputError
from tests.artifact.processes import disk_of
from tests.artifact.toy import ToyConfig, content_of, make_toy, toy_plan, toy_work

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture
def whole(tmp_path: Path) -> Artifact:
    return make_toy(tmp_path / "whole")


def failed(root: Path, work=toy_work) -> InputError:
    with pytest.raises(InputError) as raised:
        make_toy(root, work=work)
    assert versions_in(root / "toy") == []
    assert raised.value.exit_code == 3
    assert raised.value.message.startswith("no space to write ")
    assert "goes on where it was" in raised.value.hint
    return raised.value


def test_no_room_for_the_journal(tmp_path: Path, whole: Artifact) -> None:
    partial = tmp_path / "toy" / f".partial-{toy_plan(ToyConfig()).key}"
    (partial / "content").mkdir(parents=True)
    (partial / "journal.jsonl").symlink_to(FULL)
    assert "No space left on device" in failed(tmp_path).message
    (partial / "journal.jsonl").unlink(missing_ok=True)
    assert content_of(make_toy(tmp_path)) == content_of(whole)


@pytest.mark.parametrize("file", ["people.jsonl", "README.md"])
def test_no_room_at_commit(tmp_path: Path, whole: Artifact, file: str) -> None:
    def work(draft: Draft) -> Outcome:
        outcome = toy_work(draft)
        draft.folder("").joinpath(file).symlink_to(FULL)
        return outcome

    failed(tmp_path, work)
    next((tmp_path / "toy").glob(".partial-*/content")).joinpath(file).unlink()
    assert content_of(make_toy(tmp_path)) == content_of(whole)


def test_no_room_at_any_size_of_file(tmp_path: Path, whole: Artifact) -> None:
    largest = max(path.stat().st_size for path in whole.path.rglob("*") if path.is_file())
    for n_bytes in range(150, largest, 101):  # below, not even the owner's note fits
        root = tmp_path / f"disk{n_bytes}"
        with disk_of(n_bytes):
            assert "too large" in failed(root).message
        assert content_of(make_toy(root)) == content_of(whole), n_bytes


def test_no_room_to_begin(tmp_path: Path) -> None:
    with disk_of(10):
        failed(tmp_path)
    assert make_toy(tmp_path).ref == "toy@1"
