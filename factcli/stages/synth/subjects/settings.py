"""Settings of `fact synth bio|medical --subjects FILE`; the numbers are the paper's (arXiv 2410.19290, spec 1.9)."""

from typing import Literal

from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.stages.synth.familiarity import FamiliarityConfig
from factcli.stages.synth.shares import shares_validator


class SubjectsConfig(Config):
    """What biographies and medical subjects have in common; the defaults are those of biographies."""

    subjects: int = setting(397, "Fictitious subjects at most, each after a real training subject: sorted, shuffled with the seed, the first of them.", ge=1)
    versions: int = setting(5, "Fictitious versions of each text, with other facts in each.", ge=1)
    statements_per_fact: int = setting(5, "Texts of each statement: the statement and its paraphrases.", ge=1)
    passages_per_subject: int = setting(4, "Passages of each version that state all of it.", ge=0)
    decompose: Literal["model", "sentence"] = setting(
        "model", "How a text becomes statements: a model writes them, checked; or its sentences as they stand.", later=True
    )
    source_words: int = setting(250, "Words of a real text that are used, cut at the end of a sentence.", ge=20)
    asks: int = setting(3, "Times that a name or version which fails a check is asked for in all.", ge=1, le=10)
    most_alike: float = setting(0.6, "Share of the values, or of the runs of four words, of a version that another text may have too.", ge=0, le=1)
    temperature: float = setting(0.8, "Of names, versions, paraphrases and passages; statements, checks and answers are greedy.", gt=0, le=2)
    real_documents: bool = setting(False, "Write knowledge texts of the real training subjects too.")
    split_shares: tuple[float, float, float] = setting((0.62, 0.1, 0.28), "Share of the real subjects for train, dev, test (the paper: 397, 60, 183).")
    familiarity: FamiliarityConfig | None = setting(None, "Levels of familiarity of the fictitious subjects; off unless set.")
    seed: int = setting(0, "Seed of every draw.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    _are_shares = shares_validator("split_shares")


class BioSubjectsConfig(SubjectsConfig):
    """`fact synth bio --subjects FILE`."""


class MedicalSubjectsConfig(SubjectsConfig):
    """`fact synth medical --subjects FILE`."""

    subjects: int = setting(449, "Fictitious subjects at most, each after a real training subject: sorted, shuffled with the seed, the first of them.", ge=1)
    split_shares: tuple[float, float, float] = setting((0.62, 0.11, 0.27), "Share of the real subjects for train, dev, test (the paper: 449, 80, 200).")


CONFIGS: dict[str, type[SubjectsConfig]] = {"bio": BioSubjectsConfig, "medical": MedicalSubjectsConfig}
