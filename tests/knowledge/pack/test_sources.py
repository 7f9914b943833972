"""Pages of every kind of file: told apart by content, rejects with their line, what cannot be read at all."""

import bz2
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from factcli.errors import InputError
from factcli.knowledge.pack import dump
from factcli.knowledge.pack.markup import is_disambiguation
from factcli.knowledge.pack.records import Ambiguous, Page, PassedOver, Record, Redirect, Rejected
from factcli.knowledge.pack.sources import records
from tests.knowledge.pack.made import jsonl

DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo><sitename>Wikipedia</sitename></siteinfo>
  <page><title>Al Bo</title><ns>0</ns><id>1</id>
    <revision><text bytes="9" xml:space="preserve">'''Al Bo''' (born 1900&lt;ref&gt;A book.&lt;/ref&gt;) was a [[Painter|painter]]
 &amp;amp; poet.</text></revision></page>
  <page><title>A. Bo</title><ns>0</ns><redirect title="Al Bo" /><revision><text>#REDIRECT [[Al Bo]]</text></revision></page>
  <page><title>Bo, Al</title><ns>0</ns><revision><text>#redirect: [[Al Bo#Life]]</text></revision></page>
  <page><title>Talk:Al Bo</title><ns>1</ns><revision><text>Hello.</text></revision></page>
  <page><title>Bo</title><ns>0</ns><revision><text>* [[Al Bo]]
{{Disambiguation|surname}}</text></revision></page>
  <page><title>Gone</title><ns>0</ns><revision><text deleted="deleted" /></revision></page>
</mediawiki>
"""


def read(path: Path) -> list[Record]:
    return list(records(path))


def test_jsonl_has_a_text_or_a_list_of_texts_and_other_names(tmp_path: Path) -> None:
    rows = [{"title": " Al  Bo", "text": "A\r\nb."}, {"title": "Cy", "text": ["One.", "Two."], "redirects": ["Sy", "Sy", 3]}]
    assert read(jsonl(tmp_path / "p.jsonl", rows)) == [Page("p.jsonl: line 1", "Al Bo", "A\nb."), Page("p.jsonl: line 2", "Cy", "One.\nTwo.", ("Sy",))]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('{"title": "x', "not JSON"),
        ("[1]", "a JSON list, need an object"),
        ("7", "a JSON int, need an object"),
        ('{"text": "x"}', "title is missing or no text"),
        ('{"title": " ", "text": "x"}', "title is empty"),
        ('{"title": "' + "x" * 301 + '", "text": "x"}', "title of more than 300 characters"),
        ('{"title": "Al"}', "text is missing or neither a text nor a list of texts"),
        ('{"title": "Al", "text": ["x", 1]}', "text is missing or neither a text nor a list of texts"),
        ('{"title": "Al", "text": " "}', "no text"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_rejected_with_its_place_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    found = read(jsonl(tmp_path / "p.jsonl", [{"title": "Al", "text": "x"}, "", line]))
    assert found[0] == Page("p.jsonl: line 1", "Al", "x")
    assert [(r.place, r.reason) for r in found[1:] if isinstance(r, Rejected)] == [("p.jsonl: line 3", reason)]


def test_a_line_that_is_not_utf_8_is_rejected_alone(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b'\xef\xbb\xbf{"title": "Al", "text": "x"}\n{"title": "B\xff", "text": "x"}\n')
    assert [type(record) for record in read(tmp_path / "p")] == [Page, Rejected]


def test_half_characters_become_replacement_characters(tmp_path: Path) -> None:
    assert read(jsonl(tmp_path / "p", ['{"title": "A\\ud800l\\u0000", "text": "x\\udfff\\u0000y"}'])) == [Page("p: line 1", "A\ufffdl", "x\ufffd\x00y")]


def test_a_cirrus_dump_has_action_lines_namespaces_and_redirects(tmp_path: Path) -> None:
    rows = [
        {"index": {"_id": "1"}},
        {"title": "Al Bo", "namespace": 0, "text": "He was.", "redirect": [{"namespace": 0, "title": "A. Bo"}, {"namespace": 1, "title": "x"}]},
        {"index": {"_id": "2"}},
        {"title": "Talk:Al Bo", "namespace": 1, "text": "Hello."},
        {"index": {"_id": "3"}},
        {"title": "Bo", "namespace": 0, "text": "May be.", "template": ["Template:Disambiguation"]},
    ]
    path = jsonl(tmp_path / "p", rows)
    assert read(path) == [Page("p: line 2", "Al Bo", "He was.", ("A. Bo",)), PassedOver("other namespace"), Ambiguous("p: line 6", "Bo")]


@pytest.mark.parametrize("template", ["Surname", "given name", "Human name disambiguation", "Dab"])
def test_both_dumps_know_the_same_pages_as_lists_of_names(tmp_path: Path, template: str) -> None:
    row = {"title": "Bo", "namespace": 0, "text": "Bo is a name.", "template": [f"Template:{template}"]}
    assert read(jsonl(tmp_path / "p", [row])) == [Ambiguous("p: line 1", "Bo")]
    assert is_disambiguation("Bo", f"Bo is a name. {{{{{template}}}}}")


def test_wikiextractors_lines_are_pages(tmp_path: Path) -> None:
    assert read(jsonl(tmp_path / "p", [{"id": "1", "url": "u", "title": "Al", "text": "Al was."}])) == [Page("p: line 1", "Al", "Al was.")]


def plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def zipped(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content))


def bzipped(path: Path, content: bytes) -> None:
    path.write_bytes(bz2.compress(content))


@pytest.mark.parametrize("write", [plain, zipped, bzipped])
def test_a_wikipedia_dump_gives_pages_redirects_and_ambiguous_titles(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    write(tmp_path / "dump", DUMP.encode())
    assert read(tmp_path / "dump") == [
        Page("dump: line 3", "Al Bo", "Al Bo (born 1900) was a painter\n& poet."),
        Redirect("dump: line 6", "A. Bo", "Al Bo"),
        Redirect("dump: line 7", "Bo, Al", "Al Bo"),
        PassedOver("other namespace"),
        Ambiguous("dump: line 9", "Bo"),
        Rejected("dump: line 11", "no text", "Gone"),
    ]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{BOMB}<mediawiki><page><title>&b;</title></page></mediawiki>", ":1 declares a document type"),
        (f"{OUTSIDE}<mediawiki><page><title>&a;</title></page></mediawiki>", ":1 declares a document type"),
        ("<!DOCTYPE html><html><body>404</body></html>", ":1 declares a document type"),
        ("<html><body>404</body></html>", ":1 is XML with the root <html>"),
        ("<mediawiki>\n<page><title>&b;</title></page></mediawiki>", ":2 is not well-formed XML"),
        ("<mediawiki>\n<page>\n<title>Al", ":3 is not well-formed XML"),
        ("<mediawiki>\n<page></title>", ":2 is not well-formed XML"),
        ("", "is empty"),
        ("[1]", "one JSON list"),
        ("title,text\n", "begins with b'title,text"),
    ],
)
def test_a_file_that_is_no_source_is_refused_by_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "dump").write_text(content)
    with pytest.raises(InputError) as error:
        read(tmp_path / "dump")
    assert said in error.value.message
    assert error.value.hint


@pytest.mark.parametrize("write", [zipped, bzipped])
def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    write(tmp_path / "dump", DUMP.encode())
    whole = (tmp_path / "dump").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match="cut off or damaged"):
        read(tmp_path / "cut")


def test_parquet_is_read_by_row_and_needs_its_columns(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "p.parquet"
    table = {"title": ["Al", None, "Cy"], "text": [["One.", "Two."], ["x"], []], "more": [1, 2, 3]}
    parquet.write_table(pyarrow.table(table), path, row_group_size=1)
    found = read(path)
    assert found[0] == Page("p.parquet: row 1", "Al", "One.\nTwo.")
    assert [(r.place, r.reason) for r in found[1:] if isinstance(r, Rejected)] == [
        ("p.parquet: row 2", "title is missing or no text"),
        ("p.parquet: row 3", "no text"),
    ]
    parquet.write_table(pyarrow.table({"name": ["Al"], "text": ["x"]}), path)
    with pytest.raises(InputError, match="has no column title"):
        read(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="is damaged"):
        read(path)


def test_places_name_no_folder(tmp_path: Path) -> None:
    assert str(tmp_path) not in json.dumps([str(record) for record in read(jsonl(tmp_path / "p", ["{", {"title": "Al", "text": "x"}]))])


class Counted(io.BytesIO):
    """Knows how far it was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.n_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self.n_read += len(block)
        return block


def test_a_dump_is_read_page_by_page_not_whole(tmp_path: Path) -> None:
    one = "<page><title>T{}</title><ns>0</ns><revision><text>" + "Some words. " * 400 + "</text></revision></page>\n"
    stream = Counted(("<mediawiki>\n" + "".join(one.format(n) for n in range(2000)) + "</mediawiki>").encode())
    assert len(stream.getvalue()) > 9_000_000
    found = dump.records(tmp_path / "dump", stream)
    assert next(found) == Page("dump: line 2", "T0", ("Some words. " * 400).strip())
    assert stream.n_read <= 1 << 20  # one block
    rest = [record for record, _ in zip(found, range(600), strict=False)]
    assert [record.title for record in rest if isinstance(record, Page)] == [f"T{n}" for n in range(1, 601)]
    assert stream.n_read <= 4 << 20
