"""Settings of all tests: examples are drawn anew each time, and none fails for a slow machine."""

import functools
import gc
import signal
from pathlib import Path

import pytest
import typer.testing
from hypothesis import settings

SHARED = Path(__file__).parents[2] / "shared" / "data"

settings.register_profile("fact", deadline=None)
settings.load_profile("fact")

# `CliRunner` builds all commands anew for each that is typed, which takes most of the time of one that is refused.
typer.testing._get_command = functools.cache(typer.testing._get_command)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and with them every command that they are to interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Modules stay: without this accelerate, which collects garbage after each training, looks through all that torch and the tests hold each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data that lies beside a checkout, not in it; tests that use it are skipped where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not there")
    return SHARED
