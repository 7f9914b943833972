"""What is exported: adapters of one base, each by the artifact that holds it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.basemodel import BASE_KINDS, BaseModelRef, whole
from factcli.chattemplates import trained_in
from factcli.errors import InputError, nearest
from factcli.rows import KnowledgeAdapter

ADAPTER_KINDS = ("skill", "joined", "knowledge")
QUANTISED_TRAINING = "qlora"


@dataclass(frozen=True, slots=True)
class Part:
    """One adapter. `adapter` names it among those of a knowledge artifact; "" where the artifact holds one alone."""

    artifact: Artifact
    adapter: str = ""

    @property
    def directory(self) -> Path:
        return self.artifact.file(f"adapters/{self.adapter}" if self.adapter else "adapter")

    @property
    def ref(self) -> str:
        return f"{self.artifact.ref}:{self.adapter}" if self.adapter else self.artifact.ref

    @property
    def chat_template(self) -> str:
        return trained_in(self.artifact.manifest.config)

    @property
    def is_of_quantised_base(self) -> bool:
        config: Mapping[str, Any] = self.artifact.manifest.config
        return QUANTISED_TRAINING in (config.get("mode"), config.get("tuning"))


def find_part(ref: str, root: Path) -> Part:
    """What `NAME[@3]` or `KNOWLEDGE:ADAPTER` names. Raises InputError with the adapters that there are."""
    name, _, adapter = ref.partition(":")
    artifact = whole(open_artifact(name, root))
    if artifact.kind in BASE_KINDS:
        raise InputError(
            f"{artifact.ref} is a {artifact.kind}: it has no adapter to merge or join",
            f"its plain files, which any tool reads, are in {artifact.file('model')}",
        )
    open_artifact(name, root, ADAPTER_KINDS)  # says which kinds hold adapters
    if artifact.kind != "knowledge":
        if adapter:
            raise InputError(f"{artifact.ref} holds one adapter, so {ref!r} names none", f"give {artifact.ref} alone")
        return Part(artifact)
    names = [row.name for row in artifact.rows("adapters", KnowledgeAdapter)]
    if not adapter and len(names) == 1:
        return Part(artifact, names[0])
    if adapter not in names:
        said = f"has no adapter {adapter!r}{nearest(adapter, names)}" if adapter else f"holds {len(names)} adapters"
        raise InputError(f"{artifact.ref} {said}", f"name one: {', '.join(f'{artifact.ref}:{each}' for each in names)}")
    return Part(artifact, adapter)


def one_base(parts: Sequence[Part], model: str | None, root: Path) -> BaseModelRef:
    """The base of all parts. Raises InputError where one has another, or the base is quantised."""
    repeated = next((part.ref for number, part in enumerate(parts) if part.ref in [earlier.ref for earlier in parts[:number]]), None)
    if repeated:
        raise InputError(f"{repeated} is given twice: its effect would be doubled", "give each adapter once")
    base = resolving.base_for(parts[0].artifact, model, root)
    for part in parts[1:]:
        other = resolving.base_for(part.artifact, model, root)
        if _pin(other) != _pin(base):
            raise InputError(
                f"{part.ref} belongs to {other.name}, {parts[0].ref} to {base.name}: their sum means nothing", "take adapters that were trained on one base"
            )
    _require_whole_numbers(base)
    return base


def _pin(base: BaseModelRef) -> tuple[Any, ...]:
    return dict(base.identity), {role: artifact.digest for role, artifact in base.inputs.items()}


def _require_whole_numbers(base: BaseModelRef) -> None:
    config = json.loads((Path(base.location) / "config.json").read_text(encoding="utf-8"))
    if quantised := config.get("quantization_config"):
        method = quantised.get("quant_method", "unknown method") if isinstance(quantised, dict) else quantised
        raise InputError(
            f"{base.name} is quantised ({method}): nothing can be added to its weights exactly",
            "export on the base that it was quantised from: --model DIRECTORY_OR_HUB_NAME for adapters that were trained there",
        )


def template_of(parts: Sequence[Part]) -> str:
    """The chat template that the parts were trained in; "" is the base's own. Raises InputError where two differ; knowledge has none."""
    given = {part.chat_template: part.ref for part in parts if part.chat_template or part.artifact.kind == "skill"}
    if len(given) > 1:
        raise InputError(f"{' and '.join(given.values())} were trained in different chat templates", "say which the export has: --set chat_template=...")
    return next(iter(given), "")
