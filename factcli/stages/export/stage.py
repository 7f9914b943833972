"""`fact export`: adapters merged into the weights of their base, or joined into one adapter; certified by what is read back.

A merged model is an artifact of kind model, a base like any other. A joined adapter is of kind joined: it holds knowledge, so it
must not pass for a skill; commands take it where it is named, never as "the newest".
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from factcli.answerrows import Pair
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.artifact.lineage import ancestors
from factcli.basemodel import BaseModelRef, weight_shapes
from factcli.config import Config, setting
from factcli.context import Context, keep
from factcli.cost import Cost
from factcli.errors import SettingsError
from factcli.exportrows import LogitCheck
from factcli.extras import require_train
from factcli.rows import Chat, Proof
from factcli.stages.export import card
from factcli.stages.export.parts import Part, template_of
from factcli.stages.export.serving import vllm_verdict
from factcli.train.size import n_parameters

if TYPE_CHECKING:
    from factcli.train.exporting import Certificate, Request, Text

REVISION = 1
TABLES: dict[str, type] = {"checks": LogitCheck, "proofs": Proof}


class ExportConfig(Config):
    """Settings of an export."""

    merge: bool = setting(False, "Merge the adapters into the weights; without it they become one adapter.")
    dtype: Literal["float32", "bfloat16"] = setting("float32", "Number format of merged weights; they are summed in float64.")
    prompts: int = setting(32, "Prompts of the certificate: half of the model's own data, as far as there are such, half random tokens.", ge=2)
    prompt_tokens: int = setting(64, "Tokens of a prompt at most.", ge=1)
    tolerance: float = setting(1e-4, "Largest difference of a logit, in float32, that the certificate allows.", gt=0)
    chat_template: str = setting("", "Jinja chat template that is saved; unset is the one that the adapters were trained in.")
    method: str = setting("", "What reports call it; unset is merged or joined.")
    adapters: tuple[str, ...] = setting((), "Filled from what is given: the name of each adapter in its artifact.")
    seed: int = setting(0, "Seed of the random tokens.", ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "ExportConfig":
        if self.dtype != "float32" and not self.merge:
            raise ValueError(f"dtype is {self.dtype}, but a joined adapter is saved in float32: --merge has number formats")
        return self


@dataclass(frozen=True, slots=True)
class Given:
    """What is exported: adapters, the first of which names the export, and their base."""

    parts: tuple[Part, ...]
    base: BaseModelRef

    @property
    def inputs(self) -> dict[str, Artifact]:
        return {**self.base.inputs, **{f"part_{number}": part.artifact for number, part in enumerate(self.parts, 1)}}


def plan(config: ExportConfig, given: Given, name: str | None) -> Plan:
    if config.adapters:
        raise SettingsError("adapters is filled from what is given, and cannot be set", "name adapters as REF and with --with")
    kind, what = ("model", "merged") if config.merge else ("joined", "joined")
    filled = {
        "adapters": tuple(part.adapter for part in given.parts),
        "chat_template": config.chat_template or template_of(given.parts),
        "method": config.method or what,
    }
    full = config.model_copy(update=filled)
    own = f"{given.parts[0].artifact.name}-{what}"
    return Plan("export", REVISION, kind, name or own, full, given.inputs, TABLES, model=given.base.identity)


def cost(plan: Plan, given: Given) -> Cost:
    """The base twice where merged weights of another format are held against it; the logits that are kept are told apart."""
    config = _config(plan)
    base = n_parameters(weight_shapes(Path(given.base.location)))
    adapters = sum(n_parameters(weight_shapes(part.directory)) for part in given.parts)
    return Cost(
        rows={"checks": config.prompts, "proofs": 1},
        prompts=config.prompts,
        base_parameters=base,
        memory_bytes=4 * (base + 2 * adapters),
        memory=f"estimated: {base} base parameters x 4 bytes + {adapters} parameters of adapters x 4 bytes, twice; logits of the prompts come on top",
        time="not known: the prompts pass through the model three to five times",
    )


def work(plan: Plan, draft: Draft, given: Given, context: Context) -> Outcome:
    """An export that was interrupted begins anew: its files are of no use before they are certified."""
    require_train()
    from factcli.train import exporting

    config = _config(plan)
    lineage = _lineage(plan, context.root)
    request = _request(config, given, own_texts(lineage, config.prompts // 2))
    folder = draft.scratch() / "export"
    shutil.rmtree(folder, ignore_errors=True)
    context.report.begin(f"{'Merging' if config.merge else 'Joining'} {' and '.join(part.ref for part in given.parts)}")
    certificate = exporting.merge(request, config.dtype, folder) if config.merge else exporting.join(request, given.base.name, folder)
    context.report.end()
    keep(folder, draft.folder("") / card.FOLDERS[plan.kind])
    proof = _proof(config, certificate)
    if not draft.done("certificate"):
        draft.write("certificate", 0, {"checks": certificate.checks, "proofs": [proof]})
    serving = _serving(draft.folder("") / card.FOLDERS[plan.kind], plan.kind, certificate)
    return _outcome(plan, given, certificate, serving, card.Told(lineage, card.evaluations_of(lineage, context.root)))


def own_texts(lineage: Sequence[Artifact], at_most: int) -> list["Text"]:
    """Questions with their answers of the data that the model was made with, evenly spread over them; fewer where there are fewer."""
    from factcli.train.exporting import Text

    found = [Text(*told) for artifact in lineage for told in _told(artifact)]
    n_taken = min(at_most, len(found))
    return [found[number * len(found) // n_taken] for number in range(n_taken)]


def _told(artifact: Artifact) -> Iterator[tuple[str, str, str]]:
    if artifact.kind == "synth" and "chats" in artifact.manifest.tables:
        yield from ((chat.id, chat.question, chat.answer) for chat in artifact.rows("chats", Chat))
    if artifact.kind == "pairs":
        yield from ((pair.id, pair.prompt, pair.chosen) for pair in artifact.rows("pairs", Pair))


def _request(config: ExportConfig, given: Given, texts: list["Text"]) -> "Request":
    from factcli.train.exporting import Request

    return Request(
        base=given.base.location,
        parts={f"part_{number}": part.directory for number, part in enumerate(given.parts, 1)},
        chat_template=config.chat_template,
        texts=texts,
        n_random=config.prompts - len(texts),
        n_tokens=config.prompt_tokens,
        seed=config.seed,
        tolerance=config.tolerance,
    )


def _config(plan: Plan) -> ExportConfig:
    assert isinstance(plan.config, ExportConfig)
    return plan.config


def _lineage(plan: Plan, root: Path) -> list[Artifact]:
    """The inputs and all that they were made from, each once."""
    found = {artifact.digest: artifact for artifact in plan.inputs.values()}
    for artifact in plan.inputs.values():
        found.update({parent.digest: parent for parent in ancestors(artifact, root)})
    return list(found.values())


def _proof(config: ExportConfig, certificate: "Certificate") -> Proof:
    """In float32 the difference is below the tolerance, or there is no export; in a lower format it is told with what it is made of."""
    reader = "plain transformers" if config.merge else "PEFT"
    numbers: dict[str, Any] = {
        "prompts": len(certificate.checks),
        "positions": sum(check.tokens for check in certificate.checks),
        "largest_difference_in_float32": certificate.float32,
        "tolerance": config.tolerance,
        "moved_by_the_adapters": max(check.moved for check in certificate.checks),
    }
    if certificate.made_of:
        numbers |= {f"largest_difference_in_{config.dtype}": certificate.largest, "same_top_token": _same_top(certificate), **certificate.made_of}
    return Proof(f"the logits that {reader} gives are those of base and adapters", True, json.dumps(numbers))


def _same_top(certificate: "Certificate") -> float:
    """Share of all positions at which the likeliest token is the same."""
    return sum(check.same_top * check.tokens for check in certificate.checks) / sum(check.tokens for check in certificate.checks)


def _serving(folder: Path, kind: str, certificate: "Certificate") -> str:
    if kind == "model":
        return f"a model directory like its base's: vLLM serves it if it serves {certificate.architecture} (not run)"
    return vllm_verdict(json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")), certificate.architecture)


def _outcome(plan: Plan, given: Given, certificate: "Certificate", serving: str, told: "card.Told") -> Outcome:
    config = _config(plan)
    names = " + ".join(part.ref for part in given.parts)
    verb = f"merged into {given.base.name} in {config.dtype}" if config.merge else "joined into one adapter"
    headline = f"{names} {verb}: logits differ by {certificate.largest:.1e} at most over {len(certificate.checks)} prompts"
    summary: dict[str, Any] = {
        "base": given.base.given,
        "base_name": given.base.name,
        "parts": [part.ref for part in given.parts],
        "prompts": _counted(certificate),
        "dtype": config.dtype,
        "largest_difference": certificate.largest,
        "largest_difference_in_float32": certificate.float32,
        "moved_by_the_adapters": max(check.moved for check in certificate.checks),
        "same_top_token": _same_top(certificate),
        **certificate.made_of,
        "vllm": serving,
        "notes": notes_of(given.parts, config),
        "recipe": next((a.summary["recipe"] for a in plan.inputs.values() if a.summary.get("recipe")), None),
    }
    return Outcome(headline, summary, card=card.body(summary, plan.kind, told))


def _counted(certificate: "Certificate") -> dict[str, int]:
    sources = [check.source for check in certificate.checks]
    return {source: sources.count(source) for source in ("data", "random")}


def notes_of(parts: Sequence[Part], config: ExportConfig) -> list[str]:
    """What a user of the export must know and its numbers do not say."""
    quantised = [part.ref for part in parts if part.is_of_quantised_base]
    if not quantised:
        return []
    what = "these weights" if config.merge else "this adapter on the base in full precision"
    return [f"{', '.join(quantised)} learned beside a base of 4 bits: {what} computes something slightly different from what was trained"]
