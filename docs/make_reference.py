"""Write docs/reference/ from the program itself: every command, option, setting, settings file, exit code. `make docs` runs this."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from factcli import errors, prompts, resolving
from factcli.cli import app
from factcli.commands.typed import models_of
from factcli.config import Config, role_of

FOLDER = Path(__file__).parent / "reference"
NOTE = "Written from the code by `make docs`; do not edit.\n"


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    program = typer.main.get_command(app)
    groups = {word: dict(_leaves(found, word)) for word, found in program.commands.items()}  # type: ignore[attr-defined]  # a group
    own = {f"{word}.md": _page(word, leaves) for word, leaves in groups.items()}
    return {"README.md": _index(program.commands, groups), "prompts.md": _prompts(), **own}  # type: ignore[attr-defined]


def _leaves(found: Any, words: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(found, "commands"):
        yield words, found
        return
    for word, inner in found.commands.items():
        yield from _leaves(inner, f"{words} {word}")


def _index(commands: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> str:
    panels: dict[str, list[str]] = {}
    for word, found in commands.items():
        rows = panels.setdefault(str(found.rich_help_panel), [])
        rows += [f"| [`fact {words}`]({word}.md#{_anchor(words)}) | {_cell(_first_line(leaf.help))} |" for words, leaf in groups[word].items()]
    tables = [_table(("command", "what it does"), rows, f"## {panel}") for panel, rows in panels.items()]
    codes = {(0, "Done."), (1, "A bug of ours, with its traceback."), (130, "Interrupted.")}
    codes |= {(kind.exit_code, _cell(_first_line(kind.__doc__))) for kind in _kinds(errors.FactError)}
    ends = _table(("code", "when"), [f"| {code} | {when} |" for code, when in sorted(codes)], "## Exit codes")
    asked = "What models are asked stands in [prompts.md](prompts.md)."
    return "\n".join(["# Reference", "", NOTE, asked, "", *tables, ends])


def _kinds(kind: type[errors.FactError]) -> Iterator[type[errors.FactError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _page(word: str, leaves: Mapping[str, Any]) -> str:
    parts = [f"# fact {word}", "", NOTE]
    for words, command in leaves.items():
        parts += [f"## fact {words}", "", _text(command.help), "", _options(command), *_settings(words)]
    parts += _files(word)
    return "\n".join(parts)


def _options(command: Any) -> str:
    rows = [f"| {_spelled(p)} | {_cell(p.help or '')} | {_default(p.default)} |" for p in command.params if not p.hidden]
    return _table(("argument or option", "meaning", "default"), rows)


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or str(parameter.name)).strip('[]').rstrip('_').upper()}`"
    return f"`{', '.join([*parameter.opts, *parameter.secondary_opts])}`"


def _default(value: Any) -> str:
    return "" if value in (None, False, (), []) or callable(value) else f"`{value}`"


def _settings(words: str) -> Iterator[str]:
    for model in models_of(words):
        rows = [
            f"| `{name}` | {_cell(field.description or '')} | {_kind(field)} | {_shown(default)} | {role_of(field) or ''} |"
            for name, field, default in _fields(model)
        ]
        if rows:
            yield _table(("setting (`--set`)", "meaning", "values", "default", "role"), rows, f"### Settings: {model.__name__}")


def _fields(model: type[Config], prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    """Every setting by its dotted name, those of groups included."""
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Config):
            yield from _fields(type(default), f"{prefix}{name}.")
        else:
            yield prefix + name, field, default


def _kind(field: FieldInfo) -> str:
    words = _words(field.annotation)
    bounds = [f"{sign} {getattr(rule, attribute)}" for rule in field.metadata for attribute, sign in BOUNDS.items() if hasattr(rule, attribute)]
    return _cell(" ".join([words, *bounds]))


BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def _words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    parts = [_words(part) for part in get_args(annotation) if part is not type(None) and part is not ...]
    if get_origin(annotation) in (tuple, list):
        return f"list of {', '.join(dict.fromkeys(parts))}"
    return " or ".join(parts) if parts else getattr(annotation, "__name__", str(annotation))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


def _files(word: str) -> list[str]:
    folder = resolving.configs_directory() / word
    rows = [f"| `configs/{word}/{path.name}` | {_cell(_first_comment(path))} |" for path in sorted(folder.glob("*.yaml"))]
    return [_table(("file (`-c`)", "for"), rows, "## Settings files that ship")] if rows else []


def _first_comment(path: Path) -> str:
    line = path.read_text(encoding="utf-8").splitlines()[0]
    return line.lstrip("# ").strip()


def _prompts() -> str:
    rows = [f"| `{name}` | {_cell(', '.join(template.fields))} | {_cell(template.source)} |" for name in prompts.names() for template in [prompts.load(name)]]
    return "\n".join(["# Prompts", "", NOTE, "The words are in `factcli/prompts/`.", "", _table(("prompt", "fields", "whose step this is"), rows)])


def _table(heads: tuple[str, ...], rows: list[str], title: str = "") -> str:
    above = [title, ""] if title else []
    return "\n".join([*above, f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *rows, ""])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _text(help_: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (help_ or "").split("\n\n"))


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n\n")[0]


def _anchor(words: str) -> str:
    return f"fact-{words.replace(' ', '-')}"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages in {FOLDER}", file=sys.stderr)


if __name__ == "__main__":
    main()
