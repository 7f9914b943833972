"""Accuracy against popularity where that is no handful of groups but a law: by tenths of the people who were asked about."""

from collections.abc import Iterable, Sequence

from factcli.judge.metrics import Metric, accuracy_items, row
from factcli.rows import Answer, Question
from factcli.stats import share

METRIC = "qa.accuracy_by_popularity"
TENTHS = 10


def popularity_metrics(answers: Sequence[Answer], questions: Iterable[Question]) -> list[Metric]:
    """One row per tenth of the subjects with any popularity, best known first; a group says its range of page views. Facts with a myth are left out."""
    views = {question.subject: question.popularity for question in questions if question.popularity > 0}
    ranked = sorted(views, key=lambda subject: (-views[subject], subject))
    rows: list[Metric] = []
    for tenth in range(TENTHS):
        first, end = (len(ranked) * edge // TENTHS for edge in (tenth, tenth + 1))
        members = set(ranked[first:end])
        own = [answer for answer in answers if answer.subject in members and answer.group != "myth"]
        if own:
            group = f"views {views[ranked[end - 1]]}-{views[ranked[first]]}"
            rows.append(row(METRIC, group, share(accuracy_items(own))))
    return rows
