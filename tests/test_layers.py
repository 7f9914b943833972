"""Imports point strictly down the layers of the design, and the light commands import nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import factcli

PACKAGE = Path(factcli.__file__).parent
# The longest matching name gives a module's layer. T: torch lives there; imported only inside functions from outside T.
LAYERS: dict[str, int | str] = {
    "factcli": 0,
    "factcli.errors": 0,
    "factcli.rows": 0,
    "factcli.scorerows": 0,
    "factcli.evalrows": 0,
    "factcli.comparisonrows": 0,
    "factcli.judgedrows": 0,
    "factcli.answerrows": 0,
    "factcli.topicrows": 0,
    "factcli.cardrows": 0,
    "factcli.consistencyrows": 0,
    "factcli.preferencerows": 0,
    "factcli.exportrows": 0,
    "factcli.likelihoodrows": 0,
    "factcli.sweeprows": 0,
    "factcli.textfiles": 1,
    "factcli.config": 1,
    "factcli.progress": 1,
    "factcli.extras": 1,
    "factcli.machine": 1,
    "factcli.svg": 1,
    "factcli.chattemplates": 1,
    "factcli.artifact": 1,
    "factcli.prompts": 1,
    "factcli.stats": 1,
    "factcli.world": 2,
    "factcli.world.model": "T",
    "factcli.world.tokenizer": "T",
    "factcli.backends": 2,
    "factcli.backends.local": "T",
    "factcli.backends.drawing": "T",
    "factcli.backends.choosing": "T",
    "factcli.backends.likelihood": "T",
    "factcli.backends.harness": "T",
    "factcli.backends.comparing": "T",
    "factcli.backends.contrasting": "T",
    "factcli.backends.sampling": "T",
    "factcli.basemodel": 2,
    "factcli.resolving": 2,
    "factcli.context": 2,
    "factcli.cost": 2,
    "factcli.earlier": 2,
    "factcli.train": "T",
    "factcli.train.job": 2,
    "factcli.train.computing": 2,
    "factcli.train.launch": 2,
    "factcli.train.launching": 2,
    "factcli.train.slurm": 2,
    "factcli.train.rowlog": 2,
    "factcli.train.stopping": 2,
    "factcli.train.size": 2,
    "factcli.train.memory": 2,
    "factcli.train.estimate": 2,
    "factcli.train.speed": 2,
    "factcli.train.shortage": 2,
    "factcli.train.targets": 2,
    "factcli.train.digests": 2,
    "factcli.knowledge": 3,
    "factcli.judge": 4,
    "factcli.judge.entailment": 2,
    "factcli.judge.entailing": "T",
    "factcli.stages": 5,
    "factcli.flows": 6,
    "factcli.commands": 7,
    "factcli.cli": 7,
}
HEAVY = ("torch", "transformers", "tokenizers", "peft", "trl", "accelerate", "datasets", "spacy", "safetensors")


def layer_of(module: str) -> int | str:
    parts = module.split(".")
    while ".".join(parts) not in LAYERS:
        parts.pop()
    return LAYERS[".".join(parts)]


def modules() -> list[tuple[str, Path]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(("factcli", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in paths]
    return [(name.removesuffix(".__init__"), path) for name, path in zip(names, paths, strict=True)]


def imports(path: Path) -> list[tuple[str, bool]]:
    """(imported module, whether it is imported when the file is) of every import that runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [name_of(node.module, alias.name) for alias in node.names]
        else:
            continue
        chain, above = [], node
        while above in parents:
            above = parents[above]
            chain.append(above)
        if any(isinstance(a, ast.If) and "TYPE_CHECKING" in ast.unparse(a.test) for a in chain):
            continue
        is_at_import = not any(isinstance(a, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) for a in chain)
        found += [(name, is_at_import) for name in names]
    return found


KNOWN = {name for name, _ in modules()}


def name_of(package: str, name: str) -> str:
    """`from package import name` imports the module package.name where there is one, else package."""
    return f"{package}.{name}" if f"{package}.{name}" in KNOWN else package


def violations(module: str, path: Path) -> list[str]:
    layer = layer_of(module)
    wrong = []
    for name, is_at_import in imports(path):
        if not name.startswith("factcli"):
            if layer != "T" and name.split(".")[0] in HEAVY and is_at_import:
                wrong.append(f"{module} imports {name} at import time")
            continue
        other = layer_of(name)
        if name == module or name == "factcli":
            continue
        if other == "T":
            if layer != "T" and is_at_import:
                wrong.append(f"{module} (layer {layer}) imports {name} (layer T) at import time")
        elif layer == "T":
            if int(other) > 2:
                wrong.append(f"{module} (layer T) imports {name} (layer {other})")
        elif int(other) > int(layer):
            wrong.append(f"{module} (layer {layer}) imports {name} (layer {other})")
        elif layer == 5 and other == 5 and module.split(".")[:3] != name.split(".")[:3]:
            wrong.append(f"{module} is a stage and imports the stage {name}")
    return wrong


@pytest.mark.parametrize(("module", "path"), modules())
def test_a_module_imports_only_from_the_layers_below(module: str, path: Path) -> None:
    assert violations(module, path) == []


def test_a_planted_upward_import_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("import factcli.commands\nimport torch\ndef f():\n    import torch\n")
    found = violations("factcli.stats", planted)
    assert found == ["factcli.stats (layer 1) imports factcli.commands (layer 7)", "factcli.stats imports torch at import time"]


def loaded_by(code: str) -> set[str]:
    run = subprocess.run([sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules))"], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines())


def test_help_imports_nothing_but_typer_rich_and_the_cli() -> None:
    loaded = loaded_by("from typer.testing import CliRunner\nfrom factcli.cli import app\nassert CliRunner().invoke(app, ['--help']).exit_code == 0")
    assert {m for m in loaded if m.startswith("factcli")} == {
        "factcli",
        "factcli.cli",
        "factcli.cli.options",
        "factcli.cli.dpo",
        "factcli.cli.eval",
        "factcli.cli.eval_answers",
        "factcli.cli.pack",
        "factcli.cli.likelihood",
        "factcli.cli.probes",
        "factcli.cli.score",
        "factcli.cli.synth",
        "factcli.cli.audit",
        "factcli.cli.cache",
        "factcli.cli.compare",
        "factcli.cli.chat",
        "factcli.cli.grath",
        "factcli.cli.run",
        "factcli.cli.export",
        "factcli.cli.sweep",
    }
    assert not {m.split(".")[0] for m in loaded} & {*HEAVY, "pydantic", "openai", "numpy", "scipy", "yaml", "matplotlib", "jinja2"}


def test_what_counts_is_ready_before_scipy_is_loaded() -> None:
    """It takes a second, of which a command that refuses its settings has no use."""
    modules = ("commands.measuring", "commands.short", "commands.demo", "stages.report", "stages.compare")
    loaded = loaded_by("\n".join(f"import factcli.{module}" for module in modules))
    assert "factcli.stats.bootstrap" in loaded
    assert not {name for name in loaded if name.startswith("scipy")}


def test_no_prose_names_a_stranger() -> None:
    """No machine's absolute path and no registry's host stands in a tracked text file."""
    root = PACKAGE.parent
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True).stdout.split()
    words = ("/" + "work/main", "/" + "work/shared", "/" + "root/", "pypi." + "org", "files.python" + "hosted")
    for name in tracked:
        path = root / name
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".txt", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [word for word in words if word in text], name
