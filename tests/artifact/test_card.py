"""`datasets.load_dataset(directory, table)` reads every table, with the types that the row says."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml

from factcli import answerrows, exportrows, rows, topicrows
from factcli.artifact import Draft, Outcome, make
from factcli.artifact.card import features_of
from tests.artifact.toy import ToyConfig, toy_plan

ROWS = {name.lower(): kind for module in (rows, answerrows, topicrows, exportrows) for name, kind in vars(module).items() if is_dataclass(kind)}


def row_of(kind: Any, is_full: bool) -> Any:
    """A row with every column filled, or with None, empty texts and empty tuples wherever they may be."""
    hints = get_type_hints(kind)
    return kind(**{f.name: value_of(hints[f.name], is_full, f.name) for f in fields(kind)})


def value_of(hint: Any, is_full: bool, name: str) -> Any:
    if type(None) in get_args(hint):
        return value_of(next(a for a in get_args(hint) if a is not type(None)), is_full, name) if is_full else None
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if get_origin(hint) is tuple:
        return (value_of(get_args(hint)[0], True, name), value_of(get_args(hint)[0], True, name)) if is_full else ()
    full = {str: f'{name} "é"\u2028\n[red]\t\\', int: 2**53 + 1, float: 0.1 + 0.2, bool: True}
    return full[hint] if is_full else type(full[hint])()


def written(root: Path, variants: tuple[bool, ...]) -> Path:
    """A version with one table per row type, with a row per variant, and one table that stays empty."""
    tables = ROWS | {"none_here": rows.Person}

    def work(draft: Draft) -> Outcome:
        for order, is_full in enumerate(variants):
            draft.write(f"u{order}", order, {name: [row_of(kind, is_full)] for name, kind in ROWS.items()})
        return Outcome("every kind of row")

    return make(toy_plan(ToyConfig(), "all", tables=tables), work, root)[0].path


READER = """
import json, sys
import datasets
path, cache, *tables = sys.argv[1:]
read = {}
for table in tables:
    loaded = datasets.load_dataset(path, table, split="train", cache_dir=cache)
    read[table] = {"rows": loaded.to_list(), "features": loaded.features._to_yaml_list()}
read["names"] = datasets.get_dataset_config_names(path)
print(json.dumps(read))
"""


def read_by_datasets(path: Path, cache: Path) -> dict[str, Any]:
    environment = os.environ | {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(cache), *ROWS], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "variants",
    [(True, False), pytest.param((False,), marks=pytest.mark.slow), pytest.param((True,), marks=pytest.mark.slow)],
    ids=["mixed", "all empty or None", "all filled"],
)
def test_datasets_reads_every_kind_of_row(tmp_path: Path, variants: tuple[bool, ...]) -> None:
    pytest.importorskip("datasets")
    read = read_by_datasets(written(tmp_path / "data", variants), tmp_path / "cache")
    assert read["names"] == list(ROWS)  # the empty table is left out: it would break the others
    for table, kind in ROWS.items():
        expected = [json.loads(json.dumps(asdict(row_of(kind, v)))) for v in variants]
        assert read[table]["rows"] == expected, table
        assert read[table]["features"] == features_of(kind), table


def test_rows_of_every_kind_come_back_as_they_were_written(tmp_path: Path) -> None:
    from factcli.artifact import open_artifact

    artifact = open_artifact(written(tmp_path, (True, False)), tmp_path)
    for table, kind in ROWS.items():
        assert list(artifact.rows(table, kind)) == [row_of(kind, True), row_of(kind, False)]


@dataclass
class Typed:
    name: str
    n: int | None
    share: float
    is_new: bool
    ids: tuple[str, ...]
    grade: Literal["right", "wrong"] | None
    spans: tuple[int, ...] | None


def test_columns_are_declared_from_the_row(tmp_path: Path) -> None:
    assert features_of(Typed) == [
        {"name": "name", "dtype": "string"},
        {"name": "n", "dtype": "int64"},
        {"name": "share", "dtype": "float64"},
        {"name": "is_new", "dtype": "bool"},
        {"name": "ids", "list": "string"},
        {"name": "grade", "dtype": "string"},
        {"name": "spans", "list": "int64"},
    ]


@pytest.mark.parametrize("hint", [dict, str | int, tuple[str, int], tuple[tuple[str, ...], ...], Literal["a", 1], list[str]], ids=str)
def test_a_column_that_the_card_cannot_declare_is_refused(hint: Any) -> None:
    kind = dataclass(type("Odd", (), {"__annotations__": {"x": hint}}))
    with pytest.raises(TypeError, match="a row column cannot be"):
        features_of(kind)


def test_the_card_lists_all_tables_for_people(tmp_path: Path) -> None:
    text = (written(tmp_path, (True,)) / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    assert [c["config_name"] for c in yaml.safe_load(front)["configs"]] == list(ROWS)
    assert "| none_here | 0 |" in body
    assert "# all@1" in body


def test_two_versions_with_one_cache_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """datasets names its cache by the folder's last part, `v0001`, and the card: both must not be equal."""
    pytest.importorskip("datasets")
    rows_of = {"a": 3, "b": 7}
    for name, n in rows_of.items():
        make(toy_plan(ToyConfig(), name, tables={"proof": rows.Proof}), lambda draft, n=n: proofs(draft, n), tmp_path)  # type: ignore[misc]
    code = "import sys, datasets; print([len(datasets.load_dataset(p, 'proof', split='train', cache_dir=sys.argv[1])) for p in sys.argv[2:]])"
    paths = [str(tmp_path / name / "v0001") for name in rows_of]
    environment = os.environ | {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "cache"), *paths], env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-1:] == ["[3, 7]"], run.stderr[-1000:]


def proofs(draft: Draft, n: int) -> Outcome:
    draft.write("all", 0, {"proof": [rows.Proof(str(i), True, "") for i in range(n)]})
    return Outcome("proofs")
