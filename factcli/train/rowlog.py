"""Rows that a run appends to as it goes: whole lines, each once, cut back where the run goes on from a checkpoint. No torch here."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class RowLog:
    """A JSONL file of rows with `step`. Rows reach the file with the next checkpoint; of several processes one is the writer."""

    def __init__(self, path: Path, is_writer: bool) -> None:
        self.path, self.is_writer = path, is_writer
        self._pending: list[str] = []

    def cut(self, step: int) -> None:
        """Leave what was written up to a step; -1: nothing. Makes the file. In place: on a full disk it could not be written anew."""
        if not self.is_writer:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        os.truncate(self.path, sum(len(line) for line, row in _whole_lines(self.path) if row["step"] <= step))

    def add(self, row: Mapping[str, object]) -> None:
        if self.is_writer:
            self._pending.append(json.dumps(row, ensure_ascii=False) + "\n")

    def flush(self) -> None:
        """Append the rows since the last flush. Raises OSError where they do not all fit: none is then in the file, and the next flush has them."""
        if not self._pending:
            return
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.writelines(self._pending)
        except OSError:
            os.truncate(self.path, size)
            raise
        self._pending.clear()


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a log, as far as its lines are whole."""
    return [row for _, row in _whole_lines(path)]


def _whole_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line with its row, up to one that is torn, which is said in the log: a process was killed while it wrote."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if row is None or not line.endswith(b"\n"):
                log.warning("line %d of %s is torn: it is left out, with all behind it", number, path)
                return
            yield line, row
