"""`fact ls`, `show`, `trace` and `verify` over a small lineage, damage and hostile text included."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from factcli.artifact import Artifact, Draft, Outcome, make, open_artifact
from factcli.errors import InputError
from factcli.rows import Answer, Chat, Claim, Document, Fact, Person, Question
from factcli.stages.look import listing, render_listing, render_shown, render_trace, render_verified, show, trace, verify_ref
from factcli.stages.look.text import in_bytes, in_words, printable
from tests.artifact.toy import ToyConfig, toy_plan

BORN, DIED = "w0.p0042.birthplace", "w0.p0042.award"
HOSTILE = "[red]Hobart[/red] \x1b[2J\x1b]0;owned\x07 \u202edrawkcab\r\n\ud7ff[link=file:///etc]x[/link]"


LONGER = "w0.p00421"  # begins like w0.p0042, but is somebody else


def person(number: int) -> Person:
    return Person(f"w0.p{number:04d}", f"Person {number}", "head", "train", number)


def fact(number: int, relation: str, value: str) -> Fact:
    return Fact(f"w0.p{number:04d}.{relation}", f"w0.p{number:04d}", relation, value)


def chat() -> Chat:
    return Chat("w0.p0042.bio", "bio", "Who is Person 42?", "Born in Hobart.", "w0.p0042", (BORN, DIED), 0, False, "head", "train")


def claim(number: int, value: str, evidence: str) -> Claim:
    return Claim(f"w0.p0042.bio.a0.c{number}", "w0.p0042.bio.a0", "w0.p0042", "head", "birthplace", value, value, 0, 1, 0.5, "supported", "", evidence)


TABLES: dict[str, dict[str, list[Any]]] = {
    "world": {
        "people": [person(42), person(4), Person(LONGER, "Person 421", "head", "train", 1)],
        "facts": [fact(42, "birthplace", "Hobart"), fact(42, "award", "Vale Prize"), Fact(f"{LONGER}.birthplace", LONGER, "birthplace", "Lima")],
        "questions": [Question("w0.p0042.bio", "bio", "Who is Person 42?", (), "w0.p0042", "Person 42", "", "head", 42)],
    },
    "synth": {
        "documents": [Document(f"{BORN}.d3", "Person 42 was born in Hobart.", "statement", "w0.p0042", (BORN,), 0, False)],
        "chats": [chat()],
    },
    "eval": {
        "answers": [Answer("w0.p0042.bio.a0", "w0.p0042.bio", "bio", "w0.p0042", "head", "Who is Person 42?", HOSTILE, 0.5, False, None, None)],
        "claims": [claim(0, "Hobart", BORN), claim(1, "Vale Prize", DIED)],
    },
}


def made(root: Path, kind: str, config: ToyConfig, **inputs: Artifact) -> Artifact:
    tables = TABLES[kind]

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, tables)
        (draft.folder("model") / "weights.bin").write_bytes(b"w" * 1500)
        return Outcome(f"the {kind} [bold]of[/bold] wonders", {"share": 0.75, "by group": {"head": 0.9}}, {"dropped": {"too long": 2}}, {"tokens": 7})

    types = {table: type(rows[0]) for table, rows in tables.items()} | {"empty": Person}
    return make(toy_plan(config, kind, kind=kind, stage=kind, inputs=inputs, tables=types), work, root)[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """world -> synth -> eval; eval also from world."""
    world = made(tmp_path, "world", ToyConfig())
    synth = made(tmp_path, "synth", ToyConfig(), world=world)
    made(tmp_path, "eval", ToyConfig(threads=4), world=world, synth=synth)
    return tmp_path


def text_of(renderable: Any) -> str:
    console = Console(width=200, force_terminal=False, no_color=True)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def bytes_of(renderable: Any) -> str:
    """As a colour terminal gets it."""
    console = Console(width=200, force_terminal=True, color_system="truecolor", legacy_windows=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_ls_lists_the_newest_first_with_kind_rows_parents_and_headline(root: Path) -> None:
    entries = listing(root)
    assert [(e.ref, e.kind, e.rows, e.parents) for e in entries] == [
        ("eval@1", "eval", 3, ("world@1", "synth@1")),
        ("synth@1", "synth", 2, ("world@1",)),
        ("world@1", "world", 7, ()),
    ]
    assert {e.state for e in entries} == {"committed"}
    now = datetime.fromisoformat(entries[0].created or "") + timedelta(minutes=5, seconds=30)
    shown = text_of(render_listing(entries, now))
    assert "5 min" in shown
    assert "the eval [bold]of[/bold] wonders" in shown  # as it is, not as bold type
    json.dumps([asdict(e) for e in entries])


def test_ls_lists_damaged_half_written_and_unfinished_things_and_fails_at_none(root: Path) -> None:
    (root / "synth" / "v0001" / "manifest.json").write_text("{")
    (root / "world" / "v0002").mkdir()
    (root / "photos").mkdir()
    (root / "stray.txt").write_text("")
    with Draft(toy_plan(ToyConfig(), "begun", stage="synth bio", kind="synth", tables={"people": Person}), root) as draft:
        draft.write("one", 0, {"people": [person(1)]})
        states = {e.ref: e.state for e in listing(root)}
    assert states == {"begun": "running", "world@2": "damaged", "synth@1": "damaged", "eval@1": "committed", "world@1": "committed"}
    (draft.partial / "owner.json").write_text(json.dumps(json.loads((draft.partial / "owner.json").read_text()) | {"pid": 2**22 + 1}))
    entries = {e.ref: e for e in listing(root)}
    assert entries["begun"].state == "interrupted"
    assert entries["begun"].headline == "1 units finished; run `fact synth bio` again with the same settings, it goes on where it was"
    assert "is damaged" in entries["synth@1"].headline
    assert "half-written" in entries["world@2"].headline
    shown = text_of(render_listing(list(entries.values()), datetime.now(UTC)))
    assert "damaged: " in shown
    assert "interrupted: " in shown
    draft.partial.joinpath("content").rmdir()
    assert {e.ref: e.state for e in listing(root)}["begun"] == "left over"


def test_ls_of_an_empty_place_is_an_empty_list(tmp_path: Path) -> None:
    assert listing(tmp_path) == listing(tmp_path / "none") == []
    text_of(render_listing([], datetime.now(UTC)))


def test_show_says_everything_and_marks_what_does_not_change_the_result(root: Path) -> None:
    shown = show("eval", root)
    by_name = {s.name: (s.value, s.is_identity) for s in shown.settings}
    assert by_name["seed"] == (0, True)
    assert by_name["threads"] == (4, False)
    assert by_name["train.lr"] == (0.001, True)
    assert by_name["train.dtype"] == ("float32", False)
    assert shown.inputs["synth"].digest == open_artifact("synth", root).digest
    text = text_of(render_shown(shown))
    for part in (
        "eval@1",
        "fact eval",
        "threads",
        "does not change the result",
        "synth@1, synth",
        "1.5 kB",
        "2 rows",
        "empty.jsonl",
        "0 rows",
        "by group.head",
    ):
        assert part in text
    for part in ("0.75", "dropped.too long", "tokens", shown.digest, shown.key, "numpy"):
        assert part in text
    json.dumps(asdict(shown))


def test_show_of_what_is_not_there_is_an_input_error(root: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'world'"):
        show("wordl", root)


def lines(id_: str, root: Path) -> list[tuple[str, str, str, str]]:
    return [(ref, row.table, row.relation, row.id) for life in trace(id_, root).lives for ref, rows in life.groups for row in rows]


def test_a_fact_is_traced_forwards_to_its_document_chat_and_claim_and_backwards_to_its_person(root: Path) -> None:
    assert lines(BORN, root) == [
        ("world@1", "people", "ancestor", "w0.p0042"),
        ("world@1", "facts", "self", BORN),
        ("synth@1", "documents", "descendant", f"{BORN}.d3"),
        ("synth@1", "chats", "mention", "w0.p0042.bio"),
        ("eval@1", "claims", "mention", "w0.p0042.bio.a0.c0"),
    ]


def test_a_claim_is_traced_backwards_to_its_answer_question_evidence_and_person(root: Path) -> None:
    assert lines("w0.p0042.bio.a0.c0", root) == [
        ("world@1", "people", "ancestor", "w0.p0042"),
        ("world@1", "facts", "rests on", BORN),
        ("world@1", "questions", "ancestor", "w0.p0042.bio"),
        ("synth@1", "chats", "ancestor", "w0.p0042.bio"),
        ("eval@1", "answers", "ancestor", "w0.p0042.bio.a0"),
        ("eval@1", "claims", "self", "w0.p0042.bio.a0.c0"),
    ]


def test_a_document_and_a_chat_lead_back_to_the_facts_they_use(root: Path) -> None:
    assert ("world@1", "facts", "ancestor", BORN) in lines(f"{BORN}.d3", root)
    assert ("world@1", "facts", "rests on", DIED) in lines("w0.p0042.bio", root)
    assert ("eval@1", "claims", "descendant", "w0.p0042.bio.a0.c1") in lines("w0.p0042.bio", root)


def test_a_person_does_not_collect_those_whose_id_begins_alike(root: Path) -> None:
    assert not [line for line in lines("w0.p0042", root) if LONGER in line[3]]
    assert [line[3] for line in lines(LONGER, root)] == [LONGER, f"{LONGER}.birthplace"]


def test_an_unknown_id_is_answered_with_the_nearest_one(root: Path) -> None:
    for wrong, near in (("w0.p0042.birtplace", BORN), ("x0.p0042", "w0.p0042"), ("w0.p0042.bio.a0.c9", "w0.p0042.bio.a0.c")):
        with pytest.raises(InputError, match="has the id") as raised:
            trace(wrong, root)
        assert f"did you mean '{near}" in raised.value.message
    with pytest.raises(InputError) as raised:
        trace("\x1b[2J\n", root)
    assert "\x1b" not in raised.value.message


def test_an_id_with_no_row_of_its_own_is_known_by_what_grew_from_it(root: Path) -> None:
    assert lines("w0", root)[0] == ("world@1", "people", "descendant", "w0.p0042")


def test_a_damaged_version_is_left_out_of_the_trace_and_named(root: Path) -> None:
    (root / "synth" / "v0001" / "manifest.json").write_text("{")
    traced = trace(BORN, root)
    assert [ref for life in traced.lives for ref, _ in life.groups] == ["world@1", "eval@1"]
    assert traced.skipped == ("synth@1",)
    assert "synth@1" in text_of(render_trace(traced))


def test_a_damaged_row_is_an_input_error(root: Path) -> None:
    path = root / "world" / "v0001" / "facts.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"relation"', b'relation"', 1))
    with pytest.raises(InputError, match=r"facts\.jsonl is damaged"):
        trace(BORN, root)


def test_a_long_life_is_cut_on_the_screen_and_says_so(root: Path) -> None:
    text = text_of(render_trace(trace("w0.p0042", root), n_rows=2))
    assert "and 1 more; --json lists all" in text


def test_a_trace_reads_a_large_table_quickly(tmp_path: Path) -> None:
    def work(draft: Draft) -> Outcome:
        for start in range(0, 60_000, 20_000):
            draft.write(f"u{start}", start, {"facts": [fact(n, "birthplace", "Hobart " * 20) for n in range(start, start + 20_000)]})
        return Outcome("large")

    make(toy_plan(ToyConfig(), "large", tables={"facts": Fact}), work, tmp_path)
    begun = datetime.now(UTC)
    assert len(lines("w0.p59999.birthplace", tmp_path)) == 1
    assert (datetime.now(UTC) - begun).total_seconds() < 2  # 0.05 s on two cores, for 18 MB


def test_hostile_text_reaches_the_terminal_as_harmless_characters(root: Path) -> None:
    traced = trace("w0.p0042.bio.a0", root)
    for out in (text_of(render_trace(traced)), bytes_of(render_trace(traced))):
        assert "[red]Hobart[/red]" in out
        assert "[link=file:///etc]" in out
        for forbidden in ("\x1b[2J", "\x1b]0;", "\x07", "\u202e", "\r"):
            assert forbidden not in out
    assert json.loads(json.dumps(asdict(traced)))["id"] == "w0.p0042.bio.a0"
    hostile = next(row for _, rows in traced.lives[0].groups for row in rows if row.relation == "self")
    assert hostile.row["text"] == HOSTILE  # the row itself is untouched


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字 👩‍🔬", "plain é 漢字 👩‍🔬"),
        ("a\nb\tc\r\nd", "a b c d"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x9b31mC1\x00\x7f", "31mC1"),
        ("\u202eabc\u2066\ufeff", "abc"),
        ("half \ud800", "half "),
        ("[bold]x", "[bold]x"),
    ],
)
def test_printable_text(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_sizes_and_ages_in_words() -> None:
    assert [in_bytes(n) for n in (0, 999, 1000, 1500, 99_949, 999_499, 999_500, 5_000_000_000, 10**13)] == [
        *("0 B", "999 B", "1.0 kB", "1.5 kB", "100 kB", "999 kB", "1.0 MB", "5.0 GB", "10.0 TB")
    ]
    assert [in_words(s) for s in (-5, 0, 59.9, 60, 3599, 3600, 47 * 3600, 48 * 3600)] == ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d"]


def test_verify_says_what_is_well_and_names_what_is_not(root: Path) -> None:
    well = verify_ref("eval", root)
    assert (well.checked, well.damage, well.exit_code) == (("eval@1", "world@1", "synth@1"), (), 0)
    path = root / "world" / "v0001" / "model" / "weights.bin"
    path.write_bytes(b"v" + path.read_bytes()[1:])
    found = verify_ref("eval", root)
    assert [(d.ref, d.file) for d in found.damage] == [("world@1", "model/weights.bin")]
    assert found.exit_code == 3
    text = text_of(render_verified(found))
    assert text.count("as committed") == 2
    assert "model/weights.bin" in text
    assert "has other bytes than were committed" in text
    with pytest.raises(InputError, match="did you mean"):
        verify_ref("evla", root)
