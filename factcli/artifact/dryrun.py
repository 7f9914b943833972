"""What `--dry-run` shows of a plan: settings, inputs, key, and what differs from the newest version."""

from pathlib import Path
from typing import Any

from factcli.artifact.draft import Plan
from factcli.artifact.read import open_artifact, versions_in
from factcli.config import identity_of


def describe(plan: Plan, root: Path) -> dict[str, Any]:
    """A nested mapping, ready for JSON. Reads manifests only; makes nothing."""
    committed = plan.committed(root)
    return {
        "stage": plan.stage,
        "makes": f"{plan.kind} {plan.name}",
        "settings": plan.config.model_dump(mode="json"),
        "inputs": {role: f"{artifact.ref} {artifact.digest[:12]}" for role, artifact in plan.inputs.items()},
        "model": dict(plan.model),
        "key": plan.key,
        "state": _state(plan, root) if committed is None else f"{committed.ref} is this very thing; it would be reused",
        "differs from the newest": _difference(plan, root),
    }


def _state(plan: Plan, root: Path) -> str:
    return "begun before; it would go on" if plan.partial(root).is_dir() else "not begun"


def _difference(plan: Plan, root: Path) -> dict[str, str]:
    """Settings and inputs that are not those of the newest version of this name: `old -> new`."""
    folder = root / plan.name
    versions = versions_in(folder) if folder.is_dir() else []
    if not versions:
        return {}
    manifest = open_artifact(versions[-1][1], root).manifest
    old = _flat(manifest.identity) | {f"input {role}": entry.digest[:12] for role, entry in manifest.inputs.items()}
    new = _flat(identity_of(plan.config)) | {f"input {role}": artifact.digest[:12] for role, artifact in plan.inputs.items()}
    return {name: f"{old.get(name)} -> {new.get(name)}" for name in sorted(old | new) if old.get(name) != new.get(name)}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
