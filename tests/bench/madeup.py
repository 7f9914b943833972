"""Text of realistic length in made-up words, whose frequencies fall as those of a language do (Zipf): a corpus of any size."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

SYLLABLES = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
N_WORDS = 500_000
ZIPF = 1.05  # exponent; a million passages then have 455,000 different words
SENTENCE_WORDS, PASSAGE_SENTENCES, PAGE_PASSAGES = 21, 9, 3  # 189 words a passage: 203 tokens with punctuation


def write_pages(path: Path, n_passages: int, seed: int = 0) -> Path:
    """JSONL of title and text; each page has PAGE_PASSAGES items of about 200 tokens, so that many passages too."""
    with path.open("w", encoding="utf-8") as file:
        for number, items in enumerate(_pages(n_passages, seed)):
            title = f"{items[0].split(' ', 1)[0]} {items[-1].split(' ', 1)[0]} {number}"
            file.write(json.dumps({"title": title, "text": items}) + "\n")
    return path


def _pages(n_passages: int, seed: int) -> Iterator[list[str]]:
    """Each page's items, drawn 1,000 pages at a time."""
    words = np.array(_words())
    draw = np.random.default_rng(seed)
    cumulative = np.cumsum(1.0 / np.arange(1, N_WORDS + 1) ** ZIPF)
    cumulative /= cumulative[-1]
    n_pages, shape = -(-n_passages // PAGE_PASSAGES), (PAGE_PASSAGES, PASSAGE_SENTENCES, SENTENCE_WORDS)
    for start in range(0, n_pages, 1000):
        ids = np.searchsorted(cumulative, draw.random((min(1000, n_pages - start), *shape)))
        for page in words[ids]:
            yield [" ".join(" ".join(sentence).capitalize() + "." for sentence in item) for item in page]


def _words() -> list[str]:
    """The commonest words are short."""
    pool = [*SYLLABLES, *("".join(two) for two in product(SYLLABLES, repeat=2)), *("".join(three) for three in product(SYLLABLES, repeat=3))]
    longer = (f"{a}{b}" for a in pool[5000:] for b in ("li", "no"))
    return [*pool, *(word for word, _ in zip(longer, range(N_WORDS), strict=False))][:N_WORDS]
