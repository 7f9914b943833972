"""Parents and children, and verification: one changed byte anywhere is found and named."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factcli.artifact import Artifact, Draft, make, open_artifact
from factcli.artifact.lineage import Damage, ancestor_of_kind, ancestors, children, newest, parents, verify_each
from factcli.errors import InputError
from tests.artifact.toy import ToyConfig, damage_of, toy_plan, toy_work


def made_from(root: Path, name: str, **inputs: Artifact) -> Artifact:
    return make(toy_plan(ToyConfig(), name, kind=name, inputs=inputs), toy_work, root)[0]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """world -> synth -> knowledge -> skill; skill also from synth: a diamond."""
    root = tmp_path_factory.mktemp("family")
    grow(root)
    return root


def grow(root: Path) -> Artifact:
    world = made_from(root, "world")
    synth = made_from(root, "synth", world=world)
    knowledge = made_from(root, "knowledge", synth=synth)
    return made_from(root, "skill", synth=synth, knowledge=knowledge)


def test_ancestors_come_nearest_first_and_once(family: Path) -> None:
    skill = open_artifact("skill", family)
    assert [a.ref for a in parents(skill, family)] == ["synth@1", "knowledge@1"]
    assert [a.ref for a in ancestors(skill, family)] == ["synth@1", "knowledge@1", "world@1"]
    assert ancestor_of_kind(skill, "world", family).ref == "world@1"
    assert ancestor_of_kind(skill, "skill", family).ref == "skill@1"
    assert [a.ref for a in children(open_artifact("synth", family), family)] == ["skill@1", "knowledge@1"]
    with pytest.raises(InputError, match="world@1 has no skill among its ancestors"):
        ancestor_of_kind(open_artifact("world", family), "skill", family)


def test_the_newest_of_a_kind(family: Path) -> None:
    found = newest(family, "knowledge")
    assert found is not None
    assert found.ref == "knowledge@1"
    assert newest(family, "report") is None


def test_each_version_is_verified_once(family: Path) -> None:
    checked = [ref for ref, damage in verify_each(open_artifact("skill", family), family)]
    assert checked == ["skill@1", "synth@1", "knowledge@1", "world@1"]
    assert damage_of(open_artifact("skill", family), family) == []


FILES = [
    f"{kind}/v0001/{name}"
    for kind in ("world", "synth", "knowledge", "skill")
    for name in ("people.jsonl", "adapters/v1/weights.bin", "README.md", "logs/run.txt", "manifest.json")
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(file=st.sampled_from(FILES), data=st.data())
def test_one_changed_byte_in_any_file_of_a_version_or_its_ancestors_is_found_and_named(family: Path, file: str, data: st.DataObject) -> None:
    path = family / file
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(1, 255))
    path.write_bytes(whole[:position] + bytes([whole[position] ^ other]) + whole[position + 1 :])
    try:
        kind, _, name = file.split("/", 2)
        if file == "skill/v0001/manifest.json":
            with pytest.raises(InputError, match=r"skill/v0001/manifest\.json"):
                open_artifact("skill", family)
        else:
            found = damage_of(open_artifact("skill", family), family)
            assert {(d.ref, d.file) for d in found} == {(f"{kind}@1", name)}
    finally:
        path.write_bytes(whole)


def test_deleted_added_shortened_and_replaced_files_are_named(tmp_path: Path) -> None:
    skill = grow(tmp_path)
    world, synth = tmp_path / "world" / "v0001", tmp_path / "synth" / "v0001"
    (world / "people.jsonl").unlink()
    (world / "extra.bin").write_bytes(b"x")
    (world / "dangling").symlink_to("nowhere")
    (world / "facts.jsonl").write_bytes((world / "facts.jsonl").read_bytes()[:-1])
    (synth / "adapters" / "v1" / "weights.bin").unlink()
    (synth / "adapters" / "v1" / "weights.bin").mkdir()
    size = skill.manifest.files["facts.jsonl"].bytes
    assert set(damage_of(skill, tmp_path)) == {
        Damage("world@1", "people.jsonl", "is missing"),
        Damage("world@1", "extra.bin", "was added after the commit"),
        Damage("world@1", "dangling", "was added after the commit"),
        Damage("world@1", "facts.jsonl", f"has {size - 1} bytes, was committed with {size}"),
        Damage("synth@1", "adapters/v1/weights.bin", "is missing"),
    }


def test_a_lost_ancestor_is_damage_and_stops_its_use(tmp_path: Path) -> None:
    skill = grow(tmp_path)
    shutil.rmtree(tmp_path / "world")
    assert [(d.ref, d.file) for d in damage_of(skill, tmp_path)] == [("world@1", "manifest.json")]
    with pytest.raises(InputError, match="nothing is called 'world'"):
        ancestors(skill, tmp_path)


def test_an_ancestor_that_was_made_anew_with_other_content_is_named(tmp_path: Path) -> None:
    skill = grow(tmp_path)
    shutil.rmtree(tmp_path / "world")
    make(toy_plan(ToyConfig(seed=5), "world", kind="world"), toy_work, tmp_path)
    assert Damage("world@1", "manifest.json", "has another digest than synth@1 recorded") in damage_of(skill, tmp_path)
    with pytest.raises(InputError, match=r"synth@1 was made from another world@1 \(world\)"):
        ancestors(skill, tmp_path)


def test_a_parent_outside_the_data_directory_is_found_again_after_both_moved(tmp_path: Path) -> None:
    outside = made_from(tmp_path / "one" / "friend", "world")
    made_from(tmp_path / "one" / "data", "world")  # of the same name: must not be taken for the other
    child = made_from(tmp_path / "one" / "data", "synth", world=open_artifact(outside.path, tmp_path / "one" / "data"))
    assert child.manifest.inputs["world"].path == "../friend/world/v0001"
    (tmp_path / "one").rename(tmp_path / "two")
    root = tmp_path / "two" / "data"
    assert [a.path.resolve() for a in parents(open_artifact("synth", root), root)] == [tmp_path / "two" / "friend" / "world" / "v0001"]
    assert damage_of(open_artifact("synth", root), root) == []


def test_an_unfinished_draft_disturbs_no_verification(tmp_path: Path) -> None:
    skill = grow(tmp_path)
    with Draft(toy_plan(ToyConfig(seed=3), "world"), tmp_path):
        assert damage_of(skill, tmp_path) == []
