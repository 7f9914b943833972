"""Settings and tables of `fact eval`."""

from typing import Literal

from factcli.config import Config, setting
from factcli.judge.metrics import Metric
from factcli.rows import Answer, Claim, MemorisationRow, Reject, Split, SwapRow

Ask = Literal["task", "few_shot", "fill"]


class EvalConfig(Config):
    """How a model is asked on any benchmark."""

    ask: Ask = setting("task", "task: zero-shot in the task's form; few_shot: after examples; fill: end a statement.")
    examples: int = setting(6, "Examples before each question; few_shot only.", ge=1)
    limit: int | None = setting(None, "Subjects to ask about, in id order; unset asks about all.", ge=1)
    answer_tokens: int = setting(24, "Longest short answer, in tokens.", ge=1)
    seed: int = setting(0, "Seed of examples and intervals.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")


class WorldEvalConfig(EvalConfig):
    """`fact eval world`."""

    split: Split = setting("test", "People to ask about: test, or dev while settings are still chosen.")
    heldout_forms: bool = setting(True, "Ask each question in a form that no training text has, too.")
    biography_tokens: int = setting(240, "Longest biography, in tokens.", ge=1)
    probe_versions: int = setting(2, "Versions plugged in, one after the other, in the knowledge swap; 0 leaves the probes out.", ge=0)


class PopqaEvalConfig(EvalConfig):
    """`fact eval popqa`."""

    hub_name: str = setting("akariasai/PopQA", "Data set on the hub, where no file is given and no world is there.")
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")


WORLD_TABLES: dict[str, type] = {
    "answers": Answer,
    "claims": Claim,
    "metrics": Metric,
    "swap": SwapRow,
    "memorisation": MemorisationRow,
    "probe_answers": Answer,
}
POPQA_TABLES: dict[str, type] = {"answers": Answer, "metrics": Metric, "rejected": Reject}
