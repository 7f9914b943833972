"""The key of a server: read from the environment or a file, sent in one header, and shown nowhere."""

import os
from pathlib import Path
from urllib.parse import quote

from factcli.errors import SettingsError

HIDDEN = "[key]"
NO_KEY = "none"  # what servers of one's own are sent: the client insists on a value


class ApiKey:
    """A secret that neither `repr` nor `str` nor a pickle shows. `sent` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return HIDDEN if self._value else "no key"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")

    def sent(self) -> str:
        return self._value or NO_KEY

    def redact(self, text: str) -> str:
        """`text` without the key, however a server spells it back."""
        for spelled in {self._value, quote(self._value, safe="")} if self._value else set():
            text = text.replace(spelled, HIDDEN)
        return text


def read_key(variable: str, file: Path | None) -> ApiKey:
    """The key in `file`, else in the environment's `variable`; none where neither is given (a server of one's own)."""
    if file is None:
        return _checked(os.environ.get(variable, ""), f"${variable}")
    try:
        key = _checked(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        name = f" {file}" if file.exists() else ""  # else it may be a key that was typed in its place
        raise SettingsError(f"the key file{name} cannot be read: {reason}", "--key-file takes a file that holds the key and nothing else") from None
    if key.sent() == NO_KEY:
        raise SettingsError(f"the key file {file} is empty", "--key-file takes a file that holds the key; leave it out where the server wants none")
    return key


def _checked(text: str, where: str) -> ApiKey:
    """A key that no header can carry would come back in the client's error message, so it is refused here, unseen."""
    key = text.strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(f"the key in {where} has blanks, line ends or letters that no key has", "it holds the key and nothing else")
    return ApiKey(key)
