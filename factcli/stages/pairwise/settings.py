"""Settings and tables of `fact eval pairwise`."""

from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.judgedrows import Duel


class PairwiseConfig(Config):
    """`generation`: the judge."""

    tasks: tuple[str, ...] | None = setting(None, "Kinds of answers to compare, e.g. [bio]; unset is all.")
    limit: int | None = setting(None, "Questions to compare answers to, in their order; unset is all.", ge=1)
    document_tokens: int = setting(2000, "Tokens of a document that the judge is shown, at 4 letters each; a longer one is cut and says so.", ge=16)
    answer_tokens: int = setting(1024, "Tokens of an answer that the judge is shown, at 4 letters each; a longer one is cut and says so.", ge=16)
    max_tokens: int = setting(8, "Tokens of the judge's one word, blanks and marks included.", ge=1, le=64)
    max_unscored: float = setting(0.2, "Share of questions that may be unscored; above it the command ends with 6.", "operational", ge=0, le=1)
    generation: GenerationConfig = GenerationConfig()


TABLES: dict[str, type] = {"duels": Duel, "items": ItemScore, "metrics": Metric, **FILLED}
