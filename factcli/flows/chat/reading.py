"""The conversation itself: on a terminal with a prompt and a history, elsewhere line by line."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from factcli.errors import INTERRUPTED, FactError
from factcli.flows.chat.session import Notice, Session
from factcli.flows.chat.telling import as_json, notice_lines, plain_lines, styled, visible

if TYPE_CHECKING:
    from rich.console import Console

GREETING = "Ask away; /help lists the commands, Ctrl-D leaves."


def is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def converse(session: Session) -> int:
    """On a terminal; gives the exit code. Arrow keys bring earlier lines back; none of them is written to a file."""
    import readline  # noqa: F401 - `input` then edits lines and keeps a history

    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"{session.speaker.name}. {GREETING}", style="dim", markup=False)
    try:
        for line in _typed(session):
            if line.startswith("/"):
                notice = session.command(line)
                _show(console.print, notice)
                if notice.is_end:
                    break
            elif line:
                _answer(console, session, line)
    except KeyboardInterrupt:
        console.print()
        return INTERRUPTED
    return 0


def _typed(session: Session) -> Iterator[str]:
    while True:
        plugged = "+".join(session.plugged)
        try:
            line = input(f"{visible(plugged)}> ")
        except EOFError:
            print()
            return
        yield line.strip()


def _show(show: Callable[..., None], notice: Notice) -> None:
    for line in notice_lines(notice):
        show(line, markup=False)


def _answer(console: "Console", session: Session, question: str) -> None:
    try:
        with console.status("thinking" if session.last else f"loading {visible(session.speaker.name)}"):
            reply = session.ask(question)
    except FactError as error:
        console.print(f"error: {visible(error.message)}", style="red", markup=False)
        if error.hint:
            console.print(f"  way out: {visible(error.hint)}", markup=False)
        return
    for text in styled(reply):
        console.print(text)


def read_lines(session: Session, source: TextIO, wants_json: bool) -> int:
    """One question or command a line, answered before the next is read; gives the exit code, of the last question without an answer if any."""
    code = 0
    for line in iter(source.readline, ""):
        asked = line.strip()
        if asked.startswith("/"):
            notice = session.command(asked)
            for said in notice_lines(notice):
                print(said, file=sys.stderr if wants_json else sys.stdout, flush=True)
            if notice.is_end:
                break
        elif asked:
            if session.last is None:
                print(f"loading {visible(session.speaker.name)}", file=sys.stderr, flush=True)
            code = _told(session, asked, wants_json) or code
    return code


def _told(session: Session, question: str, wants_json: bool) -> int:
    """A question without an answer is a line too, and the next one is asked."""
    try:
        reply = session.ask(question)
    except FactError as error:
        if wants_json:
            print(json.dumps({"question": question, "error": error.message, "hint": error.hint}), flush=True)
        else:
            print(f"error: {visible(error.message)}", flush=True)
        return error.exit_code
    print(as_json(reply) if wants_json else "\n".join(plain_lines(reply)), flush=True)
    return 0
