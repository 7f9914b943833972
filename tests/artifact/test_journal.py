"""The journal: torn tails are cut, damage is named, order of writing does not matter."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factcli.artifact.journal import Journal
from factcli.errors import InputError
from factcli.rows import Person
from tests.artifact.processes import disk_of
from tests.artifact.toy import ToyConfig, content_of, fact, make_toy, person, toy_plan, toy_work

IN_PLACE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def written(path: Path, n_units: int) -> bytes:
    journal = Journal(path)
    for n in range(n_units):
        journal.append(f"p{n}", n, {"people": [person(n)], "facts": [fact(n)]})
    journal.close()
    return path.read_bytes()


def test_a_last_line_torn_at_any_byte_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path, 3)
    two = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for end in range(two, len(whole)):
        path.write_bytes(whole[:end])
        journal = Journal(path)
        assert len(journal) == 2, end
        assert "p2" not in journal
        assert path.stat().st_size == two
        journal.append("p2", 2, {"people": [person(2)], "facts": [fact(2)]})
        journal.close()
        assert path.read_bytes() == whole, end


@IN_PLACE
@given(data=st.data())
def test_any_changed_byte_before_the_last_line_is_named_with_its_line(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    whole = written(path, 4)
    first_three = len(b"".join(whole.splitlines(keepends=True)[:2]))
    position = data.draw(st.integers(0, first_three - 1))
    other = data.draw(st.integers(1, 255))
    path.write_bytes(whole[:position] + bytes([whole[position] ^ other]) + whole[position + 1 :])
    with pytest.raises(InputError, match=r"journal\.jsonl:[12] is damaged"):
        Journal(path)
    assert path.stat().st_size == len(whole)  # nothing was cut


def test_a_changed_byte_in_the_last_line_costs_that_unit_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path, 2)
    path.write_bytes(whole[:-5] + b"#" + whole[-4:])
    journal = Journal(path)
    assert ("p0" in journal, "p1" in journal) == (True, False)
    journal.close()


@pytest.mark.parametrize("n_bytes", [0, 1, 9, 150, 399])
def test_a_unit_that_the_disk_has_no_room_for_leaves_no_trace(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "journal.jsonl"
    one = written(path, 1)
    journal = Journal(path)
    with disk_of(len(one) + n_bytes), pytest.raises(OSError, match="too large"):
        journal.append("long", 1, {"people": [person(1, "x" * 500)]})
    assert path.read_bytes() == one
    assert "long" not in journal
    journal.append("p1", 1, {"people": [person(1)], "facts": [fact(1)]})  # the same process may go on
    journal.close()
    assert len(Journal(path)) == 2


@settings(IN_PLACE, max_examples=12)
@given(order=st.permutations(range(5)))
def test_the_digest_does_not_depend_on_the_order_of_writing(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    straight = make_toy(tmp_path_factory.mktemp("straight"), n_people=5)
    shuffled = make_toy(tmp_path_factory.mktemp("shuffled"), n_people=5, work=lambda draft: toy_work(draft, order))
    assert shuffled.digest == straight.digest
    assert content_of(shuffled) == content_of(straight)


def test_units_of_equal_order_are_sorted_by_name_not_by_time(tmp_path: Path) -> None:
    for names in (("a", "b"), ("b", "a")):
        folder = tmp_path / "".join(names)
        folder.mkdir()
        journal = Journal(folder / "journal.jsonl")
        for name in names:
            journal.append(name, 0, {"people": [Person(name, name, "head", "train", 1)]})
        journal.split(folder, ["people"])
        journal.close()
    assert (tmp_path / "ab" / "people.jsonl").read_bytes() == (tmp_path / "ba" / "people.jsonl").read_bytes()


def test_half_a_character_is_refused_with_its_unit(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(InputError, match="unit 'p0' holds half a character"):
        journal.append("p0", 0, {"people": [person(0, "\ud800")]})
    assert len(journal) == 0
    journal.close()


def test_a_number_that_json_has_not_is_our_bug(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append("p0", 0, {"people": [Person("p0", "n", "head", "train", float("nan"))]})  # type: ignore[arg-type]
    journal.close()


def test_the_rows_of_finished_units_can_be_read_back(tmp_path: Path) -> None:
    plan = toy_plan(ToyConfig())
    from factcli.artifact import Draft

    with Draft(plan, tmp_path) as draft:
        draft.write("p1", 1, {"people": [person(1)]})
        assert [row["id"] for row in draft.rows("people")] == ["w0.p0001"]
