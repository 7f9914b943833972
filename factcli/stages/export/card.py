"""The model card of an export, and the copy of its plain files for other tools."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from factcli.artifact import Artifact, all_artifacts
from factcli.artifact.lineage import ancestors
from factcli.artifact.manifest import CARD, sha256_of_file
from factcli.errors import InputError

FOLDERS = {"model": "model", "joined": "adapter"}  # kind -> where its files lie
MEASURED_KINDS = ("skill", "joined", "model")
ON_HUB = re.compile(r"(.+/.+)@([0-9a-f]{40})")
LICENCE = (
    "Licence: unknown. `fact` records none; what binds these weights is what the maker of the base model and the makers of the data set. Look there first."
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a card tells besides the export's own figures."""

    lineage: Sequence[Artifact]  # parts, base, and all that they were made from
    evaluations: Sequence[Artifact]


def evaluations_of(lineage: Sequence[Artifact], root: Path) -> list[Artifact]:
    """The evaluations that there are of models in a lineage, newest first."""
    wanted = {artifact.digest for artifact in lineage if artifact.kind in MEASURED_KINDS}
    return [found for found in all_artifacts(root, ("eval",)) if any(entry.digest in wanted for _, entry in _measured(found))]


def _measured(evaluation: Artifact) -> list[tuple[str, Any]]:
    return [(role, entry) for role, entry in evaluation.manifest.inputs.items() if role in ("model", "base")]


def model_card(artifact: Artifact, root: Path) -> str:
    """README.md beside the plain files: what hubs read of it first, then the body, with the evaluations that there are by now."""
    lineage = [artifact, *ancestors(artifact, root)]
    front: dict[str, Any] = {"library_name": "peft" if artifact.kind == "joined" else "transformers", "pipeline_tag": "text-generation", "license": "unknown"}
    if on_hub := ON_HUB.fullmatch(str(artifact.summary["base_name"])):
        front["base_model"] = on_hub[1]
    told = Told(lineage, evaluations_of(lineage, root))
    title = f"# {artifact.ref}\n\n{artifact.manifest.headline}\n\nDigest: `{artifact.digest}`"
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{title}\n\n{body(artifact.summary, artifact.kind, told)}\n"


def body(summary: Mapping[str, Any], kind: str, told: Told) -> str:
    """How to load it, its certificate, what it was made from, what was measured, how to serve it, its licence."""
    notes = [f"Mind: {note}." for note in summary["notes"]]
    figures = list(_evaluated(told.evaluations)) or ["No evaluation of it, or of what it was made of, is known."]
    return "\n\n".join(
        [
            "## Loading",
            _loading(str(summary["base_name"]), kind),
            *notes,
            "## Certificate",
            _certificate(summary, kind),
            "## Made from",
            "\n".join(_made_from(told.lineage)),
            "## Measured",
            "\n".join(figures),
            "## Serving",
            f"vLLM: {summary['vllm']}.",
            "## Licence",
            LICENCE,
        ]
    )


def _loading(base: str, kind: str) -> str:
    lines = ["from transformers import AutoModelForCausalLM, AutoTokenizer", ""]
    if kind == "model":
        lines += ['model = AutoModelForCausalLM.from_pretrained("DIRECTORY", dtype="auto")']
    else:
        lines[0] = f"from peft import PeftModel\n{lines[0]}"
        lines += [f"base = AutoModelForCausalLM.from_pretrained({_base_argument(base)})", 'model = PeftModel.from_pretrained(base, "DIRECTORY")']
    lines += ['tokenizer = AutoTokenizer.from_pretrained("DIRECTORY")  # with the chat template that it was trained in']
    beside = "" if kind == "model" else f"\n\nIts base is `{base}`; of a version in the data directory of `fact`, other tools load the folder `model`."
    return "```python\n" + "\n".join(lines) + f"\n```{beside}"


def _base_argument(base: str) -> str:
    on_hub = ON_HUB.fullmatch(base)
    return f'"{on_hub[1]}", revision="{on_hub[2]}"' if on_hub else '"DIRECTORY_OF_THE_BASE"'


def _certificate(summary: Mapping[str, Any], kind: str) -> str:
    """In words, with every number that bounds it."""
    prompts, dtype = summary["prompts"], summary["dtype"]
    reader = "plain transformers" if kind == "model" else "PEFT"
    said = (
        f"Read back from disk by {reader}, over {prompts['data']} prompts of the model's own data and {prompts['random']} of random tokens, the logits "
        f"differ from those of base and adapters in float32 by {summary['largest_difference']:.3g} at most; the adapters move them by up to "
        f"{summary['moved_by_the_adapters']:.3g}. At {100 * summary['same_top_token']:.2f}% of the positions the likeliest token is the same."
    )
    if "weights_rounded" not in summary:
        return said
    return (
        f"{said} The sum itself, before it was rounded to {dtype}, differs by {summary['largest_difference_in_float32']:.3g}. Rounding the weights makes "
        f"{summary['weights_rounded']:.3g}, computing with them in {dtype} {summary['computed_in_format']:.3g}; the untouched base, computed in {dtype}, "
        f"differs from itself in float32 by {summary['base_in_format']:.3g}."
    )


def _made_from(lineage: Sequence[Artifact]) -> Iterator[str]:
    yield "| what | kind | made by | method | seed | digest |\n|---|---|---|---|---|---|"
    for artifact in lineage:
        manifest = artifact.manifest
        method = str(manifest.config.get("method") or "")
        seed = "" if manifest.seed is None else manifest.seed
        yield f"| {artifact.ref} | {artifact.kind} | fact {manifest.stage} | {_in_a_cell(method)} | {seed} | {artifact.digest} |"


def _evaluated(evaluations: Sequence[Artifact]) -> Iterator[str]:
    for evaluation in evaluations:
        models = ", ".join(dict.fromkeys(entry.ref for _, entry in _measured(evaluation)))
        yield f"- {evaluation.ref} of {models}: {_in_a_cell(evaluation.manifest.headline)}"


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def require_empty(to: Path, root: Path) -> None:
    """InputError where a copy would mix with what is there, or with the artifacts."""
    if to.is_symlink() or (to.exists() and not to.is_dir()) or (to.is_dir() and any(to.iterdir())):
        raise InputError(f"{to} is there and not an empty directory: nothing is overwritten", "give --to a new directory, or empty this one")
    if to.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{to} lies in {root}, where artifacts are", "give --to a directory elsewhere")


def copy_out(artifact: Artifact, to: Path, root: Path) -> None:
    """The plain files and the model card in `to`: whole, or not there at all. Raises InputError for a file that has other bytes than were committed."""
    require_empty(to, root)
    part = to.resolve().with_name(f".{to.resolve().name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _copy_files(artifact, part)
        (part / CARD).write_text(model_card(artifact, root), encoding="utf-8")
        part.replace(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _copy_files(artifact: Artifact, target: Path) -> None:
    """File by file: a full disk ends it as the error that it is. With the rights of new files, for whom the directory is meant."""
    folder = f"{FOLDERS[artifact.kind]}/"
    for name, entry in artifact.manifest.files.items():
        if name.startswith(folder):
            copy = target / name.removeprefix(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifact.file(name), copy)
            if sha256_of_file(copy) != entry.sha256:
                raise InputError(f"{artifact.ref} is damaged: {name} has other bytes than were committed", f"delete {artifact.path} and export again")
