"""Settings of `fact score consistency`; configs/score/consistency-self-learning.yaml has those of Self-Learning's last version."""

from typing import Literal

from pydantic import model_validator

from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.consistencyrows import Comparison, QuestionAgreement, QuestionChange, QuestionType, Reflection, Threshold
from factcli.judge import calibrating
from factcli.judge.consistency import EntropyForm, Equivalence, Neutral
from factcli.judge.entailment import EntailerConfig
from factcli.judge.known import Criterion, Rule
from factcli.rows import Split
from factcli.scorerows import Score, ScoredAnswer

Method = Literal["selfcheck", "bsdetector", "semantic-entropy"]
Form = Literal["reference", "all"]
METHOD_OF_RULE: dict[Rule, Method] = {"selfcheck": "selfcheck", "bsdetector": "bsdetector", "clusters": "semantic-entropy"}

TABLES: dict[str, type] = {
    "answers": ScoredAnswer,
    "scores": Score,
    "agreement": QuestionAgreement,
    "question_types": QuestionType,
    "changes": QuestionChange,
    "thresholds": Threshold,
    "reflections": Reflection,
    "comparisons": Comparison,
    **calibrating.TABLES,
    **FILLED,
}


class ConsistencyConfig(Config):
    """What is compared, how it is scored, and what counts as known."""

    compared_by: str = setting("", "nli:DIRECTORY_OR_HUB_NAME, or lexical; unset is lexical for answers about an invented world alone.", "operational")
    methods: tuple[Method, ...] = setting(("selfcheck", "bsdetector", "semantic-entropy"), "Scores to make.")
    form: Form | None = setting(None, "reference: its sentences against each sample; all: samples against one another; unset is reference where there is one.")
    premise: Literal["sample", "sentence"] = setting(
        "sample", "Which text is the premise: the sample, as SelfCheckGPT writes, or the sentence, as its code does."
    )
    neutral: Neutral = setting("left_out", "left_out: of entailment and contradiction alone (SelfCheckGPT); counted: all three classes.")
    beta: float = setting(1.0, "BSDetector's weight of agreement; the rest is that of the model's opinion of its answers, which is then asked.", ge=0, le=1)
    reflection_tokens: int = setting(8, "Tokens of that opinion at most: a letter.", ge=1)
    equivalence: Equivalence = setting("entails", "Same meaning: both directions entail, or neither contradicts.")
    entropy: EntropyForm = setting("normalised", "Entropy of clusters: normalised (nats, 0 or more), or mean of -ln p as in Kuhn's estimate.")
    rule: Rule = setting("selfcheck", "What tells known from unknown: selfcheck (tau_k), bsdetector (below 0.5) or clusters (more than one).")
    tau_l: float | None = setting(0.5, "Questions are kept whose samples with the document have S_L at or below this; null keeps all.", ge=0, le=1)
    tau_k: float = setting(0.5, "A question is unknown if S_K, of samples without the document, is above this.", ge=0, le=1)
    choose_on: Literal["dev", "train"] | None = setting(None, "Split with known truth on which the thresholds are chosen instead.")
    criterion: Criterion = setting("balanced_accuracy", "How they are chosen: balanced_accuracy (Youden's J), or the most at a precision.")
    target_precision: float = setting(0.9, "Share of right ones among what is taken as known, for criterion precision.", gt=0, le=1)
    filter_size: float = setting(1.0, "Share of the unknown questions to keep, those with the highest S_K.", gt=0, le=1)
    splits: tuple[Split, ...] | None = setting(None, "Splits to score; unset is all.")
    limit: int | None = setting(None, "Questions to score, in their order; unset is all.", ge=1)
    bins: int = setting(10, "Bins of the reliability diagrams.", ge=1, le=100)
    most_comparisons: int = setting(50_000, "Comparisons are kept as rows unless there are more than this.", ge=0)
    questions_at_once: int = setting(32, "Questions whose pairs are judged together; what a kill can cost.", "operational", ge=1)
    entailer: EntailerConfig = EntailerConfig()
    seed: int = setting(0, "Seed of the intervals.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    @model_validator(mode="after")
    def _fit_together(self) -> "ConsistencyConfig":
        if not self.methods:
            raise ValueError("methods is empty: need one of selfcheck, bsdetector, semantic-entropy")
        needed = METHOD_OF_RULE[self.rule]
        if needed not in self.methods:
            raise ValueError(f"rule is {self.rule}, which needs {needed} among the methods")
        if self.choose_on and self.rule != "selfcheck":
            raise ValueError(f"choose_on chooses tau_k and tau_l, and rule {self.rule} has no threshold to choose")
        return self

    @property
    def reflects(self) -> bool:
        """Whether a language model is asked."""
        return "bsdetector" in self.methods and self.beta < 1
