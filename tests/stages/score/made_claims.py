"""Claims of answers as an artifact, written by hand: what confidence and others start from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from factcli.artifact import Draft, Outcome, Plan, make
from factcli.config import Config
from factcli.scorerows import AnswerClaim, ScoredAnswer


class Nothing(Config):
    """Settings of data written by hand."""


def claims_by_hand(root: Path, answers: Sequence[ScoredAnswer], claims: Mapping[str, Sequence[str]], name: str = "claims") -> None:
    """An artifact of kind claims: the answers, and each one's claims by its id."""
    rows = [
        AnswerClaim(f"{answer.id}.c{number}", answer.id, text, number, 0, len(answer.text), "model")
        for answer in answers
        for number, text in enumerate(claims.get(answer.id, ()))
    ]
    plan = Plan("score claims", 1, "claims", name, Nothing(), {}, {"answers": ScoredAnswer, "claims": AnswerClaim})

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, {"answers": list(answers), "claims": rows})
        return Outcome("by hand")

    make(plan, work, root)


def answer(id: str, text: str, task: str = "bio", **more: object) -> ScoredAnswer:
    """Of the prompt that its id begins with."""
    prompt = id.partition(".")[0]
    return ScoredAnswer(id, prompt, f"Who is {prompt}?", prompt, text, task=task, **more)  # type: ignore[arg-type]  # a test's shorthand
