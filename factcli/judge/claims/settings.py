"""Settings of claims, one group that each score which reads claims nests in its own."""

from typing import Literal

from pydantic import model_validator

from factcli.config import Config, setting

Source = Literal["model", "rules", "given", "world"]
Detector = Literal["none", "generic", "perplexity_ai", "own"]


class ClaimsConfig(Config):
    """Where the claims of an answer come from, and how they are treated. FActScore's figures stand in spec §5.2."""

    source: Source = setting("rules", "Who takes answers apart: model (asks), rules (no model), given (of the file) or world (its grammar).")
    annotator: Literal["human", "model"] = setting("human", "Whose claims of the file, for source given.")
    abstention: Detector = setting("own", "Who says that an answer abstains: none, FActScore's generic or perplexity_ai, or own (wider).")
    parser: str = setting("", "spaCy package that finds sentences, e.g. en_core_web_sm; empty is by rule.")
    carry_over: bool = setting(False, "Add sentences of at most 11 words to the next one, as FactTune's FActScore does.")
    pronouns: bool = setting(True, "Put the topic in the place of a pronoun or last name at the start of a claim.")
    form: Literal["list", "json"] = setting("list", "Form in which a model answers: a dashed list, or JSON by a schema.")
    fixed: int = setting(7, "Demonstrations that a model is always shown.", ge=0, le=20)
    retrieved: int = setting(1, "Demonstrations nearest to the sentence (BM25) that it is shown besides.", ge=0, le=20)
    temperature: float = setting(0.0, "Temperature at which a model takes sentences apart.", ge=0, le=2)
    max_tokens: int = setting(512, "Tokens of its answer to one sentence.", ge=1)
    repairs: bool = setting(True, "Repair what a model adds or leaves open: dangling verbs, names and numbers that its sentence has not.")
    near_duplicate: float = setting(0.8, "ROUGE-L F1 from which a claim that differs from an earlier one in light words alone is its duplicate.", gt=0, le=1)
    seed: int = setting(0, "Seed of every draw.", ge=0)

    @model_validator(mode="after")
    def _has_a_demonstration(self) -> "ClaimsConfig":
        if self.source == "model" and self.fixed + self.retrieved == 0:
            raise ValueError("fixed and retrieved are both 0: a model needs one demonstration at least")
        return self
