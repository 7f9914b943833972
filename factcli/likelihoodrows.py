"""Rows of benchmarks that are answered by likelihood, and of what the lm-evaluation-harness says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HarnessSample:
    """One document of a harness task as one of the task's filters sees it; what has no fixed form is JSON."""

    id: str  # task, number of the document, and the beginning of its sha256: another text is another item
    task: str
    filter: str
    document: str  # JSON
    target: str
    responses: str  # JSON: of each request what the model gave, e.g. its log-likelihood and whether it is greedy
    scores: str  # JSON: metric -> what this document adds to it
    prompt_sha256: str


@dataclass(frozen=True, slots=True)
class HarnessTask:
    """A task as it was run."""

    task: str
    asked_as: str  # the name that was asked for: of the task, or of a group or tag that it is of
    version: str  # of its definition, as the harness has it
    shots: int
    metric: str  # as the harness names it, its filter before it where there is one
    value: float | None  # as the harness reports it
    is_higher_better: bool
    n_documents: int
