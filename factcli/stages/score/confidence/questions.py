"""A claim becomes a question that tests it (FactTune, arXiv 2311.08401, spec §2.3), and perhaps the answer that it gives to that.

By a language model, with demonstrations; or, of answers about a world, in the question form that the world's benchmark asks the same
fact in: no language model is needed, and the claim's value is what the answer says. A short answer to a question is asked for again
in the words in which it was asked for.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from factcli.artifact import Draft
from factcli.backends.asking import Asker, rejected
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import Rows, Unit
from factcli.backends.requests import Response
from factcli.judge.clusters import words_of
from factcli.prompts import quoted
from factcli.rows import Reject
from factcli.scorerows import AnswerClaim, ScoredAnswer, UnitQuestion
from factcli.stages.score.confidence.settings import ConfidenceConfig, Kind
from factcli.stages.score.confidence.source import Claims, Source
from factcli.world import texts
from factcli.world.reader import read_biography

WORLD = "confidence/world"  # the step that a claim is rejected at which the world's grammar cannot read
KINDS: tuple[Kind, ...] = ("bio", "medical", "general")
# What a model may write before a line, bare or bold. What follows another claim or topic is an example of its own and not for us.
_LABEL = re.compile(r"^[\s*_#>-]*(question|answer|claim|statement|topic)[*_]*\s*:\s*[*_]*", re.IGNORECASE)
_AROUND = " \t*_\"'“”`"


class Written(NamedTuple):
    """What was read out of a model's answer."""

    question: str
    expected: str


def kind_of(answer: ScoredAnswer, config: ConfidenceConfig) -> Kind:
    """Whose demonstrations it is shown."""
    if config.kind is not None:
        return config.kind
    return "bio" if answer.task == "bio" else "medical" if answer.task == "medical" else "general"


def template_of(kind: Kind, config: ConfidenceConfig) -> str:
    return f"confidence/question_answer_{kind}" if config.expected else f"confidence/question_{kind}"


def templates_of(source: Source, config: ConfidenceConfig) -> list[str]:
    """Those that these answers need."""
    return sorted({template_of(kind_of(answer, config), config) for answer in source.answers})


def model_units(source: Source, claims: Claims, asker: Asker, config: ConfidenceConfig) -> Iterator[Unit]:
    """One for each claim; one for each answer where claims are shown with the questions of those before them."""
    order = 0
    for answer in source.answers:
        own = claims.get(answer.id, ())
        if config.context and own:
            yield Unit(f"questions {answer.id}", order, partial(_in_turn, answer, own, asker, config))
        for claim in () if config.context else own:
            yield Unit(f"question {claim.id}", order, partial(_asked, answer, claim, (), asker, config))
            order += 1
        order += len(own) if config.context else 0


def write_world(draft: Draft, source: Source, claims: Claims) -> None:
    """The questions that need no language model."""
    order = 0
    for answer in source.answers:
        for claim in claims.get(answer.id, ()):
            if not draft.done(f"question {claim.id}"):
                draft.write(f"question {claim.id}", order, of_world(source, answer, claim))
            order += 1


def of_world(source: Source, answer: ScoredAnswer, claim: AnswerClaim) -> Rows:
    """The question that the world's benchmark asks the claim's fact in; a row of `rejected` where the claim cannot be read."""
    if answer.task == "qa":
        return {"questions": [UnitQuestion(f"{claim.id}.q", claim.id, answer.id, _on_one_line(answer.prompt), claim.text, "prompt")]}
    name = source.people.get(answer.subject, "")
    read = read_biography(claim.text, name).claims if name else ()
    if len(read) != 1:
        reason = "not one claim of the world's grammar" if name else "about nobody of the world"
        return {"rejected": [Reject(f"{claim.id}.q", WORLD, reason, claim.text)]}
    form = texts.question_form_index(f"{answer.subject}.{read[0].relation}")
    asked = texts.question(read[0].relation, name, form)
    return {"questions": [UnitQuestion(f"{claim.id}.q", claim.id, answer.id, asked, read[0].value, "world")]}


def read_question(text: str, claim: str, wants_answer: bool) -> Written | str:
    """The question, and the expected answer where one is wanted; or, as a text, why there is none."""
    lines = _by_label(text)
    question = lines.get("question", "")
    expected = lines.get("answer", "") if wants_answer else ""
    if not question:
        return "no question"
    if words_of(question) == words_of(claim):
        return "the claim itself"
    if wants_answer and not expected:
        return "no expected answer"
    if expected and _stands_in(words_of(expected), words_of(question)) and words_of(expected)[0] not in ("yes", "no"):
        return "gives the answer away"
    return Written(question, expected)


def _asked(answer: ScoredAnswer, claim: AnswerClaim, shown: Sequence[tuple[str, str]], asker: Asker, config: ConfidenceConfig) -> Chain[Rows]:
    template = template_of(kind_of(answer, config), config)
    topic = answer.topic or answer.prompt or "not said"
    values = {"topic": quoted(topic), "context": _context(shown), "claim": quoted(claim.text)}
    said = (yield [asker.ask(template, f"{claim.id}.q", values, config.question_tokens)])[0]
    return _rows(claim, said, template, asker, config)


def _rows(claim: AnswerClaim, said: Response, template: str, asker: Asker, config: ConfidenceConfig) -> Rows:
    id_ = f"{claim.id}.q"
    if said.outcome == "failed":
        answered(said)
    if said.outcome != "ok":
        return {"rejected": [rejected(id_, template, f"answer {said.outcome}", said.text, said)]}
    written = read_question(said.text, claim.text, config.expected)
    if isinstance(written, str):
        return {"rejected": [rejected(id_, template, written, said.text, said)]}
    row = UnitQuestion(id_, claim.id, claim.answer_id, written.question, written.expected, "model")
    return {"questions": [row], "origins": [asker.origin(id_, "questions", template, said)]}


def _in_turn(answer: ScoredAnswer, claims: Sequence[AnswerClaim], asker: Asker, config: ConfidenceConfig) -> Chain[Rows]:
    """Each claim after the `context` pairs before it: fewer at the beginning, where the original took pairs from the end of the list."""
    pairs: list[tuple[str, str]] = []
    found: dict[str, list[Any]] = {}
    for claim in claims:
        rows = yield from _asked(answer, claim, pairs[-config.context :], asker, config)
        pairs += [(claim.text, row.question) for row in rows.get("questions", ())]
        for table, some in rows.items():
            found.setdefault(table, []).extend(some)
    return found


def _context(shown: Sequence[tuple[str, str]]) -> str:
    return "".join(f"An earlier claim:\n{quoted(claim)}\nIts question:\n{quoted(question)}\n" for claim, question in shown)


def _by_label(text: str) -> dict[str, str]:
    """The first line of each label, up to another claim or topic. The first line of all is the question, where none is called so."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        match = _LABEL.match(line)
        label = match[1].lower() if match else "" if found else "question"
        if label in ("claim", "statement", "topic") or (label == "question" and label in found):
            break
        content = _on_one_line(line[match.end() :] if match else line).strip(_AROUND)
        if label and content:
            found.setdefault(label, content)
    return found


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _stands_in(words: Sequence[str], longer: Sequence[str]) -> bool:
    return any(tuple(longer[start : start + len(words)]) == tuple(words) for start in range(len(longer) - len(words) + 1)) if words else False
