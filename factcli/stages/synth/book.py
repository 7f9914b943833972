"""The rows of one unit as its answers come in: what is kept with where it came from, what is not with the reason."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factcli.artifact import Draft
from factcli.backends.asking import Asker, rejected
from factcli.backends.chains import answered
from factcli.backends.filling import Rows
from factcli.backends.requests import Response
from factcli.errors import TooManyFailuresError
from factcli.knowledge.subjects import without_surrogates

Sources = Mapping[str, Response]  # template -> the answer that a row was read from


@dataclass(slots=True)
class Book:
    """Fills while a chain runs."""

    asker: Asker
    tables: dict[str, list[Any]] = field(default_factory=dict)

    def keep(self, table: str, row: Any, sources: Sources) -> None:
        self.tables.setdefault(table, []).append(row)
        origins = [self.asker.origin(row.id, table, template, response) for template, response in sources.items()]
        self.tables.setdefault("origins", []).extend(origins)

    def reject(self, id: str, step: str, reason: str, text: str, response: Response | None = None) -> None:
        self.tables.setdefault("rejected", []).append(rejected(id, step, reason, without_surrogates(text), response))

    def usable(self, id: str, step: str, response: Response) -> bool:
        """Whether there is an answer of the form asked for. One that was cut, refused or of another form is rejected.

        Raises UnansweredError where none came at all: then the unit is tried again by the next run.
        """
        if response.outcome == "failed":
            answered(response)
        if response.outcome == "ok":
            return True
        self.reject(id, step, f"answer {response.outcome}", response.text, response)
        return False

    def rows(self) -> Rows:
        return self.tables


def nothing_left(draft: Draft) -> TooManyFailuresError:
    """What to raise where no answer passed the checks: nothing is committed, and the rejected ones are in a file to look at."""
    path = draft.scratch() / "rejected.jsonl"
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in draft.rows("rejected")), encoding="utf-8")
    return TooManyFailuresError(
        "no answer passed the checks: there is no data", f"see what was said, and why it was rejected, in {path}; another model or seed may do better"
    )
