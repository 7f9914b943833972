"""Settings of a command: one pydantic model each, in layers: defaults < recipe < -c FILE ... < --set a.b=c < flags.

Every field says which role it has, and a test fails on one that does not:
identity     changes the result; in the key and in the digest
numerics     changes it in the last digits (dtype, attention, processes); in the key of training, never in the digest
operational  changes nothing in the result (concurrency, time-outs); in neither
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from factcli.errors import SettingsError, nearest

Role = Literal["identity", "numerics", "operational"]
ROLES = get_args(Role)
LATER: Mapping[str, bool] = {"later": True}  # metadata of a dataclass field that came later: at its default no key or digest knows of it


class Config(BaseModel):
    """Base of every command's settings. Frozen, closed, checked on defaults too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_not_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would read `--set versions=yes` as 1."""
        annotation = cls.model_fields[info.field_name].annotation if info.field_name else Any
        if _holds_bool(value) and not _group(annotation) and not {bool, Any} & set(_leaves(annotation)):
            raise ValueError("is true or false, need another value")
        return value


C = TypeVar("C", bound=Config)


def setting(
    default: Any,
    text: str,
    role: Role = "identity",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    later: bool = False,
) -> Any:
    """A field with its default, one line of help, role and range.

    `later`: it came after artifacts were made without it, and at its default changes nothing: there no key or digest knows of it.
    """
    return Field(default, description=text, json_schema_extra={"role": role, **({"later": True} if later else {})}, ge=ge, gt=gt, le=le)


def _is_untouched(field: FieldInfo, value: Any) -> bool:
    """Whether it came later and is as it was before it came."""
    return _is_later(field) and bool(value == field.get_default(call_default_factory=True))


def _is_later(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and "later" in field.json_schema_extra


def role_of(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    return str(extra["role"]) if isinstance(extra, dict) and "role" in extra else None


def identity_of(config: Config) -> dict[str, Any]:
    """The settings that the digest covers, nested models included."""
    return _with_roles(config, ("identity",))


def key_config_of(config: Config, is_training: bool) -> dict[str, Any]:
    return _with_roles(config, ("identity", "numerics") if is_training else ("identity",))


def _with_roles(config: Config, roles: tuple[str, ...]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if _is_untouched(field, value):
            continue
        if isinstance(value, Config):
            group = _with_roles(value, roles)
            chosen |= {name: group} if group or not _is_later(field) else {}
        elif role_of(field) in roles:
            dumped = config.model_dump(mode="json", include={name})[name]
            chosen[name] = _without_later(value, dumped) if is_dataclass(value) else dumped
    return chosen


def _without_later(group: Any, dumped: dict[str, Any]) -> dict[str, Any]:
    """A group of settings as it was before those that came later and were not touched: old artifacts keep key and digest."""
    untouched = {field.name for field in fields(group) if "later" in field.metadata and getattr(group, field.name) == field.default}
    return {name: value for name, value in dumped.items() if name not in untouched}


def resolve(model: type[C], files: Sequence[Path], assignments: Sequence[str], flags: Mapping[str, Any]) -> C:
    """The settings that result from all layers. A flag that is None was not given.

    Raises SettingsError that names the offending setting, its value, the rule and the nearest known name.
    """
    try:
        return model(**layered(model, files, assignments, flags))
    except ValidationError as error:
        raise SettingsError(_explain(error), "the same command without it and with --dry-run shows every setting and its value") from error


def layered(model: type[C], files: Sequence[Path], assignments: Sequence[str], flags: Mapping[str, Any]) -> dict[str, Any]:
    """What the layers set, unchecked but for the names: for settings that decide which further layers there are."""
    layers: dict[str, Any] = {}
    for path in files:
        _merge(layers, read_yaml(path), str(path), model)
    for assignment in assignments:
        _merge(layers, _parse_assignment(assignment, model), f"--set {assignment}", model)
    _merge(layers, _nested(flags), "option", model)
    return layers


def read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), StrictLoader)  # noqa: S506  # a SafeLoader
    except FileNotFoundError as error:
        raise SettingsError(f"there is no settings file {path}", "configs/ holds those that ship with `fact`") from error
    except OSError as error:
        raise SettingsError(f"settings file {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path} holds a {type(values).__name__}, need `name: value` lines")
    return values


class StrictLoader(yaml.SafeLoader):
    """YAML, but a name given twice in one mapping is an error: the first would be dropped without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _nested(flags: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flags.items():
        if value is not None:
            _assign(nested, name.split("."), value)
    return nested


def _parse_assignment(text: str, model: type[Config]) -> dict[str, Any]:
    name, equals, value = text.partition("=")  # only the first "=": the value may hold more of them
    if not equals or not name:
        raise SettingsError(f"--set {text!r} is not NAME=VALUE", "for example: --set train.lr=1e-3")
    nested: dict[str, Any] = {}
    annotation = _annotation_at(model, name.split("."))
    try:
        parsed = _text(value, annotation) if _is_text(annotation) else yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"--set {text!r}: the value is not YAML", "quote it") from error
    _assign(nested, name.split("."), _number(parsed, annotation))
    return nested


def _annotation_at(model: type[Config], path: list[str]) -> Any:
    """The type of a setting; None for one that is unknown, which is said later."""
    known = _annotations(model)
    for name in path[:-1]:
        inner = _group(known.get(name))
        known = _annotations(inner) if inner else {}
    return known.get(path[-1])


def _group(annotation: Any) -> type | None:
    """The settings nested in a field, if it holds some: `Inner` or `Inner | None`, a Config or a dataclass."""
    types = (part for part in _parts(annotation) if isinstance(part, type))
    return next((part for part in types if issubclass(part, Config) or is_dataclass(part)), None)


def _annotations(group: type) -> dict[str, Any]:
    """The settings of a group by name, with their types."""
    if issubclass(group, Config):
        return {name: field.annotation for name, field in group.model_fields.items()}
    return get_type_hints(group)


def _parts(annotation: Any) -> Iterator[Any]:
    """The types of a union; types of a Literal's values; else the annotation itself."""
    if get_origin(annotation) is Literal:
        yield from (type(value) for value in get_args(annotation))
    elif get_origin(annotation) is not None and get_origin(annotation) not in (tuple, list, dict):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _leaves(annotation: Any) -> Iterator[Any]:
    """The innermost types, those of a tuple's or mapping's items included."""
    if get_origin(annotation) in (None, Literal):
        yield from _parts(annotation)
    for part in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from _leaves(part)


def _holds_bool(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_bool(item) for item in value)
    return any(_holds_bool(item) for item in value.values()) if isinstance(value, dict) else isinstance(value, bool)


def _is_text(annotation: Any) -> bool:
    """Whether only text can be meant, so that YAML must not make a number of `1e3` or a bool of `no`."""
    return bool({str, Path} & set(_parts(annotation))) and {str, Path, type(None)} >= set(_parts(annotation))


def _text(value: str, annotation: Any) -> str | None:
    return None if value in ("", "null", "~") and type(None) in _parts(annotation) else value


def _number(value: Any, annotation: Any) -> Any:
    """YAML 1.1 reads 1e-3 as text; a setting that is a number means the number."""
    if isinstance(value, str) and {int, float} & set(_parts(annotation)):
        for number in (int, float):  # as an int where it is one: a float has 53 bits
            try:
                return number(value)
            except ValueError:
                continue
    return value


def _assign(nested: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        nested = nested.setdefault(name, {})
    nested[path[-1]] = value


def _merge(into: dict[str, Any], layer: dict[str, Any], source: str, model: type, prefix: str = "") -> None:
    fields = _annotations(model)
    for name, value in layer.items():
        if name not in fields:
            raise SettingsError(f"{source}: unknown setting {prefix + str(name)!r}{_nearest_name(prefix, str(name), fields)}", f"known: {', '.join(fields)}")
        inner = _group(fields[name])
        if inner and value is not None and not isinstance(value, dict):
            raise SettingsError(
                f"{source}: {prefix}{name} is a group of settings, not {value!r}", f"for example: --set {prefix}{name}.{next(iter(_annotations(inner)))}=..."
            )
        if isinstance(value, dict) and inner:
            into[name] = into[name] if isinstance(into.get(name), dict) else {}
            _merge(into[name], value, source, inner, f"{prefix}{name}.")
        else:
            into[name] = _number(value, fields[name])


def _nearest_name(prefix: str, name: str, known: Iterable[str]) -> str:
    return nearest(prefix + name, [prefix + k for k in known]) if nearest(name, known) else ""


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if first["type"] == "literal_error":
        message += nearest(str(first["input"]), first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", "))
    if not first["loc"]:
        return message
    is_group = isinstance(first["input"], Config | dict) and first["type"] == "value_error"
    value = "" if is_group else f" = {first['input']!r}"  # a rule about a whole group names its own values
    return f"{name}{value}: {message[:1].lower()}{message[1:]}"
