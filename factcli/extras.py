"""Optional parts of the installation: said by name where one is missing, before any work is begun."""

import importlib.util

from factcli.errors import BackendError

TRAIN = ("torch", "transformers", "peft", "accelerate")


def require_train() -> None:
    """Raises BackendError unless everything that trains and runs models is installed. Imports none of it."""
    missing = [name for name in TRAIN if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f"training and local models need what is not installed: {', '.join(missing)}", 'pip install "factcli[train]"')
