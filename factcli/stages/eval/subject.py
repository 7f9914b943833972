"""What is evaluated: a base model, alone or with a skill adapter from which all knowledge has been dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from factcli.artifact import Artifact
from factcli.basemodel import BaseModelRef
from factcli.extras import require_train

if TYPE_CHECKING:
    from factcli.backends.local import LocalModel

SKILL = "skill"


@dataclass(frozen=True, slots=True)
class Subject:
    """A model under evaluation and its lineage. `skill` None is the untouched base."""

    name: str
    base: BaseModelRef
    skill: Artifact | None = None
    knowledge: Artifact | None = None
    synth: Artifact | None = None

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        parents = {"model": self.skill, "knowledge": self.knowledge, "synth": self.synth}
        return {**self.base.inputs, **{role: parent for role, parent in parents.items() if parent is not None}}

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters that are plugged in while it answers: the skill, never the knowledge."""
        return (SKILL,) if self.skill else ()

    @property
    def chat_template(self) -> str:
        """The template that the skill was trained in, where one was given; "" is the base's own, or the default."""
        return str(self.skill.manifest.config.get("chat_template", "")) if self.skill else ""

    def load(self, dtype: str) -> "LocalModel":
        require_train()
        from factcli.backends.local import LocalModel

        model = LocalModel.load(self.base.location, dtype=dtype, chat_template=self.chat_template)
        if self.skill is not None:
            model.plug(SKILL, self.skill.file("adapter"))
        return model
