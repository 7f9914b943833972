"""What commands used, as part of a bench says it."""

import os
import sys

import pytest

from tests.bench.used import used_by

MIB = 1 << 20


def holding(mib: int) -> list[str]:
    return [sys.executable, "-c", f"held = b'x' * ({mib} << 20)"]


def test_the_peak_is_that_of_the_largest_command_and_not_of_whoever_asks() -> None:
    """This process holds 300 MiB and more, the commands 100 and 50 beside a bare Python's ten or so."""
    held = b"x" * (300 * MIB)
    used = used_by([holding(100), holding(50)], os.environ)
    assert len(held) == 300 * MIB
    assert 100 < used.peak_mib < 150
    assert used.cpu_s > 0


def test_a_command_s_own_children_count() -> None:
    started = [sys.executable, "-c", f"import subprocess; subprocess.run({holding(100)!r})"]
    assert 100 < used_by([started], os.environ).peak_mib < 150


def test_a_command_that_fails_ends_the_bench_with_its_last_words() -> None:
    with pytest.raises(SystemExit, match=r"no such base(.|\n)*exit status 3"):
        used_by([[sys.executable, "-c", "import sys; print('no such base', file=sys.stderr); sys.exit(3)"]], os.environ)
