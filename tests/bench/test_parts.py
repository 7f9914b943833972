"""`python -m tests.bench` knows its parts: whoever adds one adds its file."""

import subprocess
import sys
from pathlib import Path


def test_every_part_is_there_to_run():
    said = subprocess.run([sys.executable, "-m", "tests.bench", "--help"], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    assert "ten-adapters" in said
