"""Rows that a run appends to as it goes, cut back where it goes on from a checkpoint."""

import json
from collections.abc import Mapping
from pathlib import Path


class RowLog:
    """A JSONL file of rows with `step`. Rows reach the file with the next checkpoint; of several processes one is the writer."""

    def __init__(self, path: Path, is_writer: bool) -> None:
        self.path, self.is_writer = path, is_writer
        self._pending: list[str] = []

    def cut(self, step: int) -> None:
        """Leave what was written up to a step; -1: nothing. Makes the file."""
        if not self.is_writer:
            return
        kept = [line for line in self._lines() if is_up_to(line, step)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(kept), encoding="utf-8")

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.exists() else []

    def add(self, row: Mapping[str, object]) -> None:
        if self.is_writer:
            self._pending.append(json.dumps(row, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        if self._pending:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.writelines(self._pending)
            self._pending.clear()


def is_up_to(line: str, step: int) -> bool:
    """Whether a whole line is of a step up to this one; a torn line is not."""
    try:
        return line.endswith("\n") and json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False
