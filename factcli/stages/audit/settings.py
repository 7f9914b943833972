"""Settings and tables of `fact audit`."""

from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.comparisonrows import AuditedRow
from factcli.config import Config, setting
from factcli.judge.knowing import Keep
from factcli.judge.metrics import Metric
from factcli.rows import Chat

UNAUDITED = "unaudited"  # long answers, as `fact score confidence --answers` takes them
TABLES: dict[str, type] = {"rows": AuditedRow, UNAUDITED: Chat, "metrics": Metric, **FILLED}
KEPT_TABLES: dict[str, type] = {"chats": Chat}


class AuditConfig(Config):
    """Settings of `fact audit`. The paper (arXiv 2405.05904) has 10 sets of 4 examples, 16 draws each at temperature 0.5."""

    prompts: int = setting(4, "Sets of examples before which each row is asked: one greedy answer after each.", ge=1, le=100)
    shots: int = setting(4, "Examples in a set, of other subjects; 0 asks in the task's own form, by every question that the data have.", ge=0, le=50)
    samples: int = setting(4, "Answers drawn after each set of examples, beside the greedy one.", ge=0, le=100)
    temperature: float = setting(0.5, "Of the draws.", gt=0, le=2)
    max_tokens: int = setting(24, "Tokens of an answer.", ge=1)
    longest: int = setting(12, "Words up to which an answer counts as short and is graded by what it contains.", ge=1)
    keep: Keep = setting("known", "What is kept: highly (known by every greedy answer), known (by some), any (also by a drawn one alone).")
    least_share: float = setting(1.0, "Share of a long answer's facts that must be kept, for the row to be.", gt=0, le=1)
    fictitious: bool = setting(False, "Ask about fictitious subjects too, whom no model knows.")
    limit: int | None = setting(None, "Short rows to ask, in their order; unset is all.", ge=1)
    seed: int = setting(0, "Seed of examples and draws.", ge=0)
    generation: GenerationConfig = GenerationConfig()


class KeepConfig(Config):
    """What `fact audit --keep` leaves out."""

    keep: Keep = setting("known", "What is kept of the audited rows.")
