"""A version is there whole or not at all, whenever the process that writes it is killed."""

import os
import shutil
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, Outcome, draft, open_artifact
from factcli.artifact.draft import discard
from factcli.artifact.partial import all_partials
from factcli.artifact.read import versions_in
from factcli.errors import InputError, SettingsError
from tests.artifact.processes import killed_at_byte, killed_at_line, run_in_child
from tests.artifact.toy import ToyConfig, content_of, damage_of, make_toy, person, toy_plan, toy_work

KILLS = 40  # spread over the run; about 0.1 s each, for the child is traced


@pytest.fixture
def whole(tmp_path: Path) -> Artifact:
    """The version that an uninterrupted run makes."""
    return make_toy(tmp_path / "whole")


def committed(root: Path) -> list[Path]:
    return [path for _, path in versions_in(root / "toy")] if (root / "toy").is_dir() else []


def n_lines(tmp_path: Path) -> int:
    """Lines of the artifact package that one run executes, by bisection over kills."""
    low, high = 1, 1 << 14
    while low < high:
        middle = (low + high) // 2
        if killed_at_line(middle, lambda: make_toy(tmp_path / "counted")):
            low = middle + 1
        else:
            high = middle
        shutil.rmtree(tmp_path / "counted")
    return low


@pytest.mark.slow
def test_a_run_killed_anywhere_leaves_nothing_or_a_whole_version_and_the_next_run_ends_like_an_uninterrupted_one(tmp_path: Path, whole: Artifact) -> None:
    last = n_lines(tmp_path)
    assert last > 300
    for line in range(1, last, max(1, last // KILLS)):
        root = tmp_path / f"killed{line}"
        assert killed_at_line(line, lambda root=root: make_toy(root))
        for path in committed(root):
            assert damage_of(open_artifact(path, root), root) == [], line
        again = make_toy(root)
        assert (again.digest, again.ref) == (whole.digest, "toy@1"), line
        assert content_of(again) == content_of(whole), line
        assert len(committed(root)) == 1, line


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_killed_before_any_line_of_its_draft_or_of_a_removal_ends_like_an_uninterrupted_one(tmp_path: Path, whole: Artifact, step: int) -> None:
    line = 1
    while killed_at_line(line, lambda line=line: make_toy(tmp_path / f"killed{line}"), (draft.__file__, shutil.__file__)):
        root = tmp_path / f"killed{line}"
        for path in committed(root):
            assert damage_of(open_artifact(path, root), root) == [], line
        again = make_toy(root)
        assert (again.ref, content_of(again)) == ("toy@1", content_of(whole)), line
        line += step
    assert line > 100


def test_a_run_that_is_killed_again_and_again_gets_done(tmp_path: Path, whole: Artifact) -> None:
    kills, line = 0, 130
    while killed_at_line(line, lambda: make_toy(tmp_path / "again")):
        kills, line = kills + 1, line + 23
    assert kills > 10
    assert content_of(open_artifact("toy", tmp_path / "again")) == content_of(whole)


@pytest.mark.slow
def test_a_run_killed_within_a_write_ends_like_an_uninterrupted_one(tmp_path: Path, whole: Artifact) -> None:
    largest = max(entry.bytes for entry in whole.manifest.files.values())
    kills = 0
    for n_bytes in range(1, largest + 400, 37):
        root = tmp_path / f"cut{n_bytes}"
        kills += killed_at_byte(n_bytes, lambda root=root: make_toy(root))
        assert content_of(make_toy(root)) == content_of(whole), n_bytes
    assert kills > 30


@pytest.mark.parametrize("force", [False, True])
def test_a_kill_after_the_rename_leaves_a_version_and_no_way_to_commit_its_journal_without_its_folders(tmp_path: Path, force: bool) -> None:
    def killed_after_the_rename() -> None:
        with Draft(toy_plan(ToyConfig()), tmp_path) as draft:
            outcome = toy_work(draft)
            kept = tmp_path / "kept"
            shutil.copytree(draft.partial, kept)
            draft.commit(outcome)
            shutil.rmtree(kept / "content")
            kept.rename(draft.partial)  # as it is between the rename and the removal
            os._exit(0)

    run_in_child(killed_after_the_rename)
    again = make_toy(tmp_path, force=force)
    assert again.ref == ("toy@2" if force else "toy@1")
    assert content_of(again) == content_of(open_artifact("toy@1", tmp_path)) | {"README.md": content_of(again)["README.md"]}
    assert "adapters/v1/weights.bin" in again.manifest.files


def test_a_resumed_run_does_not_repeat_what_is_finished(tmp_path: Path) -> None:
    plan = toy_plan(ToyConfig(n_people=3))
    with Draft(plan, tmp_path) as draft:
        draft.write("p1", 1, {"people": [person(1)]})
    with Draft(plan, tmp_path) as draft:
        assert [draft.done(f"p{n}") for n in range(3)] == [False, True, False]
        with pytest.raises(AssertionError, match="already"):
            draft.write("p1", 1, {"people": [person(1)]})


def test_the_same_key_is_reused_and_a_changed_setting_is_not(tmp_path: Path) -> None:
    first = make_toy(tmp_path)
    before = (first.path / "manifest.json").stat().st_mtime_ns
    assert make_toy(tmp_path).path == first.path
    assert (first.path / "manifest.json").stat().st_mtime_ns == before
    assert make_toy(tmp_path, seed=1).ref == "toy@2"
    assert make_toy(tmp_path).ref == "toy@1"


def test_force_makes_a_new_version_with_the_same_digest(tmp_path: Path) -> None:
    first, second = make_toy(tmp_path), make_toy(tmp_path, force=True)
    assert (first.ref, second.ref) == ("toy@1", "toy@2")
    assert first.digest == second.digest


def test_a_version_that_lost_a_file_is_made_again(tmp_path: Path) -> None:
    (make_toy(tmp_path).path / "people.jsonl").unlink()
    assert make_toy(tmp_path).ref == "toy@2"


def test_a_damaged_older_version_does_not_stop_new_work(tmp_path: Path) -> None:
    (make_toy(tmp_path).path / "manifest.json").write_text("{")
    assert make_toy(tmp_path).ref == "toy@2"


def test_a_version_number_that_is_taken_by_anything_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "toy" / "v0001").mkdir(parents=True)  # empty: a rename onto it would succeed
    (tmp_path / "toy" / "v0002").mkdir()
    (tmp_path / "toy" / "v0002" / "somebody.txt").write_text("mine")
    assert make_toy(tmp_path).ref == "toy@3"
    assert (tmp_path / "toy" / "v0002" / "somebody.txt").read_text() == "mine"


def _commit(root: Path, seed: int) -> None:
    make_toy(root, seed=seed)


def test_versions_committed_at_the_same_time_get_different_numbers(tmp_path: Path) -> None:
    context = get_context("fork")
    children = [context.Process(target=_commit, args=(tmp_path, seed)) for seed in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    versions = [open_artifact(path, tmp_path) for _, path in versions_in(tmp_path / "toy")]
    assert [a.manifest.version for a in versions] == [1, 2, 3, 4, 5, 6]
    assert {a.manifest.seed for a in versions} == set(range(6))
    assert all(not damage_of(a, tmp_path) for a in versions)


def test_a_folder_may_hold_a_file_called_manifest(tmp_path: Path) -> None:
    def work(draft: Draft):
        (draft.folder("model") / "manifest.json").write_text("{}")
        return toy_work(draft)

    artifact = make_toy(tmp_path, work=work)
    assert "model/manifest.json" in artifact.manifest.files
    assert damage_of(artifact, tmp_path) == []


def fails(draft: Draft) -> Outcome:
    raise InputError("nobody is in split dev")


def test_work_that_fails_before_it_made_anything_leaves_no_trace(tmp_path: Path) -> None:
    for error, work in ((InputError, fails), (KeyboardInterrupt, interrupted), (InputError, makes_folders_and_fails)):
        with pytest.raises(error):
            make_toy(tmp_path, work=work)
        assert list((tmp_path / "toy").iterdir()) == []
        assert list(all_partials(tmp_path)) == []
    first = make_toy(tmp_path)
    with pytest.raises(InputError):
        make_toy(tmp_path, work=fails, seed=1)
    assert list(all_partials(tmp_path)) == []
    assert make_toy(tmp_path) == first
    assert make_toy(tmp_path, seed=1).ref == "toy@2"


def interrupted(draft: Draft) -> Outcome:
    raise KeyboardInterrupt


def makes_folders_and_fails(draft: Draft) -> Outcome:
    draft.folder("adapters/v1")
    draft.scratch().joinpath("run").mkdir()
    return fails(draft)


def writes_a_unit(draft: Draft) -> None:
    draft.write("p0", 0, {"people": [person(0)]})


def writes_a_file(draft: Draft) -> None:
    (draft.folder("adapters") / "weights.bin").write_bytes(b"w")


def writes_a_checkpoint(draft: Draft) -> None:
    (draft.scratch() / "job.json").write_text("{}")


@pytest.mark.parametrize("begin", [writes_a_unit, writes_a_file, writes_a_checkpoint])
def test_work_that_fails_after_it_made_something_goes_on_from_it(tmp_path: Path, begin: Callable[[Draft], None]) -> None:
    def work(draft: Draft) -> Outcome:
        begin(draft)
        return fails(draft)

    with pytest.raises(InputError):
        make_toy(tmp_path, work=work)
    (partial,) = all_partials(tmp_path)
    before = sorted(path for path in partial.path.rglob("*") if path.name != "owner.json" and path.is_file())
    with Draft(toy_plan(ToyConfig()), tmp_path) as draft:
        assert draft.done("p0") == (begin is writes_a_unit)
        assert sorted(path for path in draft.partial.rglob("*") if path.name != "owner.json" and path.is_file()) == before


def test_a_link_is_not_committed(tmp_path: Path) -> None:
    def work(draft: Draft):
        (draft.folder("model") / "weights").symlink_to(tmp_path)
        return toy_work(draft)

    with pytest.raises(AssertionError, match="link"):
        make_toy(tmp_path, work=work)


def test_numbers_that_json_has_not_and_keys_that_sort_otherwise_survive_in_a_summary(tmp_path: Path) -> None:
    def work(draft: Draft):
        outcome = toy_work(draft)
        return type(outcome)(outcome.headline, {"mean": float("nan"), "by version": {2: 0.5, 10: float("inf")}})

    artifact = make_toy(tmp_path, work=work)
    assert open_artifact("toy", tmp_path).summary == {"mean": None, "by version": {"2": 0.5, "10": None}}
    assert artifact.summary == open_artifact("toy", tmp_path).summary


def test_a_row_of_another_type_than_the_table_is_refused(tmp_path: Path) -> None:
    with Draft(toy_plan(ToyConfig()), tmp_path) as draft, pytest.raises(AssertionError, match="facts holds Fact rows only"):
        draft.write("p1", 1, {"facts": [person(1)]})


def test_an_undeclared_table_is_refused(tmp_path: Path) -> None:
    with Draft(toy_plan(ToyConfig()), tmp_path) as draft, pytest.raises(AssertionError, match="persons"):
        draft.write("p1", 1, {"persons": [person(1)]})


@pytest.mark.parametrize("name", ["../out", "a/b", "toy@2", "", ".hidden", "x" * 101])
def test_a_name_that_is_not_one_folder_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="name = "):
        toy_plan(ToyConfig(), name)


def test_a_failure_while_a_draft_opens_gives_the_lock_back(tmp_path: Path) -> None:
    plan = toy_plan(ToyConfig())
    with Draft(plan, tmp_path) as draft:
        draft.write("p0", 0, {"people": [person(0)]})
        draft.write("p1", 1, {"people": [person(1)]})
    journal = draft.partial / "journal.jsonl"
    journal.write_bytes(b"x" + journal.read_bytes()[1:])
    for _ in range(2):  # the second time it must be the damage again, not the lock
        with pytest.raises(InputError, match=r"journal.jsonl:1 is damaged"), Draft(plan, tmp_path):
            pass
    discard(draft.partial)
    assert make_toy(tmp_path).ref == "toy@1"
