"""What commands use, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STARTER = """
import json, resource, subprocess, sys, time
begun = time.monotonic()
for command in json.loads(sys.argv[1]):
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True, slots=True)
class Used:
    """By the clock and of all cores, both of all commands; of the largest process among them and their children."""

    seconds: float
    cpu_s: float
    peak_mib: float


def used_by(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Used:
    """Of the commands, one after the other. SystemExit with the last words of one that fails.

    A small process starts them: on Linux the peak of a process begins with that of the program which started it (getrusage).
    """
    run = subprocess.run([sys.executable, "-c", STARTER, json.dumps(commands)], env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    return Used(*json.loads(run.stdout))
