"""Opening a version: every form of reference, and every bad input gets one line with the way out."""

import json
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Draft, all_artifacts, make, open_artifact
from factcli.artifact.read import survey
from factcli.errors import InputError
from factcli.rows import Fact, Person
from tests.artifact.toy import ToyConfig, changed_manifest, fact, make_toy, person, toy_plan, toy_work


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two versions of `toy` and one of `world`."""
    root = tmp_path / "data"
    make_toy(root)
    make_toy(root, seed=1)
    make_toy(root, "world")
    return root


def refused(ref: str | Path, root: Path, kinds: tuple[str, ...] = ()) -> InputError:
    with pytest.raises(InputError) as raised:
        open_artifact(ref, root, kinds)
    error = raised.value
    assert error.exit_code == 3
    assert "\n" not in error.message
    assert error.hint
    return error


def test_a_name_is_its_newest_version_a_number_names_one_and_paths_of_both_work(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ref in ("toy", "toy@2", "toy@0002", root / "toy", root / "toy" / "v0002", f"{root}/toy/v0002/", f"{root}/toy/../toy/v0002"):
        assert open_artifact(ref, root).ref == "toy@2"
    assert open_artifact("toy@1", root).ref == "toy@1"
    monkeypatch.chdir(root / "toy")
    assert open_artifact("v0001", root).ref == open_artifact("./v0001", root).ref == "toy@1"


def test_the_tenth_thousandth_version_is_newer_than_the_ninth(root: Path) -> None:
    shutil.copytree(root / "toy" / "v0002", root / "toy" / "v9999")
    assert make_toy(root, seed=7).ref == "toy@10000"
    assert open_artifact("toy", root).ref == "toy@10000"


def test_a_near_miss_is_answered_with_the_name_meant(root: Path) -> None:
    assert "nothing is called 'wrold'" in refused("wrold", root).message
    assert "did you mean 'world'?" in refused("wrold", root).message
    assert "did you mean" not in refused("quite-another", root).message


@pytest.mark.parametrize("ref", ["toy@3", "toy@", "toy@latest", "toy@-1", "toy@²", "toy@1.0", "toy@" + "9" * 5000])
def test_a_version_that_is_not_there_is_answered_with_those_that_are(root: Path, ref: str) -> None:
    if ref == "toy@":
        assert "there is no" in refused(ref, root).message
    assert refused(ref, root).hint == "committed versions: toy@1, toy@2"


@pytest.mark.parametrize("ref", ["", ".", "..", "@1", "a\0b", "x" * 300, "~", "$(id)", ".partial-ab", "no/such/path", "/", "x/" + "y" * 300])
def test_what_is_no_reference_is_refused(root: Path, ref: str) -> None:
    refused(ref, root)


def test_an_empty_data_directory_and_none_at_all(tmp_path: Path) -> None:
    assert "nothing is called 'world'" in refused("world", tmp_path).message
    assert "nothing is called 'world'" in refused("world", tmp_path / "none").message
    assert all_artifacts(tmp_path / "none") == []


def test_a_foreign_directory(root: Path) -> None:
    (root / "photos").mkdir()
    assert "has no committed version" in refused("photos", root).message
    assert "not a directory of `fact`" in refused(root / "photos", root).message
    (root / "photos" / "v0001").mkdir()
    assert "half-written or not a directory of `fact`" in refused("photos@1", root).message
    (root / "photos" / "v0001" / "manifest.json").write_text('{"name": "a web page"}')
    assert "was not written by `fact`" in refused("photos@1", root).message


def test_a_file_in_place_of_a_directory(root: Path) -> None:
    assert "is not a directory" in refused(root / "toy" / "v0001" / "people.jsonl", root).message


def test_interrupted_work_is_not_a_version_and_the_way_out_is_to_go_on(root: Path) -> None:
    with Draft(toy_plan(ToyConfig(), "begun"), root) as draft:
        draft.write("p0", 0, {"people": [person(0)]})
    assert "run its command again" in refused("begun", root).hint
    shutil.copy(root / "toy" / "v0001" / "manifest.json", draft.partial / "content")
    assert "half-written" in refused(draft.partial / "content", root).message
    assert "half-written" in refused(draft.partial, root).message


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"x"', "[" * 100_000, "1" * 5000, '{"kind": "\\ud800", "digest": ""}'], ids=range(8))
def test_a_damaged_manifest(root: Path, text: str) -> None:
    (root / "toy" / "v0002" / "manifest.json").write_text(text)
    assert "manifest.json" in refused("toy", root).message
    assert open_artifact("toy@1", root).ref == "toy@1"


def test_half_a_character_in_a_manifest(root: Path) -> None:
    path = root / "toy" / "v0002" / "manifest.json"
    path.write_text(path.read_text().replace("3 people", "\\ud800 people"))
    assert "was changed after it was committed" in refused("toy", root).message


def test_bytes_that_are_not_text(root: Path) -> None:
    (root / "toy" / "v0002" / "manifest.json").write_bytes(b"\xff\xfe\x00")
    assert "is damaged" in refused("toy", root).message


def test_a_manifest_of_another_schema_says_so(root: Path) -> None:
    changed_manifest(root / "toy" / "v0002", schema=2)
    assert "has schema 2, this version reads 1" in refused("toy", root).message


def test_a_changed_number_breaks_the_seal(root: Path) -> None:
    changed_manifest(root / "toy" / "v0002", summary={"accuracy": 1.0})
    assert "was changed after it was committed" in refused("toy", root).message


@pytest.mark.parametrize(("before", "after"), [(b'"kind"', b'"kinD"'), (b"\n ", b"\n\t"), (b": ", b":\n"), (b"\n}\n", b"\n}")])
def test_any_changed_spelling_breaks_the_seal(root: Path, before: bytes, after: bytes) -> None:
    path = root / "toy" / "v0002" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(before, after, 1))
    refused("toy", root)


def test_the_wrong_kind_is_refused_by_name_with_those_of_the_right_kind(root: Path) -> None:
    error = refused("world", root, ("skill", "knowledge"))
    assert error.message == "world@1 is a toy, but a skill or knowledge is needed"
    assert error.hint == "there is none of that kind yet"
    changed_manifest(root / "toy" / "v0001", schema=2)  # damage elsewhere must not hide the answer
    assert refused("world", root, ("skill",)).message == "world@1 is a toy, but a skill is needed"


def test_a_kind_that_begins_with_a_vowel_has_its_article(root: Path) -> None:
    assert refused("world", root, ("eval",)).message == "world@1 is a toy, but an eval is needed"
    evaluation = make(toy_plan(ToyConfig(), "scores", kind="eval"), toy_work, root)[0]
    assert refused("scores", root, ("toy", "eval2")).message == "scores@1 is an eval, but a toy or eval2 is needed"
    assert "\nAn eval written by `fact toy`." in (evaluation.path / "README.md").read_text()


def test_a_version_that_was_copied_to_another_number_or_name_is_refused(root: Path) -> None:
    shutil.copytree(root / "toy" / "v0001", root / "toy" / "v0007")
    shutil.copytree(root / "toy", root / "copy")
    assert "says it is toy@1: it was copied or renamed" in refused("toy@7", root).message
    assert "says it is toy@1: it was copied or renamed" in refused("copy@1", root).message


def test_a_version_that_was_moved_elsewhere_opens_by_its_path(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "toy" / "v0001", tmp_path / "from a friend")
    assert open_artifact(tmp_path / "from a friend", root).ref == "toy@1"


def test_all_artifacts_are_newest_first_and_damage_among_them_is_an_error(root: Path) -> None:
    assert [a.ref for a in all_artifacts(root)] == ["world@1", "toy@2", "toy@1"]
    (root / "toy" / "v0003").mkdir()  # never committed
    assert len(all_artifacts(root)) == 3
    (root / "toy" / "v0001" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="v0001"):
        all_artifacts(root)
    found, unreadable = survey(root)
    assert ([a.ref for a in found], [u.ref for u in unreadable]) == (["world@1", "toy@2"], ["toy@1", "toy@3"])


def test_rows_come_back_as_they_were_written(root: Path) -> None:
    artifact = open_artifact("world", root)
    assert list(artifact.rows("people", Person)) == [person(0), person(1), person(2)]
    assert list(artifact.rows("facts", Fact)) == [fact(1, 0), fact(2, 0), fact(2, 1)]
    assert list(artifact.rows("empty", Person)) == []


def spoiled(artifact: Artifact, content: bytes) -> AbstractContextManager[pytest.ExceptionInfo[InputError]]:
    (artifact.path / "people.jsonl").write_bytes(content)
    return pytest.raises(InputError)


@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"{}", b'{"id": "\xff"}', b'{"id": "a", "colour": "red"}'])
def test_a_damaged_row_is_named_with_its_line(root: Path, line: bytes) -> None:
    artifact = open_artifact("world", root)
    first = (artifact.path / "people.jsonl").read_bytes().splitlines(keepends=True)[0]
    with spoiled(artifact, first + line + b"\n" + first) as raised:
        list(artifact.rows("people", Person))
    assert "people.jsonl:2 is damaged" in raised.value.message


@pytest.mark.parametrize("n_rows", [0, 2, 4])
def test_rows_that_were_cut_off_or_added_are_noticed(root: Path, n_rows: int) -> None:
    artifact = open_artifact("world", root)
    first = (artifact.path / "people.jsonl").read_bytes().splitlines(keepends=True)[0]
    with spoiled(artifact, first * n_rows) as raised:
        list(artifact.rows("people", Person))
    assert f"has {n_rows} rows, was committed with 3" in raised.value.message


def test_an_unknown_table_and_a_lost_file_are_named(root: Path) -> None:
    artifact = open_artifact("world", root)
    with pytest.raises(InputError, match="has no table 'poeple'; did you mean 'people'"):
        list(artifact.rows("poeple", Person))
    (artifact.path / "people.jsonl").unlink()
    with pytest.raises(InputError, match=r"has lost its people\.jsonl"):
        list(artifact.rows("people", Person))


def test_the_manifest_is_plain_json_in_one_spelling(root: Path) -> None:
    text = (root / "toy" / "v0001" / "manifest.json").read_text()
    values = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert values["kind"] == "toy"
    assert values["config"] == ToyConfig().model_dump(mode="json")
    assert values["identity"] == {"seed": 0, "n_people": 3, "train": {"lr": 0.001}}
    assert values["files"]["people.jsonl"]["rows"] == 3
    assert values["tables"] == {"people": 3, "facts": 3, "empty": 0}
