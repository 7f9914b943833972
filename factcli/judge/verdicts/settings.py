"""What judges go by; a score's own settings nest this group as `judge`."""

from typing import Literal

from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.judge.entailment import EntailerConfig

Rule = Literal["first", "majority", "unanimous"]
AtOnce = Literal["claim", "answer"]


class JudgeConfig(Config):
    """Settings of verdicts. Who judges stands in a version's key as what `judges` resolve to."""

    judges: tuple[str, ...] = setting((), "http:MODEL@URL, local:REF, scripted:FILE, nli:DIR or world; several are compared.", "operational")
    by: Literal["probability", "text", "json"] = setting("probability", "How a language model says it: log-probability of True and False, one word, or JSON.")
    otherwise: Literal["text", "unscored"] = setting("text", "Where True and False are not among the likeliest words: read the text, or leave it unscored.")
    threshold: float = setting(0.5, "Probability above which a claim is supported.", gt=0, le=1)
    least_mass: float = setting(0.5, "Probability that True and False must have together to be believed.", ge=0, le=1)
    at_once: AtOnce = setting("claim", "What one request is about: a claim, or the claims of an answer; a judge may be named each:... or all:... for itself.")
    most_per_call: int = setting(20, "Claims of an answer in one request.", ge=1, le=500)
    most_calls: int = setting(3, "Requests about one answer at most; beyond most_per_call times this, more claims share a request.", ge=1)
    left_out: Literal["unscored", "ask"] = setting("unscored", "A claim that a judge of an answer leaves out: unscored, or asked about alone.")
    evidence: Literal["passages", "none"] = setting("passages", "Judge by passages, or by what the judge knows (closed book).")
    no_page: Literal["unscored", "open", "closed-book"] = setting("unscored", "A topic without a page: unscored, searched everywhere, or judged closed book.")
    k: int = setting(5, "Passages shown about a claim.", ge=1, le=100)
    k_answer: int = setting(10, "Passages shown about all claims of an answer.", ge=1, le=200)
    passage_tokens: int = setting(400, "Tokens of a passage, at 4 letters each; a longer one is cut and says so.", ge=16)
    max_tokens: int = setting(8, "Tokens of a one-word answer, blanks and marks included.", ge=1, le=64)
    combine: Rule = setting("first", "One verdict of several judges: the first's, the majority's (a tie is unscored), or only what all say.")
    max_unscored: float = setting(0.2, "Share of verdicts that may be unscored; above it the command ends with 6.", "operational", ge=0, le=1)
    entailer: EntailerConfig = EntailerConfig()
    generation: GenerationConfig = GenerationConfig()
