"""`python -m tests.bench` knows its parts: whoever adds one adds its file."""

import re
import subprocess
import sys
from pathlib import Path

from tests.bench.__main__ import PARTS


def test_every_part_is_described_and_what_is_described_is_there_to_run() -> None:
    """A name of the help's columns stands at the beginning of a line or behind a gap, with a gap behind it."""
    said = subprocess.run([sys.executable, "-m", "tests.bench", "--help"], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    described = said[said.index("Each part is one module") : said.index("positional arguments")]
    assert set(re.findall(r"(?:^| {4,})([a-z-]+) {2,}\S", described, re.MULTILINE)) == set(PARTS)
