"""How many tokens a text has for the sampled model: by its own tokenizer where it runs in this process, else by a rule of thumb."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from factcli.backends.opening import Answering

LETTERS_PER_TOKEN = 4  # where the sampler's tokenizer is not at hand, e.g. behind a server


class Tokens(NamedTuple):
    """`cut` gives the end of a text, that many tokens of it. `room`: what the model reads and says together, None if not known."""

    count: Callable[[str], int]
    cut: Callable[[str, int], str]
    room: int | None


def tokens_of(sampler: Answering) -> Tokens:
    """Of the sampled model."""
    return by_letters() if sampler.local is None else _of_directory(sampler.local.base.location)


def by_letters() -> Tokens:
    """By the rule of thumb."""
    return Tokens(_count_letters, _cut_letters, None)


def _count_letters(text: str) -> int:
    return -(-len(text) // LETTERS_PER_TOKEN)


def _cut_letters(text: str, n_tokens: int) -> str:
    """From the beginning of a word."""
    end = text[-n_tokens * LETTERS_PER_TOKEN :]
    return end if len(end) == len(text) else end.partition(" ")[2] or end


def _of_directory(location: str) -> Tokens:
    from factcli.train.base import load_tokenizer

    tokenizer = load_tokenizer(location)

    def ids_of(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def cut(text: str, n_tokens: int) -> str:
        return str(tokenizer.decode(ids_of(text)[-n_tokens:], clean_up_tokenization_spaces=False)).lstrip()

    return Tokens(lambda text: len(ids_of(text)), cut, _positions(Path(location) / "config.json"))


def _positions(path: Path) -> int | None:
    """Learned and rotary positions alike: beyond them nothing is read well."""
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = next((settings[name] for name in ("max_position_embeddings", "n_positions", "n_ctx") if settings.get(name)), None)
    return int(found) if found else None
