"""Settings and tables of `fact score confidence`."""

from typing import Literal

from pydantic import model_validator

from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.entailment import EntailerConfig
from factcli.judge.equivalence import COSINE
from factcli.scorerows import AnswerClaim, Entity, Score, ScoredAnswer, UnitCluster, UnitConfidence, UnitQuestion, UnitSample

Kind = Literal["bio", "medical", "general"]
TABLES: dict[str, type] = {
    "answers": ScoredAnswer,
    "claims": AnswerClaim,
    "entities": Entity,
    "questions": UnitQuestion,
    "samples": UnitSample,
    "clusters": UnitCluster,
    "confidences": UnitConfidence,
    "scores": Score,
    **FILLED,
}


class SamplerConfig(GenerationConfig):
    """Who is sampled: a base model, whose text goes on where the prompt ends."""

    chat: bool = setting(False, "Ask the question alone as a chat; false shows lines of questions and answers, to be continued.")


class ConfidenceConfig(Config):
    """Settings of `fact score confidence`; the defaults are FactTune's, but for what it left open."""

    units: Literal["claims", "entities"] = setting(
        "claims", "What a text's confidence is the mean of: questions about its claims, or the things that it names."
    )
    claims: ClaimsConfig = ClaimsConfig()
    questions: Literal["model", "world"] | None = setting(
        None, "Who asks about a claim: model (--backend writes the question) or world (its own question forms); unset is the world where answers come from one."
    )
    kind: Kind | None = setting(None, "Demonstrations and few-shot lines: bio, medical or general; unset follows each answer's task.")
    expected: bool = setting(False, "Have the model say too what the claim answers, in a few words: then there is samp_conf.")
    context: int = setting(0, "Claims before it that a claim is shown with, and their questions.", ge=0, le=20)
    question_tokens: int = setting(96, "Tokens of a question at most.", ge=8)
    samples: int = setting(20, "Answers drawn to each question, or continuations at each entity.", ge=1, le=1000)
    temperature: float = setting(1.0, "Of the draws.", gt=0, le=2)
    top_p: float = setting(0.9, "Share of the probability that tokens are drawn from.", gt=0, le=1)
    max_tokens: int = setting(15, "Tokens of an answer; it ends with its line besides.", ge=1)
    parser: str = setting("auto", "spaCy model that finds entities, rules, or auto: en_core_web_sm where it is installed, else rules.")
    continue_as: Literal["plain", "task"] = setting("plain", "Before an entity: prompt and text, or both in the form that a world's base model knows.")
    prefix_tokens: int = setting(512, "Tokens before an entity at most; what is too long loses its beginning.", ge=16)
    equivalence: Literal["rules", "entailment", "embeddings", "model"] = setting("rules", "How answers are found to say the same, beyond the rules.")
    cosine: float = setting(COSINE, "Of two embeddings, from which answers are the same.", gt=0, le=1)
    comparisons: int = setting(12, "Pairs that a language model compares for one unit, at most.", ge=1)
    comparisons_per_answer: int = setting(3, "Of these for one answer, at most; one that nothing was found for stands alone.", ge=1)
    tasks: tuple[str, ...] | None = setting(None, "Kinds of answers to score, e.g. [bio]; unset is all.")
    limit: int | None = setting(None, "Prompts whose answers are scored, in their order; unset is all.", ge=1)
    seed: int = setting(0, "Seed of every draw.", ge=0)
    entailer: EntailerConfig = EntailerConfig()
    generation: GenerationConfig = GenerationConfig()
    sampler: SamplerConfig = SamplerConfig()

    @model_validator(mode="after")
    def _fit(self) -> "ConfidenceConfig":
        if self.units == "entities" and self.sampler.chat:
            raise ValueError("units is entities and sampler.chat is true: a text is continued, not asked; set sampler.chat=false")
        return self
