"""No byte of a key is written or told, whatever the server does and however a run ends."""

import json
import logging
import traceback
from pathlib import Path

import pytest
from pydantic import BaseModel, field_validator

from factcli.backends.apikey import ApiKey, read_key
from factcli.backends.reading import read_body
from factcli.backends.retrying import CallError, Patience
from factcli.errors import BackendError, SettingsError
from tests.backends.server import Server, running
from tests.backends.test_http import asked, backend

CANARY = "sk-canary-7f3a9c51d2"


def files_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("fault", ["", "echo key", "500", "cut", "torn"])
def test_no_byte_of_the_key_is_written_or_told(tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]):
    caplog.set_level(logging.DEBUG)
    said = {"message": {"content": f"your key is {CANARY}"}}
    with running(Server(lambda _n, _body: fault, said=lambda _body: said)) as server:
        used = backend(server, tmp_path, key=CANARY, patience=Patience(tries=2, first_wait_s=0.001))
        told = ""
        try:
            for response in used.generate(asked(40)):
                told += repr(response)
        except BackendError as error:
            told += "".join(traceback.format_exception(error)) + error.message + error.hint
        assert any(f"Bearer {CANARY}" in head for head in server.headers)
    told += repr(used) + str(used.usage.as_json()) + caplog.text + "".join(capfd.readouterr()) + repr(used.key)
    assert told
    for part in (CANARY, CANARY[3:], CANARY[-6:]):
        assert part not in told
        assert part.encode() not in files_below(tmp_path)


class Broken(BaseModel):
    """A form with a bug of ours in it."""

    name: str

    @field_validator("name")
    @classmethod
    def _crash(cls, value: str) -> str:
        return value[: 1 // 0]


def test_a_crash_ends_the_run_with_its_traceback_and_without_the_key(tmp_path: Path):
    with running(Server(said=lambda _body: {"message": {"content": f'{{"name": "{CANARY}"}}'}})) as server, pytest.raises(ZeroDivisionError) as caught:
        list(backend(server, tmp_path, key=CANARY).generate(asked(20, schema=Broken)))
    told = "".join(traceback.format_exception(caught.value))
    assert "_crash" in told
    assert CANARY.encode() not in told.encode() + files_below(tmp_path)


def test_a_key_that_no_header_can_carry_is_refused_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "key").write_text(f"{CANARY}\nsecond line\n")
    with pytest.raises(SettingsError) as caught:
        read_key("OPENAI_API_KEY", tmp_path / "key")
    assert CANARY not in caught.value.message + caught.value.hint
    (tmp_path / "key").write_text(f"{CANARY}\n")
    assert read_key("OPENAI_API_KEY", tmp_path / "key").sent() == CANARY
    monkeypatch.setenv("OTHER_KEY", CANARY)
    assert read_key("OTHER_KEY", None).sent() == CANARY
    with pytest.raises(SettingsError, match="cannot be read"):
        read_key("OTHER_KEY", tmp_path / "gone")
    (tmp_path / "key").write_text("\n")
    with pytest.raises(SettingsError, match="is empty"):
        read_key("OTHER_KEY", tmp_path / "key")


def test_a_key_that_json_spells_otherwise_is_taken_out_too():
    """`+` as \\u002B (as .NET writes it), `/` as \\/ (as PHP does), `"` as JSON must; in texts, names and errors."""
    key = ApiKey('sk-CANARY+7f/3a"==')
    spelled = 'sk-CANARY\\u002B7f\\/3a\\"=='
    assert json.loads(f'"{spelled}"') == key.sent()
    said = read_body(f'{{"choices": [{{"message": {{"content": "your key is {spelled}!"}}}}]}}', None, key.redact)
    assert said.text == "your key is [key]!"
    for body in (f'{{"error": {{"message": "bad {spelled}"}}}}', f'{{"{spelled}": "{spelled}"}}'):
        with pytest.raises(CallError) as caught:
            read_body(body, None, key.redact)
        assert "CANARY" not in str(caught.value) + caught.value.reason
