"""Who is evaluated: a base model, alone or with a skill adapter from which all knowledge has been dropped, or a fine-tuned model;
or whoever answers behind a backend."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factcli.artifact import Artifact
from factcli.backends.decoding import DecodeConfig
from factcli.backends.opening import Answering
from factcli.backends.spec import LocalSpec
from factcli.basemodel import BaseModelRef
from factcli.chattemplates import trained_in
from factcli.extras import require_train

if TYPE_CHECKING:
    from factcli.backends.local import LocalModel

SKILL = "skill"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under evaluation and its lineage.

    `base`: the untouched base at the bottom, with which it is compared. `skill`: the adapter or the fine-tuned model that answers,
    None for the base itself. `under`: the fine-tuned model that the adapter stands on, where that is not the base.
    """

    name: str
    base: BaseModelRef
    skill: Artifact | None = None
    knowledge: Artifact | None = None
    synth: Artifact | None = None
    under: BaseModelRef | None = None

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        parents = {"model": self.skill, "knowledge": self.knowledge, "synth": self.synth}
        return {**self.base.inputs, **(self.under.inputs if self.under else {}), **{role: parent for role, parent in parents.items() if parent is not None}}

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the key of an evaluation says of it beside the artifacts that it comes from."""
        return self.base.identity

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters that are plugged in while it answers: the skill, never the knowledge."""
        return (SKILL,) if self.has_adapter else ()

    @property
    def has_adapter(self) -> bool:
        return self.skill is not None and self.skill.kind == "skill"

    @property
    def location(self) -> str:
        """Of the model that is loaded, before anything is plugged in."""
        if self.skill is not None and not self.has_adapter:
            return str(self.skill.file("model"))
        return (self.under or self.base).location

    @property
    def chat_template(self) -> str:
        """The template that the skill was trained in, where one was given; "" is the model's own, or the default."""
        return trained_in(self.skill.manifest.config) if self.skill and self.has_adapter else ""

    def load(self, dtype: str, decode: DecodeConfig | None = None) -> "LocalModel":
        """The model, its skill plugged in, decoding by DoLa where that is said."""
        require_train()
        from factcli.backends.local import LocalModel

        model = LocalModel.load(self.location, dtype=dtype, chat_template=self.chat_template)
        if self.skill is not None and self.has_adapter:
            model.plug(SKILL, self.skill.file("adapter"))
        if decode is not None and decode.contrast is not None:
            model.contrast(decode.contrast)
        return model


@dataclass(frozen=True, slots=True)
class Served:
    """Whoever `--backend` names: nothing is known of its training, so it has no data of its own to take examples from."""

    who: Answering

    @property
    def name(self) -> str:
        """The last part of the model's name, or the artifact that answers, fit for the name of one."""
        named = self.who.spec.ref if isinstance(self.who.spec, LocalSpec) else self.who.endpoint.model
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", named.rpartition("/")[2]).strip("-_.")[:60] or "served"

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return self.who.inputs

    @property
    def identity(self) -> Mapping[str, Any]:
        return self.who.identity


Respondent = Subject | Served
