"""Settings of `fact synth qa|hotpotqa` with a model that writes; the numbers are the paper's (arXiv 2410.19290, spec 1.9)."""

from pydantic import Field

from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.stages.synth.shares import shares_validator
from factcli.world.relations import Kind

# What kind of thing the objects of PopQA's relations are, where they can be the subject of a second fact.
OBJECT_KINDS: dict[str, Kind] = {
    "author": "person",
    "director": "person",
    "screenwriter": "person",
    "producer": "person",
    "composer": "person",
    "father": "person",
    "mother": "person",
    "capital": "place",
    "capital of": "place",
    "country": "place",
    "place of birth": "place",
}


class TriplesConfig(Config):
    """What questions over one and over two facts have in common."""

    versions: int = setting(1, "Versions of each fictitious subject's facts, with another object in each.", ge=1)
    statements_per_fact: int = setting(5, "Statements of each fact.", ge=1)
    passages_per_subject: int = setting(4, "Passages of each subject and version.", ge=0)
    asks: int = setting(3, "Times that a statement or question is asked for in all, where none passes its checks.", ge=1, le=10)
    temperature: float = setting(0.8, "Of all that is written.", gt=0, le=2)
    real_documents: bool = setting(True, "Write knowledge texts of the real training subjects too.")
    split_shares: tuple[float, float, float] = setting((0.78, 0.06, 0.16), "Share of the real subjects for train, dev, test (the paper: 10613, 789, 2152).")
    seed: int = setting(0, "Seed of every draw.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    _are_shares = shares_validator("split_shares")


class QaTriplesConfig(TriplesConfig):
    """`fact synth qa --facts FILE --backend ...`."""

    subjects: int = setting(20_000, "Fictitious subjects that the skill is trained on.", ge=1)
    questions_per_fact: int = setting(1, "Questions about each fictitious fact.", ge=1)


class HotpotConfig(TriplesConfig):
    """`fact synth hotpotqa --facts FILE --backend ...`."""

    questions: int = setting(20_000, "Fictitious questions, each over two facts of its own, in each version.", ge=1)
    real_questions: int = setting(10_000, "Questions over real facts at most, over all splits.", ge=0)
    bridge_share: float = setting(0.8, "Share of bridge questions, the rest are comparisons (HotpotQA's dev set: 5918 of 7405).", ge=0, le=1)
    object_kinds: dict[str, Kind] = Field(
        default=OBJECT_KINDS, description="Relation: kind of its objects, where a second fact can be about them.", json_schema_extra={"role": "identity"}
    )
