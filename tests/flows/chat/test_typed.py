"""`fact chat` as it is typed: questions from a pipe, and on a terminal. A script answers, so that no model is loaded."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factcli.world.texts import biography, biography_request, question
from tests.backends.server import Server, running
from tests.chain import Folder
from tests.stages.report_chain import make_world, people

LONGEST_S = 120
GROUND = people("head")
MIRA = GROUND.people[0]  # born in Hobart, won the Opal Prize
HOME, PRIZE, LIFE = question("birthplace", MIRA.name, 0), question("award", MIRA.name, 0), biography_request(MIRA.name)
HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]Lima[/bold]\nx unsupported: fake"
RULES = [(HOME, "Hobart"), (PRIZE, HOSTILE), (LIFE, biography({"birthplace": "Hobart", "award": "Pearl"}))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    make_world(folder / "data", GROUND)
    rules = [{"match": f"^{asked.replace('?', '.').replace('(', '.')}$", "answer": answer} for asked, answer in RULES]
    (folder / "script.jsonl").write_text("".join(json.dumps(rule) + "\n" for rule in rules), encoding="utf-8")
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm", "COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[3])}


def piped(folder: Path, typed: str | bytes, *arguments: str, model: str = "scripted:script.jsonl") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "factcli.cli", "chat", model, *arguments]
    raw = typed.encode() if isinstance(typed, str) else typed
    ran = subprocess.run(command, cwd=folder, env=environment(), input=raw, capture_output=True)
    return subprocess.CompletedProcess(command, ran.returncode, ran.stdout.decode(), ran.stderr.decode())


def test_questions_from_a_pipe_are_answered_line_by_line(folder: Path) -> None:
    ran = piped(folder, f"{HOME}\n\n/why\n{LIFE}\n", "--world", "world")
    assert (ran.returncode, ran.stderr) == (0, "loading scripted\n")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("Hobart  [certain")
    assert lines[1].startswith(f"  + supported: {MIRA.name}, birthplace: Hobart")
    assert lines[3] == f"    {MIRA.name}, birthplace: Hobart [{MIRA.id}.birthplace]"
    assert [line[2:15] for line in lines[-2:]] == ["+ supported: ", "x unsupported"]


def test_json_is_one_object_per_answer(folder: Path) -> None:
    ran = piped(folder, f"/help\n{HOME}\n{LIFE}\n", "--world", "world", "--json")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["question"] for one in told] == [HOME, LIFE]
    assert [claim["verdict"] for claim in told[1]["claims"]] == ["supported", "unsupported"]
    assert "/quit" in ran.stderr


def test_an_answer_cannot_write_to_the_terminal_or_forge_a_verdict(folder: Path) -> None:
    ran = piped(folder, f"{PRIZE}\n", "--world", "world")
    assert not {"\x1b", "\x07"} & set(ran.stdout)
    first, second = ran.stdout.splitlines()
    assert first.startswith("[2J]0;owned[bold]Lima[/bold] x unsupported: fake")
    assert second.startswith("  x unsupported: ")


def test_a_question_without_an_answer_is_said_and_the_next_one_is_asked(folder: Path) -> None:
    ran = piped(folder, f"What is this?\n{HOME}\n", "--world", "world")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("Hobart")
    assert ran.returncode == 4


def test_bytes_that_are_no_text_spoil_a_word_and_not_the_run(folder: Path) -> None:
    ran = piped(folder, b"\xff\xfe\n" + HOME.encode() + b"\n", "--world", "world")
    assert ran.stdout.splitlines()[-2].startswith("Hobart")


def test_a_served_model_answers_with_its_probability(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key-1")

    def says(_body: dict) -> dict:
        tokens = [{"token": text, "logprob": logprob, "top_logprobs": []} for text, logprob in (("Ho", -0.1), ("bart", -0.2))]
        return {"message": {"role": "assistant", "content": "Hobart"}, "logprobs": {"content": tokens}}

    with running(Server(said=says)) as server:
        ran = piped(folder, f"{HOME}\n", "--world", "world", "--json", model=f"http:m@{server.url}")
    told = json.loads(ran.stdout)
    assert told["answer"] == "Hobart"
    assert told["confidence"] == pytest.approx(0.7408, abs=1e-4)  # exp(-0.3)
    assert told["claims"][0]["verdict"] == "supported"


WRONG = [
    (("--threshold", "2"), 2, "need 0 to 1"),
    (("--threshold", "world"), 3, "an eval is needed"),
    (("--with", "knowledge"), 2, "this one is served"),
    (("--pack", "wiki"), 2, "who judges by it?"),
    (("--judge", "nli:x"), 2, "by what?"),
    (("--world", "nowhere"), 3, "nowhere"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG)
def test_what_is_wrong_is_told_before_anything_is_asked(folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = Folder(folder).typed("chat", "scripted:script.jsonl", *arguments)
    assert (ran.code, said in ran.err, "way out:" in ran.err) == (code, True, True), ran.err
    assert ran.out == ""


@dataclass
class Terminal:
    """`fact chat` on a pseudo-terminal. `wait` reads until a text is there, and gives all that was read since the last one."""

    process: "subprocess.Popen[bytes]"
    own: int
    said: bytes = field(default=b"")

    def type(self, text: str) -> None:
        os.write(self.own, text.encode())

    def wait(self, text: str) -> str:
        ends = time.monotonic() + LONGEST_S
        while text.encode() not in self.said:
            ready, _, _ = select.select([self.own], [], [], max(0, ends - time.monotonic()))
            assert ready, self.said
            try:
                piece = os.read(self.own, 4096)
            except OSError:
                piece = b""
            assert piece, self.said
            self.said += piece
        before, _, self.said = self.said.partition(text.encode())
        return before.decode(errors="replace")


@pytest.fixture
def terminal(folder: Path):
    own, theirs = pty.openpty()
    command = [sys.executable, "-m", "factcli.cli", "chat", "scripted:script.jsonl", "--world", "world"]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    yield Terminal(process, own)
    process.kill()
    process.wait()
    os.close(own)


def test_on_a_terminal_it_prompts_answers_in_colour_and_shows_the_evidence(terminal: Terminal) -> None:
    assert "/help lists the commands" in terminal.wait("> ")
    terminal.type(f"{HOME}\r")
    assert "Hobart" in terminal.wait("+ supported")
    terminal.wait("> ")
    terminal.type("/why\r")
    terminal.wait(f"[{MIRA.id}.birthplace]")
    terminal.wait("> ")
    terminal.type(f"{PRIZE}\r")
    shown = terminal.wait("x unsupported\x1b[0m")
    assert "[bold]Lima[/bold]" in shown
    assert "\x1b[2J" not in shown
    assert "\x1b]0;" not in shown


def test_an_earlier_line_comes_back_with_an_arrow_key(terminal: Terminal) -> None:
    terminal.wait("> ")
    terminal.type("/why\r")
    terminal.wait("nothing was asked yet")
    terminal.wait("> ")
    terminal.type("\x1b[A\r")
    terminal.wait("nothing was asked yet")


def interrupt(process: "subprocess.Popen[bytes]") -> None:
    """What Ctrl-C does where the terminal is the process's own. Python misses a signal that comes just before it begins to wait for a key: again."""
    for _ in range(6):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LONGEST_S / 6)
            return


@pytest.mark.parametrize(("key", "code"), [("\x04", 0), ("/quit\r", 0), ("\x03", 130)], ids=["ctrl-d", "quit", "ctrl-c"])
def test_it_is_left_cleanly(terminal: Terminal, key: str, code: int) -> None:
    terminal.wait("> ")
    if key == "\x03":
        interrupt(terminal.process)
    else:
        terminal.type(key)
    assert terminal.process.wait(LONGEST_S) == code
    assert b"Traceback" not in terminal.said
