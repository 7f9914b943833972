"""Questions of which some are kept for fitting, and what a model says to them, hedges and their probability apart.

They are the world's, by its own splits, or those of a file in PopQA's format, whose subjects are dealt to dev and test by (seed, subject).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of_file
from factcli.backends.completions import Completer, Completion, Turn
from factcli.errors import InputError
from factcli.judge.answers import Grade
from factcli.judge.responses import Worded, grade_worded
from factcli.knowledge.benchmarks.limit import part_of
from factcli.knowledge.benchmarks.popqa import POPQA
from factcli.rows import Question, Reject, Split
from factcli.world.people import keyed_rng


class Said(NamedTuple):
    """An answer. `confidence`: probability of what it says besides a hedge, 0..1."""

    text: str
    worded: Worded
    grade: Grade
    confidence: float

    @property
    def is_refusal(self) -> bool:
        return self.worded.type == "unknown"

    @property
    def is_right(self) -> bool:
        return self.grade.grade == "right"


@dataclass(frozen=True, slots=True)
class Questions:
    """Where questions come from: exactly one of the two."""

    world: Artifact | None = None
    file: Path | None = None

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        return {"world": self.world} if self.world is not None else {}

    @property
    def about(self) -> Mapping[str, Any]:
        """For the summary: which definition of which benchmark a file was read by."""
        return POPQA.recorded if self.file is not None else {}

    def pin(self) -> Mapping[str, str]:
        """sha256 of a user's file, for the key. Raises InputError where there is none."""
        if self.file is None:
            return {}
        if not self.file.is_file():
            raise InputError(f"there is no file {self.file}", "give a TSV in PopQA's format, as for `fact eval popqa`")
        return {f"questions {self.file.name}": sha256_of_file(self.file)}

    def read(self, splits: Sequence[Split], limit: int | None, seed: int, dev_share: float) -> tuple[list[Question], tuple[Reject, ...]]:
        """Closed-book questions of these splits in training forms, of `limit` subjects of each; and lines that are none."""
        every, rejected = self._every(seed, dev_share)
        asked = [q for q in every if q.task == "qa" and not q.is_heldout_form]
        chosen = [question for split in splits for question in _drawn([q for q in asked if q.split == split], limit)]
        return chosen, rejected

    def _every(self, seed: int, dev_share: float) -> tuple[list[Question], tuple[Reject, ...]]:
        if self.world is not None:
            return list(self.world.rows("questions", Question)), ()
        assert self.file is not None, "a world or a file"
        table = POPQA.read_file(self.file)
        return [replace(question, split=_split(question, seed, dev_share)) for question in table.items], table.rejects


def _split(question: Question, seed: int, dev_share: float) -> Split:
    return "dev" if keyed_rng(seed, question.subject, "dev").random() < dev_share else "test"


def _drawn(questions: Sequence[Question], limit: int | None) -> list[Question]:
    return list(part_of(questions, limit, lambda question: question.subject))


def require_some(questions: Sequence[Question], split: Split, source: Questions) -> None:
    """Raises InputError where nobody of a split can be asked about."""
    if not any(question.split == split for question in questions):
        where = source.world.ref if source.world is not None else source.file
        raise InputError(f"{where} has no question about anybody in split {split}", "give more questions: --file FILE, or another world")


def say(model: Completer, questions: Sequence[Question], adapters: Sequence[str], max_new_tokens: int) -> list[Said]:
    """One greedy answer per question, in their order, zero-shot in the task's form."""
    prompts = [(Turn("user", question.question),) for question in questions]
    said = model.complete(prompts, max_new_tokens, stop=("\n",), adapters=adapters)
    return [said_of(completion, question.answers) for completion, question in zip(said, questions, strict=True)]


def said_of(completion: Completion, accepted: Sequence[str]) -> Said:
    """The blank that an answer begins with belongs to its first token, and to none of the places of the text without it."""
    text = completion.text.strip()
    blanks = len(completion.text) - len(completion.text.lstrip())
    found, grade = grade_worded(text, accepted)
    return Said(text, found, grade, completion.probability(found.start + blanks, found.end + blanks))
