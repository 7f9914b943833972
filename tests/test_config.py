"""Settings: layers, roles, and what a wrong one is answered with."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import model_validator

import factcli
from factcli.config import ROLES, Config, identity_of, key_config_of, resolve, role_of, setting
from factcli.errors import SettingsError


class Inner(Config):
    lr: float = setting(1e-3, "Step size", gt=0, le=10)
    n_steps: int = setting(3, "Steps", ge=1)
    dtype: Literal["float32", "bfloat16"] = setting("float32", "Number format", role="numerics")
    threads: int = setting(2, "Threads", role="operational", ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.lr > 1 and self.n_steps > 5:
            raise ValueError(f"lr = {self.lr} with n_steps = {self.n_steps}: choose one")
        return self


class Outer(Config):
    command: ClassVar[str] = "outer"
    seed: int = setting(0, "Seed", ge=0)
    tag: str = setting("x", "Any text")
    mode: Literal["on", "off", "auto"] = setting("auto", "A word that YAML takes for something else")
    place: Path | None = setting(None, "A path; None for none")
    is_fast: bool = setting(False, "A switch", role="operational")
    rates: tuple[float, ...] = setting((1.0,), "Numbers")
    share: float | None = setting(None, "None means inherit")
    inner: Inner = Inner()
    other: Inner | None = setting(None, "A group that may be absent")


def settled(*assignments: str) -> Outer:
    return resolve(Outer, [], assignments, {})


def refused(*assignments: str, files: tuple[Path, ...] = (), flags: dict[str, Any] | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as raised:
        resolve(Outer, files, assignments, flags or {})
    assert raised.value.exit_code == 2
    assert "\n" not in raised.value.message
    return raised.value


def file_of(tmp_path: Path, text: str, name: str = "a.yaml") -> Path:
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_defaults_give_way_to_files_in_order_then_to_assignments_then_to_flags(tmp_path: Path) -> None:
    first = file_of(tmp_path, "seed: 1\ntag: a\nshare: 0.1\ninner: {lr: 0.1, n_steps: 11}", "first.yaml")
    second = file_of(tmp_path, "tag: b\nshare: 0.2\ninner: {lr: 0.2}", "second.yaml")
    got = resolve(Outer, [first, second], ["share=0.3", "inner.threads=5"], {"share": 0.4, "seed": None, "inner.threads": 6})
    assert (got.seed, got.tag, got.share) == (1, "b", 0.4)  # a flag that is None was not given
    assert got.inner == Inner(lr=0.2, n_steps=11, threads=6)
    assert got.mode == "auto"


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("tag=a=b=c", "tag", "a=b=c"),
        ("tag=1e3", "tag", "1e3"),
        ("tag=no", "tag", "no"),
        ("tag=2024-01-01", "tag", "2024-01-01"),
        ("tag=", "tag", ""),
        ("tag={x", "tag", "{x"),
        ("mode=off", "mode", "off"),
        ("place=12", "place", Path("12")),
        ("place=null", "place", None),
        ("is_fast=1", "is_fast", True),
        ("is_fast=no", "is_fast", False),
        ("rates=[1e-3, 2]", "rates", (0.001, 2.0)),
        ("share=1e-3", "share", 0.001),
        ("share=null", "share", None),
        ("share=1", "share", 1.0),
        ("seed=1e3", "seed", 1000),
        ("seed='9007199254740993'", "seed", 2**53 + 1),
        ("inner.lr=1e-2", "inner", Inner(lr=0.01)),
        ("other.lr=1e-2", "other", Inner(lr=0.01)),
        ("other=null", "other", None),
    ],
)
def test_an_assignment_means_what_its_setting_is(assignment: str, name: str, value: Any) -> None:
    assert getattr(settled(assignment), name) == value


@given(number=st.integers(0, 2**80))
def test_a_whole_number_stays_whole(number: int) -> None:
    assert settled(f"seed={number}").seed == number


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("Cs",))))
def test_text_stays_as_it_is(text: str) -> None:
    assert settled(f"tag={text}").tag == text


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("seed=1.5", "seed = 1.5: input should be a valid integer, got a number with a fractional part"),
        ("seed=-1", "seed = -1: input should be greater than or equal to 0"),
        ("seed=yes", "seed = True: is true or false, need another value"),
        ("share=true", "share = True: is true or false, need another value"),
        ("rates=[true]", "rates = [True]: is true or false, need another value"),
        ("is_fast=2", "is_fast = 2: input should be a valid boolean, unable to interpret input"),
        ("share=nan", "share = nan: input should be a finite number"),
        ("share=-inf", "share = -inf: input should be a finite number"),
        ("seed=", "seed = None: input should be a valid integer"),
        ("mode=of", "mode = 'of': input should be 'on', 'off' or 'auto'; did you mean 'off'?"),
        ("inner.lr=0", "inner.lr = 0: input should be greater than 0"),
        ("inner.lr=11", "inner.lr = 11: input should be less than or equal to 10"),
        ("inner.n_steps=0", "inner.n_steps = 0: input should be greater than or equal to 1"),
        ("inner=5", "--set inner=5: inner is a group of settings, not 5"),
        ("seed.x=5", "seed = {'x': 5}: input should be a valid integer"),
    ],
)
def test_an_impossible_value_is_answered_with_the_value_and_the_rule(assignment: str, message: str) -> None:
    error = refused(assignment)
    assert error.message == message
    assert error.hint


def test_a_rule_about_two_settings_names_both() -> None:
    assert refused("inner.lr=2", "inner.n_steps=6").message == "inner: lr = 2.0 with n_steps = 6: choose one"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("sed=1", "--set sed=1: unknown setting 'sed'; did you mean 'seed'?"),
        ("inner.lrr=1", "--set inner.lrr=1: unknown setting 'inner.lrr'; did you mean 'inner.lr'?"),
        ("other.n_step=1", "--set other.n_step=1: unknown setting 'other.n_step'; did you mean 'other.n_steps'?"),
        ("zzz=1", "--set zzz=1: unknown setting 'zzz'"),
        ("inner..lr=1", "--set inner..lr=1: unknown setting 'inner.'"),
    ],
)
def test_an_unknown_setting_is_answered_with_the_nearest_known_one(assignment: str, message: str) -> None:
    error = refused(assignment)
    assert error.message == message
    assert error.hint.startswith("known: ")


@pytest.mark.parametrize("assignment", ["seed", "=5", "", "rates=[1"])
def test_what_is_no_assignment_is_refused(assignment: str) -> None:
    assert f"--set {assignment!r}" in refused(assignment).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed: 1", "unknown setting 'sed'; did you mean 'seed'?"),
        ("1: 2", "unknown setting '1'"),
        ("seed: 1\nseed: 2", "'seed' is given twice"),
        ("inner: {lr: 1, lr: 2}", "'lr' is given twice"),
        ("[1, 2]", "holds a list"),
        ("[]", "holds a list"),
        ("0", "holds a int"),
        ("false", "holds a bool"),
        ("a: [", "is not YAML"),
        ("a: 1\n---\nb: 2", "is not YAML"),
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
        ("inner: 5", "inner is a group of settings, not 5"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = file_of(tmp_path, text)
    said = refused(files=(path,)).message
    assert said.startswith(str(path))
    assert message in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "there is no settings file" in refused(files=(tmp_path / "none.yaml",)).message
    assert "cannot be read: Is a directory" in refused(files=(tmp_path,)).message
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    assert "is not YAML" in refused(files=(tmp_path / "b.yaml",)).message


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert resolve(Outer, [file_of(tmp_path, "# all defaults\n")], [], {}) == Outer()


def test_an_unknown_flag_is_refused_like_an_unknown_setting() -> None:
    assert refused(flags={"seeds": 1}).message == "option: unknown setting 'seeds'; did you mean 'seed'?"


def test_settings_do_not_change_after_they_are_resolved() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settled().seed = 5


def test_roles_choose_what_key_and_digest_cover() -> None:
    config = settled("inner.dtype=bfloat16", "inner.threads=9", "is_fast=yes", "place=a/b")
    assert identity_of(config)["inner"] == {"lr": 0.001, "n_steps": 3}
    assert identity_of(config)["place"] == "a/b"
    assert "is_fast" not in key_config_of(config, is_training=True)
    assert key_config_of(config, is_training=False) == identity_of(config)
    assert key_config_of(config, is_training=True)["inner"] == {"lr": 0.001, "n_steps": 3, "dtype": "bfloat16"}


def test_an_optional_group_is_covered_by_the_roles_of_its_own_settings() -> None:
    some = [identity_of(settled(f"other.threads={n}")) for n in (1, 2)]
    assert some[0] == some[1]
    assert identity_of(settled("other.lr=2")) != some[0] != identity_of(settled())


def configs_of_the_package() -> Iterator[type[Config]]:
    """Every settings class in factcli: the modules that define one are found by their text and imported."""
    package = Path(factcli.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if re.search(r"^class \w+\(\w*Config\):", path.read_text(encoding="utf-8"), re.MULTILINE) and path.name != "config.py":
            module = importlib.import_module(".".join(("factcli", *path.relative_to(package).with_suffix("").parts)))
            yield from (v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Config) and v.__module__ == module.__name__)


def unmarked(model: type[Config]) -> list[str]:
    """Settings without a role or a line of help. A group needs none: its own settings have theirs."""
    groups = [name for name, value in model.model_fields.items() if isinstance(value.annotation, type) and issubclass(value.annotation, Config)]
    return [name for name, value in model.model_fields.items() if name not in groups and (role_of(value) not in ROLES or not value.description)]


def test_every_setting_has_a_role_and_a_line_of_help() -> None:
    models = list(configs_of_the_package())
    assert len(models) >= 3
    assert {m.__qualname__: unmarked(m) for m in models if unmarked(m)} == {}


def test_defaults_survive_being_written_down() -> None:
    """As a manifest does, and as a process that is handed its settings does."""
    for model in configs_of_the_package():
        assert model(**json.loads(json.dumps(model().model_dump()))) == model()


def test_an_unmarked_setting_would_be_noticed() -> None:
    class Careless(Config):
        seed: int = 0
        marked: int = setting(0, "help")

    assert unmarked(Careless) == ["seed"]


class Grown(Config):
    """Settings of which one came after artifacts were made without it."""

    a: int = setting(1, "First.")
    b: int | None = setting(None, "Later.", later=True)


def test_a_setting_that_came_later_is_in_no_key_while_it_is_untouched() -> None:
    """So what was made before is still found: the old {"a": 2} and the new one with b unset are the same."""
    assert identity_of(Grown(a=2)) == {"a": 2} == key_config_of(Grown(a=2, b=None), is_training=True)
    assert identity_of(Grown(a=2, b=3)) == {"a": 2, "b": 3}
