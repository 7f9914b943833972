"""A subword tokenizer to measure passages in, where the rule of words.py is not exact enough."""

from collections.abc import Sequence
from pathlib import Path

from factcli.artifact.manifest import sha256_of_file
from factcli.errors import BackendError, InputError
from factcli.knowledge.pack.words import Measure

FILE = "tokenizer.json"


def digest_of(directory: Path) -> str:
    """Raises InputError for a directory without tokenizer.json."""
    if not (directory / FILE).is_file():
        raise InputError(f"{directory} has no {FILE}", "--tokenizer takes a directory of a fast tokenizer, as save_pretrained writes it")
    return sha256_of_file(directory / FILE)


def measure_of(directory: Path) -> Measure:
    """Tokens of a text as the tokenizer cuts it; those that add nothing (the marks around a text) are left out."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise BackendError("--tokenizer needs tokenizers, which is not installed", 'pip install "factcli[train]"') from error
    try:
        tokenizer = Tokenizer.from_file(str(directory / FILE))
    except Exception as error:  # the library raises nothing narrower for a damaged file
        raise InputError(f"{directory / FILE} is no tokenizer: {error}", "--tokenizer takes a directory of a fast tokenizer") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()  # some are saved with both

    def ends(text: str) -> Sequence[int]:
        found: list[int] = []
        for _, end in tokenizer.encode(text, add_special_tokens=False).offsets:
            found.append(max(end, found[-1] if found else 0))
        return found

    return Measure(lambda text: len(ends(text)), ends)
