"""A real browser for tests of the page: headless Chromium, driven over a pipe (Chrome DevTools Protocol), no network.

https://chromedevtools.github.io/devtools-protocol/: messages are JSON objects, each ended by a null byte.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
)  # fmt: skip
LIMIT_S = 60  # for one answer: a page of 10,000 items opens in about one second
DESKTOP, PHONE = (1280, 900), (390, 844)


def where() -> str | None:
    """The browser's path, None where this machine has none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One process and one tab."""

    def __init__(self, program: str, profile: str) -> None:
        (theirs_in, ours_out), (ours_in, theirs_out) = (tuple(map(_high, os.pipe())) for _ in range(2))
        self._in, self._out, self._left, self._n = ours_in, ours_out, b"", 0
        self.events: list[dict[str, Any]] = []

        def connect() -> None:
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        argv = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(argv, preexec_fn=connect, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: PLW1509
        os.close(theirs_in)
        os.close(theirs_out)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = ""
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._n += 1
        session = {"sessionId": self._session} if getattr(self, "_session", "") else {}
        os.write(self._out, json.dumps({"id": self._n, "method": method, "params": params, **session}).encode() + b"\0")
        while (message := self._read()).get("id") != self._n:
            self.events.append(message)
        assert "error" not in message, message
        result = message["result"]
        assert isinstance(result, dict)
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            assert select.select([self._in], [], [], LIMIT_S)[0], f"Chromium said nothing for {LIMIT_S} s"
            read = os.read(self._in, 1 << 20)
            assert read, "Chromium ended"
            self._left += read
        line, _, self._left = self._left.partition(b"\0")
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def open(self, page: Path, hash_: str = "", ready: str = "true") -> None:
        """Loads a file and waits until the expression `ready` holds in it."""
        self.call("Page.navigate", url="about:blank")  # a change of the fragment alone would load nothing
        self.call("Page.navigate", url=page.resolve().as_uri() + hash_)
        held = f"new Promise(r => {{ const look = () => document.readyState === 'complete' && ({ready}) ? r(true) : setTimeout(look, 5); look(); }})"
        assert self.evaluate(held) is True

    def evaluate(self, expression: str) -> Any:
        """The value of an expression; promises are awaited."""
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """A key, as typed by a person. Enter carries its character, so that it clicks a focused button."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else "", windowsVirtualKeyCode=CODES.get(key, 0))

    def size(self, size: tuple[int, int], is_phone: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)

    def media(self, media: str = "", **features: str) -> None:
        """`media`: screen or print; features such as prefers-color-scheme, with underscores."""
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def scripts(self, are_run: bool) -> None:
        self.call("Emulation.setScriptExecutionDisabled", value=not are_run)

    def picture(self, path: Path, whole: bool = False) -> None:
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(told["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        box = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {**box, "scale": 1}}

    def printed(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]))

    def said(self, kind: str) -> list[Mapping[str, Any]]:
        """Events of a kind so far, e.g. Runtime.exceptionThrown, Page.javascriptDialogOpening, Log.entryAdded."""
        return [event["params"] for event in self.events if event.get("method") == kind]


CODES = {"Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}


def _high(descriptor: int) -> int:
    """A copy above those that the child gets, 3 and 4."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return copy


@contextmanager
def chromium(program: str) -> Iterator[Chromium]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Chromium(program, profile)
        try:
            yield browser
        finally:
            browser.close()
