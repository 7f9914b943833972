"""What a checkout holds: rules for what make is told."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_target_of_the_makefile_has_a_rule() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
