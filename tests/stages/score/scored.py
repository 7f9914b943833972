"""Artifacts of kind scores with values that a test gives, as a scoring command would leave them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.config import Config
from factcli.consistencyrows import QuestionAgreement, QuestionType, Threshold
from factcli.scorerows import Score, ScoredAnswer

Values = Mapping[str, Mapping[str, float | None]]  # score -> id of an answer or prompt -> value


class Nothing(Config):
    """No settings."""


TABLES = {"answers": ScoredAnswer, "scores": Score, "agreement": QuestionAgreement, "question_types": QuestionType, "thresholds": Threshold}


def scores_of(
    answers: Sequence[ScoredAnswer],
    values: Values,
    agreement: Sequence[QuestionAgreement] = (),
    types: Sequence[QuestionType] = (),
    thresholds: Sequence[Threshold] = (),
    name: str = "scores",
) -> Artifact:
    """`data/scores@1`: the answers, a score row for each value, and what consistency says of the questions."""
    prompts = {answer.id: answer.prompt_id for answer in answers}
    scores = [
        Score(f"{of}.{score}", of, prompts.get(of, of), score, value, "" if value is not None else "no claims", 1)
        for score, by_id in values.items()
        for of, value in by_id.items()
    ]
    plan = Plan("score test", 1, "scores", name, Nothing(), {}, TABLES)

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, {"answers": answers, "scores": scores, "agreement": agreement, "question_types": types, "thresholds": thresholds})
        return Outcome("scores of a test")

    return make(plan, work, Path("data"), force=True)[0]


def drawn(prompt_id: str, *texts: str, prompt: str = "", split: str = "none", reference: str | None = None) -> list[ScoredAnswer]:
    """Answers q.s0, q.s1, ... to one prompt, and q.ref before them."""
    asked = prompt or f"Tell me about {prompt_id}."
    first = [ScoredAnswer(f"{prompt_id}.ref", prompt_id, asked, "", reference, split, number=-1, is_reference=True)] if reference is not None else []  # type: ignore[arg-type]
    return first + [ScoredAnswer(f"{prompt_id}.s{n}", prompt_id, asked, "", text, split, number=n) for n, text in enumerate(texts)]  # type: ignore[arg-type]
