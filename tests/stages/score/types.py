"""The columns of a table of question types that pairs are made by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuestionType:
    id: str
    s_with_document: float | None
    s_without_document: float | None
