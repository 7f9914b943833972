"""Who writes long answers: a model of this data directory, or whatever --backend names."""

from dataclasses import dataclass
from typing import Protocol

from factcli.backends.decoding import DecodeConfig
from factcli.backends.opening import Answering
from factcli.backends.settings import GenerationConfig
from factcli.commands.generating import answering_for
from factcli.commands.making import Making
from factcli.commands.measuring import subject_of
from factcli.errors import SettingsError
from factcli.stages.eval.subject import Respondent, Served


class Settings(Protocol):
    """What decides who writes, and how."""

    @property
    def decode(self) -> DecodeConfig: ...
    @property
    def generation(self) -> GenerationConfig: ...


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes, as it is asked and as it is known."""

    who: Answering
    respondent: Respondent

    @property
    def name(self) -> str:
        return self.respondent.name


def writing_of(making: Making, config: Settings, model: str | None, newest: bool) -> Writing:
    """Through a backend in either case: each answer is kept as it comes, also those of a model in this process."""
    if config.generation.backend:
        if model is not None or newest:
            raise SettingsError(f"--backend {config.generation.backend} and a model are both given", "who answers is said once: --backend or --model")
        who = answering_for(making, config.generation, config.decode.contrast)
        return Writing(who, Served(who))
    subject = subject_of(model, newest, making.root)
    ref = model if subject.skill is None else subject.skill.ref
    found = config.generation.model_copy(update={"backend": f"local:{ref}"})
    return Writing(answering_for(making, found, config.decode.contrast), subject)
