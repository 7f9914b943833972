"""What a model says when it is asked again and again: answers to a question, continuations at an entity (spec §2.4, §2.5).

Settings are what is sent. The seed of a draw belongs to (seed, what is asked, number): whoever asks the same shares the answers, so
that two texts which say the same have the same confidence, and a run that goes on draws what it would have drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from factcli.artifact import Draft
from factcli.artifact.manifest import sha256_of
from factcli.backends.asking import Asker, rejected
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import Rows, Unit
from factcli.backends.requests import Request
from factcli.scorerows import Entity, ScoredAnswer, UnitQuestion, UnitSample
from factcli.stages.score.confidence.questions import kind_of
from factcli.stages.score.confidence.settings import ConfidenceConfig
from factcli.stages.score.confidence.source import Source
from factcli.stages.score.confidence.tokens import Tokens

CONTINUE, CONTINUE_TASK = "confidence/continue", "confidence/continue_task"
MOST_LETTERS = 32  # per token: of a text of 100,000 letters nobody looks at more before each of its entities
CONTEXT_LETTERS = 200  # of what stands before an entity, in front of what is compared
LEAST_BEFORE = 16  # tokens before an entity that a model must have room for
KEPT_FREE = 2  # positions, for what a model puts at the beginning


@dataclass(frozen=True, slots=True)
class Asked:
    """What one unit is sampled with, and what its samples are held against."""

    unit_id: str
    answer_id: str
    template: str
    values: Mapping[str, str]
    max_tokens: int
    stop: tuple[str, ...]
    expected: str
    context: str  # in front of the answers where they are compared
    same_as: str  # the unit of the same answer that asks the same before

    @property
    def prefix(self) -> str:
        """What the ids of its samples begin with."""
        return f"{self.unit_id}.q" if "question" in self.values else self.unit_id


def line_template(answer: ScoredAnswer, config: ConfidenceConfig) -> str:
    return "confidence/ask" if config.sampler.chat else f"confidence/lines_{kind_of(answer, config)}"


def templates_of(source: Source, config: ConfidenceConfig) -> list[str]:
    """Those that these answers need."""
    if config.units == "entities":
        return [CONTINUE, *([CONTINUE_TASK] if config.continue_as == "task" else [])]
    return sorted({line_template(answer, config) for answer in source.answers})


def asked_questions(source: Source, questions: Sequence[UnitQuestion], config: ConfidenceConfig) -> list[Asked]:
    answers = {answer.id: answer for answer in source.answers}
    first: dict[tuple[str, str], str] = {}
    found: list[Asked] = []
    for row in questions:
        before = first.setdefault((row.answer_id, row.question.casefold()), row.unit_id)
        template = line_template(answers[row.answer_id], config)
        found.append(
            Asked(
                row.unit_id, row.answer_id, template, {"question": row.question}, config.max_tokens, ("\n",),
                row.expected, row.question, "" if before == row.unit_id else before,
            )
        )  # fmt: skip
    return found


def fits(entity: Entity, tokens: Tokens) -> bool:
    """Whether the model can go on for as many tokens as the entity has, and reads something before it."""
    return tokens.room is None or _room_before(entity, tokens.room, tokens) >= LEAST_BEFORE


def asked_entities(source: Source, entities: Sequence[Entity], config: ConfidenceConfig, tokens: Tokens) -> list[Asked]:
    """Every place at which something is named is a unit of its own, also where the same is named twice."""
    answers = {answer.id: answer for answer in source.answers}
    template = templates_of(source, config)[-1]
    found: list[Asked] = []
    for entity in entities:
        answer = answers[entity.answer_id]
        most = config.prefix_tokens if tokens.room is None else min(config.prefix_tokens, _room_before(entity, tokens.room, tokens))
        start = max(0, entity.start - most * MOST_LETTERS)
        before = answer.text[start : entity.start].rstrip()
        if not f"{answer.prompt}{before}".strip():
            continue  # nothing to go on from: its confidence is None, and says so
        values = {"prompt": "" if start else answer.prompt, "before": before}
        asked = Asked(entity.id, answer.id, template, values, _length(entity, tokens), (), entity.text, _last_words(before), "")
        found.append(_fitted(asked, most, tokens))
    return found


def _room_before(entity: Entity, room: int, tokens: Tokens) -> int:
    return room - _length(entity, tokens) - KEPT_FREE


def _length(entity: Entity, tokens: Tokens) -> int:
    return tokens.count(f" {entity.text}")


def sample_units(asked: Sequence[Asked], sampler: Asker, config: ConfidenceConfig) -> Iterator[Unit]:
    """One for each unit of a text: all its draws are asked for at once."""
    for order, one in enumerate(asked):
        yield Unit(f"samples {one.unit_id}", order, partial(_drawn, one, sampler, config))


def samples_by_unit(draft: Draft) -> Iterator[tuple[str, list[str]]]:
    """The draws of each unit that has some, in order."""
    for rows in draft.journal.in_order():
        samples = rows.get("samples", ())
        if samples:
            yield samples[0]["unit_id"], [row["text"] for row in samples]


def _drawn(asked: Asked, sampler: Asker, config: ConfidenceConfig) -> Chain[Rows]:
    """A draw cut at its length counts: it is meant to be short. One that was refused is a row of `rejected`; one that failed ends the unit."""
    responses = yield [_request(asked, number, sampler, config) for number in range(config.samples)]
    rows: dict[str, list[object]] = {"samples": [], "origins": [], "rejected": []}
    for number, said in enumerate(responses):
        id_ = f"{asked.prefix}.a{number}"
        if said.outcome == "failed":
            answered(said)
        if said.outcome not in ("ok", "truncated"):
            rows["rejected"].append(rejected(id_, asked.template, f"answer {said.outcome}", said.text, said))
            continue
        rows["samples"].append(UnitSample(id_, asked.unit_id, number, _kept(said.text, asked, sampler.is_chat)))
        rows["origins"].append(sampler.origin(id_, "samples", asked.template, said))
    return {table: some for table, some in rows.items() if some}


def _request(asked: Asked, number: int, sampler: Asker, config: ConfidenceConfig) -> Request:
    named = sha256_of(dict(asked.values))[:16]
    request = sampler.ask(asked.template, named, asked.values, asked.max_tokens, config.temperature, config.top_p, number, stop=asked.stop)
    if sampler.is_chat:
        return request
    return replace(request, prompt=sampler.templates[asked.template].filled(asked.values)[-1][1].strip())


def _kept(text: str, asked: Asked, is_chat: bool) -> str:
    """To the end of its line; of a chat the first line with something on it. A continuation is kept whole."""
    if not asked.stop:
        return text.strip()
    return (text.strip() if is_chat else text).partition("\n")[0].strip()


def _fitted(asked: Asked, most: int, tokens: Tokens) -> Asked:
    """With at most `most` tokens before the entity: what is too long loses its beginning, first of the prompt, and ends where it ended."""
    whole = f"{asked.values['prompt']} {asked.values['before']}"
    if tokens.count(whole) <= most:
        return asked
    return replace(asked, template=CONTINUE, values={"prompt": "", "before": tokens.cut(whole, most)})


def _last_words(before: str) -> str:
    return before if len(before) <= CONTEXT_LETTERS else before[-CONTEXT_LETTERS:].partition(" ")[2]
