"""Commands that only look: what is asked for goes to stdout, as a table or as JSON."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console, RenderableType

from factcli.backends.cachefile import cache_directory
from factcli.stages import look
from factcli.stages.doctor import doctor, render_doctor


def _print(value: Any, rendered: RenderableType, as_json: bool) -> None:
    """JSON, or the rendering; into a pipe the rendering is as wide as it needs to be, never cut."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, default=str))
        return
    console = Console(highlight=False)
    wide = console if console.is_terminal else Console(highlight=False, width=200, soft_wrap=True)
    wide.print(rendered)


def show_list(root: Path, as_json: bool) -> None:
    found = look.listing(root)
    _print([asdict(entry) for entry in found], look.render_listing(found, datetime.now(UTC)), as_json)


def show_artifact(ref: str, root: Path, as_json: bool) -> None:
    shown = look.show(ref, root)
    _print(asdict(shown), look.render_shown(shown), as_json)


def show_trace(id_: str, within: str | None, root: Path, as_json: bool) -> None:
    traced = look.trace(id_, root, within)
    _print(asdict(traced), look.render_trace(traced), as_json)


def show_verification(ref: str, root: Path, as_json: bool) -> None:
    """Exit code 3 where anything differs from what was committed."""
    verified = look.verify_ref(ref, root)
    _print(asdict(verified), look.render_verified(verified), as_json)
    if verified.exit_code:
        raise typer.Exit(verified.exit_code)


def show_doctor(root: Path, as_json: bool) -> None:
    findings = doctor(root, cache_directory())
    _print([asdict(finding) for finding in findings], render_doctor(findings), as_json)
