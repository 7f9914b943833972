"""Settings and tables of `fact score factscore`."""

from factcli.backends.filling import TABLES as FILLED
from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.evalrows import ItemScore
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.metrics import Metric
from factcli.judge.scores.aggregate import GAMMA
from factcli.judge.verdicts.combining import JudgeAgreement
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, Score, ScoredAnswer


class FactscoreConfig(Config):
    """`claims`: how answers are taken apart; `judge`: who says what of a claim; `generation`: the model that reads claims."""

    gamma: float = setting(GAMMA, "Claims of an answer up to which FActScore's score penalises its length; 0: never.", ge=0)
    k: int | None = setting(
        None, "Supported claims of a full answer, for F1@K; unset: as in the first scores of these prompts, else their median of relevant claims.", ge=1
    )
    tasks: tuple[str, ...] | None = setting(None, "Kinds of answers to score, e.g. [bio]; unset is all but short answers (qa).")
    limit: int | None = setting(None, "Answers to score, in their order; unset is all.", ge=1)
    claims: ClaimsConfig = ClaimsConfig()
    judge: JudgeConfig = JudgeConfig()
    generation: GenerationConfig = GenerationConfig()


TABLES: dict[str, type] = {
    "answers": ScoredAnswer,
    "claims": AnswerClaim,
    "verdicts": ClaimVerdict,
    "evidence": EvidencePassage,
    "scores": Score,
    "items": ItemScore,
    "metrics": Metric,
    "agreement": JudgeAgreement,
    **FILLED,
}
