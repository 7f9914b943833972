"""Figures of one GPU, part by part: `python -m tests.bench.gpu PART ...`, then `python -m tests.bench.gpu table`.

Each part makes or finds the world and data that it stands on, and leaves gpu-PART.json in --out, with date, card and versions. A part that
does not end within --within seconds is stopped at a checkpoint and ends with code 75; the same command goes on there. What is not installed
may be carried as wheels (--wheels DIR, filled elsewhere for that machine's Python: pip download --only-binary=:all: --python-version 3.12
-d DIR pydantic typing-inspection typer trl datasets ..., with --no-deps where their needs are there); what is still missing, and what that
leaves out, is said. In small, without a GPU:

    python -m tests.bench.gpu all --size micro --device cpu --turns 1
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.gpu.place import FACT, Place, UnfinishedError, install, machine, missing

UNFINISHED = 75  # EX_TEMPFAIL of sysexits.h: try again


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", metavar="PART", help="all, table, or parts by name")
    parser.add_argument("--size", default="base", help="recipe of the world")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--turns", type=int, default=3, help="of what takes turns")
    parser.add_argument("--within", type=float, default=540.0, help="seconds for all the parts that are named")
    parser.add_argument("--data", type=Path, default=Path("data-bench/gpu"), help="where artifacts go")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "data-bench/gpu-figures")), help="where the figures go")
    parser.add_argument("--wheels", type=Path, default=None, help="folder of wheels to install first, without an index")
    parser.add_argument("--into", type=Path, default=None, help="of table: the page whose section is replaced, e.g. docs/results.md")
    chosen = parser.parse_args(words)
    if chosen.wheels:
        install(chosen.wheels, chosen.data / "site")
    if gone := missing(FACT):
        raise SystemExit(f"not installed: {', '.join(gone)}; carry their wheels: --wheels DIR")
    return _table(chosen) if chosen.parts == ["table"] else _make(chosen)


def _table(chosen: argparse.Namespace) -> int:
    from tests.bench.gpu.page import put, section

    text = section(chosen.out)
    if chosen.into:
        put(text, chosen.into)
    print(text)
    return 0


def _make(chosen: argparse.Namespace) -> int:
    from tests.bench.gpu.page import file_of
    from tests.bench.gpu.parts import PARTS

    names = list(PARTS) if chosen.parts == ["all"] else chosen.parts
    if unknown := [name for name in names if name not in PARTS]:
        raise SystemExit(f"there is no part {unknown[0]!r}; parts: {', '.join(PARTS)}, all, table")
    place = Place(chosen.data.resolve(), chosen.size, chosen.device, chosen.turns, time.monotonic() + chosen.within)
    where = machine(chosen.device)
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        try:
            figures = PARTS[name].make(place)
        except UnfinishedError:
            print(f"{name}: not done within {chosen.within:g} s; the same command goes on there")
            return UNFINISHED
        said = {"part": name, "date": datetime.now(UTC).date().isoformat(), "size": chosen.size, "turns": chosen.turns, "machine": where, **asdict(figures)}
        file_of(chosen.out, name).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {file_of(chosen.out, name)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
