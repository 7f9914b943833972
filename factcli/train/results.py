"""What a finished job leaves beside its adapters, and how a finished one is recognised."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def usage_of(seconds: float, tokens: int, n_processes: int) -> dict[str, float | int | str]:
    """What a run took, all of it and all its processes together."""
    several = {"processes": n_processes} if n_processes > 1 else {}
    return {"seconds": round(seconds, 2), "tokens": tokens, "tokens_per_s": round(tokens / max(seconds, 1e-9)), **several}


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_result(folder: Path, fingerprint: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Written last and at once: a folder with result.json holds everything the job makes."""
    content = {**result, "job": fingerprint}
    part = folder / "result.json.part"
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / "result.json")
    return content


def finished(folder: Path, fingerprint: str) -> dict[str, Any] | None:
    """The result of this very job if the folder holds it, so that a rerun costs nothing."""
    try:
        content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("job") == fingerprint else None
