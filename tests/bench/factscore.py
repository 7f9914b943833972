"""FActScore's aggregation on its own human labels, both known figures, and how much a supported claim tells.

    python -m tests.bench factscore [--labels FILE]

FILE has FActScore's format (spec: one response a line, `annotations` with `human-atomic-facts` and labels S, NS, IR).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from factcli.judge.scores.aggregate import Counts, aggregate, count, precision_of_relevant
from factcli.judge.scores.details import words_of
from factcli.judge.scores.robust import JudgedClaim, told_by
from factcli.knowledge.answer_files import Answers, answers_of_file
from factcli.rows import Verdict

SHARED = Path(__file__).parents[3] / "shared" / "data" / "factscore_labeled_instructgpt.jsonl"
LABELS: dict[str, Verdict] = {"S": "supported", "NS": "unsupported", "IR": "irrelevant", "": "unscored"}


class Labelled(NamedTuple):
    """One annotated response."""

    topic: str
    prompt: str
    claims: tuple[JudgedClaim, ...]

    @property
    def counts(self) -> Counts:
        return count(claim.verdict for claim in self.claims)


def labelled(answers: Answers) -> list[Labelled]:
    """The annotated responses in the order of the file."""
    rows = [row for row in answers.rows if row.id in answers.given]
    judged = [tuple(JudgedClaim(claim.text, LABELS[claim.label]) for claim in answers.given[row.id].human) for row in rows]
    return [Labelled(row.topic, row.prompt, claims) for row, claims in zip(rows, judged, strict=True)]


def table(path: Path | None = None) -> str:
    """Both figures with what is left out of each, as Markdown; a line that says so where the file is not there."""
    file = path or SHARED
    if not file.is_file():
        return f"FActScore's human labels are not there ({file.name}): give them with --labels FILE"
    answers = answers_of_file(file)
    responses = labelled(answers)
    published = aggregate([response.counts for response in responses])
    relevant = [response for response in responses if precision_of_relevant(response.counts) is not None]
    mean = sum(precision_of_relevant(response.counts) or 0 for response in relevant) / len(relevant)
    n_counted = sum(response.counts.supported + response.counts.unsupported for response in relevant)
    rows = [
        f"| S / (S + NS + IR), the published definition | {published.init_score:.4f} | {published.n_scored} | {_names(r for r in responses if not r.claims)} |",
        f"| S / (S + NS) | {mean:.4f} | {len(relevant)} | {_names(r for r in responses if precision_of_relevant(r.counts) is None)} |",
    ]
    head = ["| definition | mean precision | responses | left out |", "|---|---|---|---|"]
    skipped = [row.topic for row in answers.rows if row.id not in answers.given]
    n_supported = sum(response.counts.supported for response in responses)
    told = [
        f"{len(responses)} annotated responses; not annotated: {', '.join(skipped) or 'none'}",
        f"{n_counted / len(relevant):.2f} counted facts a response (S + NS); FActScore's score with gamma 10: {published.score:.4f}",
        f"{_n_details(responses) / n_supported:.2f} distinct details per supported claim (DETAILS_PER_CLAIM of the robust score)",
    ]
    return "\n".join([f"FActScore's human labels, {file.name}", *head, *rows, "", *told])


def _names(responses: Iterable[Labelled]) -> str:
    return ", ".join(response.topic for response in responses) or "none"


def _n_details(responses: list[Labelled]) -> int:
    known = [frozenset(words_of(response.topic)) | frozenset(words_of(response.prompt)) for response in responses]
    return sum(len(told_by(response.claims, response.topic, words)) for response, words in zip(responses, known, strict=True))
