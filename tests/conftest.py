"""Settings of all tests: examples are drawn anew each time, and none fails for a slow machine."""

from pathlib import Path

import pytest
from hypothesis import settings

SHARED = Path(__file__).parents[2] / "shared" / "data"

settings.register_profile("fact", deadline=None)
settings.load_profile("fact")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data that lies beside a checkout, not in it; tests that use it are skipped where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not there")
    return SHARED
