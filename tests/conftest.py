"""Settings of all tests: examples are drawn anew each time, and none fails for a slow machine."""

from hypothesis import settings

settings.register_profile("fact", deadline=None)
settings.load_profile("fact")
