"""Random draws that depend on a key alone."""

import random


def keyed_rng(*key: object) -> random.Random:
    """A generator that depends on its key only, never on what was drawn before."""
    return random.Random("/".join(map(str, key)))  # a string is hashed with SHA-512: the same in every process
