"""Packs made for tests, straight into a folder."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from factcli.knowledge.pack.building import Builder, Settings
from factcli.knowledge.pack.opening import Pack
from factcli.knowledge.pack.records import Record, Rejected, page


def jsonl(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


PLAIN = Settings()


def built(folder: Path, records: Iterable[Record], settings: Settings = PLAIN) -> tuple[Pack, list[Rejected]]:
    """The pack of these records, and what was rejected."""
    content, scratch = folder / "content", folder / "scratch"
    content.mkdir(parents=True)
    scratch.mkdir()
    rejected: list[Rejected] = []
    builder = Builder(content, scratch, settings)
    for _ in builder.read(records, rejected.append):
        pass
    builder.finish()
    return Pack(content), rejected


def pack_of(folder: Path, texts: Mapping[str, str], settings: Settings = PLAIN) -> Pack:
    return built(folder, (page(f"page {n}", title, text) for n, (title, text) in enumerate(texts.items())), settings)[0]
