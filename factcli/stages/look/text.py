"""Text of rows and manifests, made fit for a terminal: it may come from a model, a web page or another person."""

import unicodedata
from typing import Any

from rich.text import Text

# Control characters move the cursor, rename the window or clear the screen; format characters (Cf) include those
# that turn the writing direction round and so show another text than is there. The joiners of emoji and scripts stay.
HARMLESS_FORMAT = "\u200c\u200d"


def printable(value: Any) -> str:
    """`value` on one line, without control characters, unpaired surrogates and invisible direction marks."""
    spaced = " ".join(str(value).split())
    return "".join(c for c in spaced if c in HARMLESS_FORMAT or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


def cell(value: Any, style: str = "") -> Text:
    """A cell of a table. `Text` is shown as it is: `[red]` in a row is five characters, not a colour."""
    return Text(printable(value), style=style)


def in_bytes(n: int) -> str:
    """`1.5 MB`: at most four characters of number, powers of 1000."""
    size = float(n)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def in_words(seconds: float) -> str:
    """`12 s`, `5 min`, `3 h`, `8 d`: the age of something, rounded down."""
    if seconds < 60:
        return f"{max(int(seconds), 0)} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    return f"{int(seconds // 3600)} h" if seconds < 48 * 3600 else f"{int(seconds // 86400)} d"
