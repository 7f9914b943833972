"""How a reply is told: no escape of the model's reaches a terminal, and no markup of it is obeyed."""

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from factcli.flows.chat.evidence import JudgedClaim
from factcli.flows.chat.session import Notice, Reply
from factcli.flows.chat.telling import as_json, notice_lines, plain_lines, styled, visible

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31mHo\u202ebart\u200b\x9b31m\r\nerror: fake [bold]x[/bold] \U000e0041"


def reply(said: str = "Hobart", answer: str | None = None) -> Reply:
    claims = (
        JudgedClaim(f"born in {said}", "supported", "", 0.91, (said,)),
        JudgedClaim("won", "unsupported", "", 0.5, ()),
        JudgedClaim("lives", "no evidence", "unread", None, ()),
    )
    return Reply("where?", said, said if answer is None else answer, "certain", "words", 0.912, (), claims)


def test_a_verdict_is_a_sign_and_a_word_before_it_is_a_colour():
    assert list(plain_lines(reply())) == [
        "Hobart  [certain, 0.91]",
        "  + supported: born in Hobart  0.91",
        "  x unsupported: won  0.50",
        "  ? no evidence: lives (unread)",
    ]


def test_a_withheld_answer_claims_nothing():
    assert list(plain_lines(reply(answer="I don't know."))) == ["I don't know.  [certain, 0.91]"]


def test_nothing_said_is_told_as_that():
    assert next(plain_lines(reply("  \n"))).startswith("(nothing)")


def on_terminal(one: Reply) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=400, highlight=False)
    for text in styled(one):
        console.print(text)
    return out.getvalue()


def test_a_terminal_gets_the_plain_lines_in_colours():
    shown = on_terminal(reply())
    assert "\x1b[32m+ supported\x1b[0m" in shown
    assert "\x1b[31mx unsupported\x1b[0m" in shown
    plain = Console(file=io.StringIO(), width=400)
    with plain.capture() as captured:
        for text in styled(reply()):
            plain.print(text)
    assert captured.get().splitlines() == list(plain_lines(reply()))


@pytest.mark.parametrize("said", [HOSTILE, "[red]Hobart[/red]", "[/]", "[link=https://x]y[/link]", "  [certain, 1.00]  [x"])
def test_what_a_model_says_is_neither_obeyed_nor_hidden(said: str) -> None:
    for line in [*plain_lines(reply(said)), *notice_lines(Notice((f"    {said}",)))]:
        assert not [letter for letter in line if unicodedata.category(letter)[0] == "C"]
    shown = on_terminal(reply(said))
    assert not {"\x07", "\x9b", "\u202e", "\u200b"} & set(shown)
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown
    assert "[red]" in shown or "[red]" not in said
    assert len(shown.splitlines()) == 4  # a line break of the model's makes no line that looks like ours


@given(st.text(max_size=80))
def test_every_text_is_one_line_without_controls(text: str) -> None:
    shown = visible(text)
    assert shown == visible(shown)
    assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_json_keeps_what_was_said_in_ascii():
    line = as_json(reply(HOSTILE))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["said"] == HOSTILE


def test_a_long_passage_is_cut_and_says_so():
    (line,) = notice_lines(Notice(("    " + "x" * 5000,)))
    assert line.startswith("    x")
    assert line.endswith(" [cut]")
    assert len(line) < 700
