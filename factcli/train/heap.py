"""Memory that a training step frees is the next step's: it is kept instead of being given back and asked for again, page by page.

glibc returns large blocks to the system as soon as they are freed, and every page of the next one is then made anew, in zeros: 20,000 of
them a step of `fact prereq` on a tiny world. What a process takes at its peak does not change. Elsewhere than on glibc nothing is done.
"""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt(3)
LARGEST_BLOCK = 2**25  # bytes: the highest threshold that glibc takes
KEPT = 2**31 - 1  # bytes, in C's int


def keep_freed() -> None:
    """For the rest of the process."""
    if (libc := _libc()) is not None:
        libc.mallopt(MMAP_THRESHOLD, LARGEST_BLOCK)
        libc.mallopt(TRIM_THRESHOLD, KEPT)


def give_back() -> None:
    """What is free goes back to the system, while the process waits for its next job."""
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
