"""Wiki markup becomes the prose that a reader sees; what no article has is refused before it costs minutes."""

import pytest

from factcli.knowledge.pack.markup import is_disambiguation, plain, redirect_of
from factcli.knowledge.pack.records import BadRecordError


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("'''Al''' was ''born'' in [[Hobart, Tasmania|Hobart]].", "Al was born in Hobart."),
        ("{{Infobox person|name=Al|born={{birth date|1900|1|1}}}}\nAl was.", "Al was."),
        ("Al<ref name='x'>{{cite book|t=A}}</ref> was.<!-- hidden --><ref name='x' />", "Al was."),
        ("[[File:Al.jpg|thumb|Al in [[Hobart]]]]\nAl was.\n[[Category:People]]", "Al was."),
        ('{| class="wikitable"\n|-\n| cell\n|}\nAl was.', "Al was."),
        ("He ran {{convert|5|km|mi}}, said {{lang|fr|oui}} and {{nowrap|no no}}.", "He ran 5 km, said oui and no no."),
        ("== Life ==\nBorn.\n== See also ==\n* [[X]]\n=== More ===\ny\n== Works ==\nPainted.", "Life\nBorn.\nWorks\nPainted."),
        ("See [http://x.org the site] &amp; go.", "See the site & go."),
        ("* one\n* two", "one\ntwo"),
    ],
)  # fmt: skip
def test_markup_becomes_prose(markup: str, said: str) -> None:
    assert plain(markup) == said


@pytest.mark.parametrize("tower", ["{{" * 50_000, "[[" * 50_000, "<ref>" * 20_000, "<b>" * 20_000, "{|\n" * 10_000, "{{{" * 5_000])
def test_a_tower_of_markup_is_refused_at_once(tower: str) -> None:
    with pytest.raises(BadRecordError, match="nested too deeply"):
        plain(tower)


@pytest.mark.parametrize("odd", ["'" * 100_000, "<!--" * 20_000, "[[a]]" * 10_000, "{{a}}" * 5_000, "&amp;" * 20_000, "=" * 100_000, "\x00\x01", "|}" * 5_000])
def test_odd_markup_is_read_without_a_crash(odd: str) -> None:
    assert isinstance(plain(odd), str)


def test_redirects_and_disambiguation_pages_are_known_by_their_text() -> None:
    assert redirect_of("#REDIRECT [[Al Bo#Life|x]]") == "Al Bo"
    assert redirect_of("Al #REDIRECT [[x]]") == ""
    assert is_disambiguation("Bo", "* [[Al]]\n{{hndis|Bo, Al}}")
    assert is_disambiguation("Bo (disambiguation)", "x")
    assert not is_disambiguation("Bo", "{{about|x|y|Bo (disambiguation)}} He was.")
