"""`accelerate launch`, but that it becomes the worker where it would start one process and wait for it.

Waiting it has no handler for signals (accelerate/commands/launch.py, simple_launcher): SIGTERM ended it at once, and a scheduler that ends
what is left of a task whose first process is gone (slurmstepd with proctrack/cgroup does) then killed the worker before it could save.
"""

import argparse
import os
from typing import NoReturn

from accelerate.commands import launch
from accelerate.utils.launch import prepare_simple_launcher_cmd_env


def become(arguments: argparse.Namespace) -> NoReturn:
    """Run the worker in this process, in the environment that accelerate's file stands for."""
    command, environment = prepare_simple_launcher_cmd_env(arguments)
    os.execvpe(command[0], command, environment)  # noqa: S606 - a shell would only stand in between again


if __name__ == "__main__":
    launch.simple_launcher = become
    launch.main()
