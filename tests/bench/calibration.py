"""How often a corrected score's interval holds what humans said: FActScore's labels cut into a card and a held-out half, many times.

Judges: noisy oracles (a label is passed on or turned round, each response with an ease of its own), and two rules that know no label.
The topics of the labelled file have no page among the passages at hand, so the lexical judge searches pages about other people: it is
meant to be weak. Intervals are of the mean human score of the held-out responses; goal: at least 93% of resamples.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli.judge.cards.figures import Opinion, both_of, held_out, measures_of, response_of
from factcli.knowledge.answer_files import GivenClaim, answers_of_file
from factcli.scorerows import AnswerClaim, ScoredAnswer

SHARED = Path(__file__).parents[3] / "shared" / "data"
LABELS = "factscore_labeled_instructgpt.jsonl"
PASSAGES = ("wikipedia_bio_passages.jsonl", "wikipedia_passages_2wiki.jsonl")
ORACLES = ((1.0, 1.0), (0.95, 0.9), (0.85, 0.75), (0.7, 0.6), (0.6, 0.5))  # sensitivity, specificity
EASE = 0.08  # standard deviation of both between responses
GOAL = 0.93
Labelled = Sequence[tuple[ScoredAnswer, Sequence[AnswerClaim]]]
JudgeOf = Callable[[ScoredAnswer, AnswerClaim], bool]


def labelled(path: Path) -> Labelled:
    """Every response with human claims."""
    answers = answers_of_file(path)
    return [(answer, _claims(answer, answers.given[answer.id].human)) for answer in answers.rows if answer.id in answers.given]


def _claims(answer: ScoredAnswer, given: Sequence[GivenClaim]) -> list[AnswerClaim]:
    return [AnswerClaim(f"{answer.id}.c{n}", answer.id, one.text, one.sentence, -1, -1, "given", label=one.label) for n, one in enumerate(given)]


def oracle(sensitivity: float, specificity: float, seed: int) -> JudgeOf:
    rng, ease = random.Random(seed), defaultdict[str, float](lambda: rng.gauss(0, EASE))

    def says(answer: ScoredAnswer, claim: AnswerClaim) -> bool:
        is_true = claim.label == "S"
        right = (sensitivity if is_true else specificity) + (ease[answer.id] if sensitivity < 1 else 0)
        return is_true if rng.random() < right else not is_true

    return says


def without_numbers(_: ScoredAnswer, claim: AnswerClaim) -> bool:
    """A rule that looks at nothing but the claim: dates and figures are what models get wrong."""
    return not re.search(r"\d", claim.text)


def lexical(claims: Sequence[AnswerClaim], folder: Path) -> JudgeOf:
    """Supported where the best passage of all (BM25) has at least half of the claim's words."""
    import bm25s

    rows = [json.loads(line) for name in PASSAGES for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    texts = [f"{row['title']} {text}" for row in rows for text in ([row["text"]] if isinstance(row["text"], str) else row["text"])]
    searched = bm25s.BM25()
    searched.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    best, _ = searched.retrieve(bm25s.tokenize([claim.text for claim in claims], show_progress=False), k=1, show_progress=False)
    words = [set(re.findall(r"\w+", text.casefold())) for text in texts]
    own = {claim.id: set(re.findall(r"\w+", claim.text.casefold())) for claim in claims}
    found = {claim.id: len(own[claim.id] & words[place]) >= len(own[claim.id]) / 2 for claim, (place,) in zip(claims, best, strict=True)}
    return lambda _, claim: found[claim.id]


def figures(answers: Labelled, judge: JudgeOf, resamples: int, seed: int) -> Mapping[str, Any]:
    """Of one judge: its rates, and each estimator's coverage, width and error."""
    responses = [
        response_of(answer, claims, [Opinion(claim.label, "supported" if judge(answer, claim) else "unsupported") for claim in claims], "counted")
        for answer, claims in answers
    ]
    both = both_of(responses)
    measures = {one.id: one.value for one in measures_of(responses)}
    return {"n": len(both), "measures": measures, "held_out": {one.id: one for one in held_out(both, resamples, seed)}}


def judges(answers: Labelled, folder: Path, seed: int) -> Iterator[tuple[str, JudgeOf]]:
    for sensitivity, specificity in ORACLES:
        yield f"oracle {sensitivity:.2f}/{specificity:.2f}", oracle(sensitivity, specificity, seed)
    yield "no number in it", without_numbers
    yield "BM25 and shared words", lexical([claim for _, claims in answers for claim in claims], folder)


def table(resamples: int = 1000, seed: int = 0, folder: Path = SHARED) -> str:
    if not (folder / LABELS).is_file():
        return f"calibration: {LABELS} is not there, nothing measured"
    answers = labelled(folder / LABELS)
    head = ["| judge | balanced accuracy | bias | estimator | coverage | mean width | mean error | without interval |", "|---|---|---|---|---|---|---|---|"]
    rows, least = [], defaultdict[str, float](lambda: 1.0)
    for name, judge in judges(answers, folder, seed):
        found = figures(answers, judge, resamples, seed)
        accuracy, bias = found["measures"]["balanced_accuracy"], found["measures"]["bias"]
        for one in found["held_out"].values():
            least[one.id] = min(least[one.id], one.coverage or 0.0)
            width, error = ("-" if value is None else f"{value:.3f}" for value in (one.mean_width, one.mean_error))
            rows.append(
                f"| {name} | {accuracy:.3f} | {bias:+.3f} | {one.id} | {100 * (one.coverage or 0):.1f}% | {width} | {error} | {one.n_without_interval} |"
            )
    told = [f"{name}: covers at least {100 * value:.1f}% (goal {100 * GOAL:.0f}%)" for name, value in least.items()]
    n = sum(any(claim.label for claim in claims) for _, claims in answers)
    return "\n".join([f"{n} labelled responses, {resamples} resamples of halves", *head, *rows, "", *told])


if __name__ == "__main__":
    print(table())
