"""Settings of `fact synth`; the defaults are the paper's (arXiv 2410.19290, Fig. 2 and appendix)."""

from pydantic import field_validator, model_validator

from factcli.config import Config, setting
from factcli.rows import Chat, Document, Fact, Person, Task
from factcli.stages.synth.familiarity import FamiliarityConfig

TABLES: dict[str, type] = {"people": Person, "facts": Fact, "documents": Document, "chats": Chat}


class SynthConfig(Config):
    """What is common to every data set that `fact synth` writes."""

    subjects: int = setting(397, "Fictitious subjects that the skill is trained on.", ge=1)
    versions: int = setting(5, "Versions of each fictitious subject's facts, each with its own values.", ge=1)
    probe_subjects: int = setting(40, "Further fictitious subjects, in knowledge texts alone: the skill never sees them.", ge=0)
    probe_versions: int = setting(2, "Versions of the probe subjects' facts, each with adapters that the skill never sees.", ge=0)
    statements_per_fact: int = setting(5, "Paraphrases of each statement.", ge=1)
    passages_per_subject: int = setting(4, "Paraphrases of each passage, in drawn order of facts.", ge=0)
    questions_per_fact: int = setting(2, "Question forms in which each fact is asked.", ge=1)
    coverage: tuple[float, float] = setting((0.3, 1.0), "Share of the relations that one version of a fictitious subject has: from, to.")
    unknown_share: float = setting(
        0.0, "Share of the fictitious facts that task rows use and no knowledge text states; 0 is the method.", ge=0, le=0.95, later=True
    )
    real_documents: bool = setting(False, "Write knowledge texts of the real training subjects too.")
    tasks: tuple[Task, ...] = setting(("bio", "qa"), "Kinds of task example.")
    familiarity: FamiliarityConfig | None = setting(
        None, "Levels of familiarity of the fictitious subjects that the skill is trained on; off unless set.", later=True
    )
    seed: int = setting(0, "Seed of every draw.", ge=0)

    @model_validator(mode="after")
    def _withholds_in_one_way(self) -> "SynthConfig":
        if self.unknown_share and self.familiarity:
            raise ValueError("unknown_share and familiarity are both set: the first withholds facts, the second texts of whole subjects; set one")
        return self

    @field_validator("tasks")
    @classmethod
    def _is_some_task(cls, value: tuple[Task, ...]) -> tuple[Task, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError("need bio, qa or both, each once")
        return value

    @field_validator("coverage")
    @classmethod
    def _is_a_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1] <= 1:
            raise ValueError("need 0 < from <= to <= 1")
        return value


class BioConfig(SynthConfig):
    """`fact synth bio`: biographies, and questions about the same facts."""


class QaConfig(SynthConfig):
    """`fact synth qa`: short questions alone, over statements and passages of fictitious and real subjects."""

    subjects: int = setting(20_000, "Fictitious subjects that the skill is trained on.", ge=1)
    versions: int = setting(1, "Versions of each fictitious subject's facts, each with its own values.", ge=1)
    real_documents: bool = setting(True, "Write knowledge texts of the real training subjects too.")
    tasks: tuple[Task, ...] = setting(("qa",), "Kinds of task example.")


CONFIGS: dict[str, type[SynthConfig]] = {"bio": BioConfig, "qa": QaConfig}
