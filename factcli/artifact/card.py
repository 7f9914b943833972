"""The Hugging Face dataset card of a version, so that `datasets.load_dataset(dir, table)` just works."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


def features_of(row_type: type) -> list[dict[str, Any]]:
    """The columns of a row dataclass in the card's notation. Raises TypeError for a type that has none."""
    assert is_dataclass(row_type)
    hints = get_type_hints(row_type)
    return [{"name": f.name} | _feature(hints[f.name]) for f in fields(row_type)]


def _feature(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), [a for a in get_args(hint) if a is not type(None)]
    if origin is Literal and len({type(a) for a in arguments}) == 1:
        return _feature(type(arguments[0]))
    if origin in (Union, types.UnionType) and len(arguments) == 1:  # X | None: every column may be null
        return _feature(arguments[0])
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis and arguments[0] in DTYPES:
        return {"list": DTYPES[arguments[0]]}
    if hint not in DTYPES:
        raise TypeError(f"a row column cannot be {hint}")
    return {"dtype": DTYPES[hint]}


def render_card(title: str, text: str, tables: dict[str, type], row_counts: dict[str, int], digests: Mapping[str, str]) -> str:
    """The card. Tables without rows are left out: an empty JSONL breaks `load_dataset`.

    `digests`: table -> sha256 of its file. datasets names what it caches by the folder's own name, mostly `v0001`, and by
    these configs: without the digest in them it would give the rows of one version for those of another.
    """
    filled = [t for t in tables if row_counts.get(t)]
    header = {
        "configs": [{"config_name": t, "data_files": f"{t}.jsonl", "description": f"sha256 {digests[t]}"} for t in filled],
        "dataset_info": [{"config_name": t, "features": features_of(tables[t])} for t in filled],
    }
    lines = "\n".join(f"| {t} | {row_counts.get(t, 0)} |" for t in tables)
    front = f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n" if filled else ""
    return f"{front}# {title}\n\n{text}\n\n| table | rows |\n|---|---|\n{lines}\n"
