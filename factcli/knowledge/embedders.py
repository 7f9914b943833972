"""A sentence-embedding model in a local directory: what names it, and how it is loaded. Extra `dense`. No pickle is read, in any of its parts."""

from pathlib import Path
from typing import TYPE_CHECKING

from factcli.artifact.manifest import sha256_of_file
from factcli.errors import BackendError, InputError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

READ = (".json", ".safetensors", ".txt", ".model")  # files of a model
PICKLED, SAFE = "pytorch_model.bin", "model.safetensors"


def model_digest(directory: Path) -> dict[str, str]:
    """What names the model: digests of weights, vocabulary and settings of all its parts, by file. Raises InputError for pickled weights, or none."""
    return {path.relative_to(directory).as_posix(): sha256_of_file(path) for path in _files(directory)}


def load(directory: Path, what: str, instead: str = "", device: str | None = None) -> "SentenceTransformer":
    """The model, in this process; `device` None is the best there is.

    Raises BackendError where the library is missing that `what` needs (`instead`: another way out), InputError for what is no such model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise BackendError(f"{what} needs sentence-transformers, which is not installed", f'pip install "factcli[dense]"{instead}') from error
    _files(directory)
    try:
        return SentenceTransformer(str(directory), device=device, local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError, KeyError) as error:  # no configuration, code of its own
        why = " ".join(str(error).split())[:200]
        raise InputError(f"{directory} holds no sentence-transformers model with safetensors: {why}", "e.g. a copy of all-MiniLM-L6-v2") from error


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise InputError(f"there is no directory {directory}", "--embedder takes a local sentence-transformers model, e.g. all-MiniLM-L6-v2")
    files = sorted((*directory.glob("*"), *directory.glob("*/*")))  # a part is a folder, e.g. 2_Dense
    for path in files:
        if path.name == PICKLED and not (path.parent / SAFE).is_file():
            raise InputError(f"{path.relative_to(directory)} is pickled, need safetensors", f"{path} would run code: convert it first")
    if not any(path.suffix == ".safetensors" for path in files):
        raise InputError(f"{directory} has no weights in safetensors", "--embedder takes a local sentence-transformers model; pickled weights are not read")
    return [path for path in files if path.suffix in READ]
