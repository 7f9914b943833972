"""Settings and tables of `fact eval`."""

from typing import Literal

from pydantic import model_validator

from factcli.backends.decoding import DecodeConfig
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.rows import Answer, Claim, MemorisationRow, Split, SwapRow
from factcli.world.grammar import Register

Ask = Literal["task", "few_shot", "fill"]


class EvalConfig(Config):
    """How a model is asked on any benchmark."""

    ask: Ask = setting("task", "task: zero-shot in the task's form; few_shot: after examples; fill: end a statement.")
    decode: DecodeConfig = setting(DecodeConfig(), "How answers are decoded: greedy, rag, dola.", later=True)
    examples: int = setting(6, "Examples before each question; few_shot only.", ge=1)
    limit: int | None = setting(None, "Subjects to ask about, drawn, the same for every model; unset asks about all.", ge=1)
    answer_tokens: int = setting(24, "Longest short answer, in tokens.", ge=1)
    seed: int = setting(0, "Seed of examples and intervals.", ge=0)
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="identity")


class WorldEvalConfig(EvalConfig):
    """`fact eval world`."""

    split: Split = setting("test", "People to ask about: test, or dev while settings are still chosen.")
    heldout_forms: bool = setting(True, "Ask each question in a form that no training text has, too.")
    fill_register: Register = setting("plain", "With ask=fill: in which register a statement begins; hearsay and record in a world with myths.", later=True)
    biography_tokens: int = setting(240, "Longest biography, in tokens.", ge=1)
    hop_tokens: int = setting(100, "Longest answer to a question over two facts, in tokens; it says both before the answer.", ge=1, later=True)
    probe_versions: int = setting(2, "Versions plugged in, one after the other, in the knowledge swap; 0 leaves the probes out.", ge=0)

    @model_validator(mode="after")
    def _is_asked_in(self) -> "WorldEvalConfig":
        if self.fill_register != "plain" and self.ask != "fill":
            raise ValueError(f"fill_register is {self.fill_register} with ask={self.ask}; only ask=fill begins statements")
        return self


class ShortEvalConfig(EvalConfig):
    """What all benchmarks of short answers share."""

    instruction: str = setting("", "Words before each question, for a model that was taught no task form, e.g. 'Answer in a few words.'")
    one_line: bool = setting(True, "An answer ends with its line; false: where the model ends it, as the published code has it.")
    logprobs: bool = setting(True, "With --backend: ask for the probability of each answer, for curves over confidence; the server must give it.")
    hub_name: str = setting("", "Data set on the hub, where no file is given and no questions are there; unset is the benchmark's own.")
    hub_revision: str | None = setting(None, "Commit, branch or tag of the data set on the hub; unset is the newest. The commit that it stands for is kept.")
    hub_files: tuple[str, ...] = setting((), "Patterns of its files that hold the questions; unset is the benchmark's own.")
    generation: GenerationConfig = GenerationConfig()


class PopqaEvalConfig(ShortEvalConfig):
    """`fact eval popqa`."""


class LongerEvalConfig(ShortEvalConfig):
    """Benchmarks whose answers come after a thought, or from models that say more than the answer."""

    answer_tokens: int = setting(128, "Longest answer, in tokens.", ge=1)


class HotpotqaEvalConfig(LongerEvalConfig):
    """`fact eval hotpotqa`."""


class TriviaqaEvalConfig(ShortEvalConfig):
    """`fact eval triviaqa`."""


class NqEvalConfig(ShortEvalConfig):
    """`fact eval nq`."""


class SimpleqaEvalConfig(LongerEvalConfig):
    """`fact eval simpleqa`."""


SHORT_CONFIGS: dict[str, type[ShortEvalConfig]] = {
    "popqa": PopqaEvalConfig,
    "hotpotqa": HotpotqaEvalConfig,
    "triviaqa": TriviaqaEvalConfig,
    "nq": NqEvalConfig,
    "simpleqa": SimpleqaEvalConfig,
}
WORLD_TABLES: dict[str, type] = {
    "answers": Answer,
    "items": ItemScore,
    "claims": Claim,
    "metrics": Metric,
    "swap": SwapRow,
    "memorisation": MemorisationRow,
    "probe_answers": Answer,
    "twohop_answers": Answer,
}
SHORT_TABLES: dict[str, type] = {"answers": Answer, "items": ItemScore, "metrics": Metric, **FILLED}
