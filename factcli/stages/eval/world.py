"""Ask a model closed-book questions and for biographies, and judge what it says by the world's ledger.

Three ways to ask (`Method.mode`). task: zero-shot in the task's own form, the one that training uses.
few_shot: the same after some question/answer pairs of training people. fill: the beginning of a statement,
to be ended, which needs no skill of answering; a biography is then filled sentence by sentence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from factcli.backends.completions import Completer, Completion, Prompt, Turn
from factcli.errors import InputError, SettingsError
from factcli.judge.answers import graded, is_abstention
from factcli.judge.ledger import Confidence, judge_biography
from factcli.knowledge.grounding import Grounds
from factcli.knowledge.ledger import Ledger
from factcli.rows import Answer, Chat, Claim, Question, Task
from factcli.world.grammar import REFERENCE, Form, Register, biography_form, register_forms
from factcli.world.people import RELATION_NAMES, keyed_rng

ANSWER_TOKENS = 24  # the longest value of the tiny world has 12
BIOGRAPHY_TOKENS = 240  # six sentences of the tiny world have about 90
VALUE_STOPS = (".", "\n")  # no value has a full stop


@dataclass(frozen=True, slots=True)
class Method:
    """How a model is asked. `suffix` ends the ids of its answers, so that two methods can share a table."""

    mode: Literal["task", "few_shot", "fill"] = "task"
    adapters: tuple[str, ...] = ()  # plugged in beside the base
    examples: tuple[Chat, ...] = ()  # for few_shot
    suffix: str = "a0"
    register: Register = "plain"  # of the statements that fill begins
    grounds: Grounds | None = None  # passages that each question comes with (decode rag)

    def __post_init__(self) -> None:
        if (self.mode == "few_shot") != bool(self.examples):
            raise SettingsError(f"mode {self.mode} has {len(self.examples)} examples; few_shot needs some, the others none")
        if self.mode == "fill" and self.grounds is not None:
            raise SettingsError("ask = fill: a statement to be ended has no place for passages", "use --set ask=task with --decode rag")

    def prompt(self, question: Question) -> Prompt:
        """The question in the task's form, after examples, and on passages where there are some."""
        return chat_prompt(self.grounds.asked(question.id, question.question) if self.grounds else question.question, self.examples)


class Biography(NamedTuple):
    """A biography as written, and how sure the model was of its characters."""

    text: str
    confidence: Confidence


def draw_examples(chats: Iterable[Chat], task: Task, k: int, seed: int) -> tuple[Chat, ...]:
    """`k` real training rows of a task, each of another subject, their relations in turn."""
    pool = [c for c in chats if c.task == task and c.split == "train" and not c.fictitious]
    keyed_rng(seed, "examples", task).shuffle(pool)
    chosen: list[Chat] = []
    while len(chosen) < k:
        taken = {chat.subject for chat in chosen}
        used = [_relation(chat) for chat in chosen]
        free = [chat for chat in pool if chat.subject not in taken]
        if not free:
            raise InputError(f"{k} examples of task {task} need as many training subjects; there are {len(chosen)}")
        chosen.append(min(free, key=lambda chat: used.count(_relation(chat))))
    return tuple(chosen)


def _relation(chat: Chat) -> str:
    return chat.fact_ids[0].rsplit(".", 1)[-1] if chat.task == "qa" else ""


def ask_questions(model: Completer, questions: Sequence[Question], method: Method, max_new_tokens: int = ANSWER_TOKENS) -> list[Answer]:
    """One graded answer per question, in their order."""
    _require_task(questions, "qa")
    if method.mode == "fill":
        said = _fill_questions(model, questions, method, max_new_tokens)
    else:
        prompts = [method.prompt(question) for question in questions]
        said = model.complete(prompts, max_new_tokens, stop=("\n",), adapters=method.adapters)
    return [graded(q, c.text.strip(), c.probability(), suffix=method.suffix) for q, c in zip(questions, said, strict=True)]


def ask_biographies(
    model: Completer, requests: Sequence[Question], method: Method, ledger: Ledger, max_new_tokens: int = BIOGRAPHY_TOKENS
) -> tuple[list[Answer], list[Claim]]:
    """One answer per request, and all their claims judged by the ledger."""
    answers, claims = [], []
    for request, written in zip(requests, write_biographies(model, requests, method, max_new_tokens), strict=True):
        answer = biography_answer(request, written, method)
        answers.append(answer)
        claims += judge_biography(answer, request.subject_name, ledger, written.confidence)
    return answers, claims


def write_biographies(model: Completer, requests: Sequence[Question], method: Method, max_new_tokens: int = BIOGRAPHY_TOKENS) -> list[Biography]:
    """One biography per request, not yet judged."""
    _require_task(requests, "bio")
    if method.mode == "fill":
        return _fill_biographies(model, requests, method)
    prompts = [method.prompt(request) for request in requests]
    said = model.complete(prompts, max_new_tokens, stop=("\nQuestion:",), adapters=method.adapters)
    return [Biography(completion.text.strip(), _stripped_confidence(completion)) for completion in said]


def _require_task(questions: Sequence[Question], task: Task) -> None:
    odd = [question.id for question in questions if question.task != task]
    if odd:
        raise InputError(f"{len(odd)} questions are not of task {task}, e.g. {odd[0]}")


def chat_prompt(question: str, examples: Sequence[Chat]) -> Prompt:
    """The question in the task's form, after examples of it."""
    turns = [turn for chat in examples for turn in (Turn("user", chat.question), Turn("assistant", chat.answer))]
    return (*turns, Turn("user", question))


def biography_answer(request: Question, written: Biography, method: Method) -> Answer:
    """The row of a biography: not graded, its claims are judged."""
    return Answer(
        id=f"{request.id}.{method.suffix}",
        question_id=request.id,
        task="bio",
        subject=request.subject,
        group=request.group,
        question=request.question,
        text=written.text,
        confidence=written.confidence(0, len(written.text)),
        is_abstention=is_abstention(written.text),
        grade=None,
        is_strict_match=None,
    )


def _stripped_confidence(completion: Completion) -> Confidence:
    blanks = len(completion.text) - len(completion.text.lstrip())
    return lambda start, end: completion.probability(start + blanks, end + blanks)


def _form_of(relation: str, register: Register) -> Form:
    """A statement's form: the one that a biography has, or the plainest of a register that is asked for."""
    if relation not in RELATION_NAMES:
        raise InputError(
            f"there is no statement to fill for relation {relation!r}",
            hint=f"filling the template knows {', '.join(RELATION_NAMES)}; ask in the task's form or few-shot",
        )
    return biography_form(relation) if register == "plain" else register_forms(relation, register)[0]


def _fill_questions(model: Completer, questions: Sequence[Question], method: Method, max_new_tokens: int) -> list[Completion]:
    """Each question's fact as the beginning of a statement; the answer ends where the statement's form does."""
    said: dict[str, Completion] = {}
    for relation in dict.fromkeys(question.relation for question in questions):
        form = _form_of(relation, method.register)
        asked = [question for question in questions if question.relation == relation]
        prompts = [form.prefix(question.subject_name) for question in asked]
        completions = model.complete(prompts, max_new_tokens, (form.suffix, *VALUE_STOPS), method.adapters)
        said.update((question.id, completion) for question, completion in zip(asked, completions, strict=True))
    return [said[question.id] for question in questions]


class _Filled(NamedTuple):
    start: int
    end: int
    probability: float


def _fill_biographies(model: Completer, requests: Sequence[Question], method: Method) -> list[Biography]:
    """Sentence by sentence in a biography's order: the form is given, the model ends it with a value."""
    texts, filled = [""] * len(requests), [list[_Filled]() for _ in requests]
    for position, relation in enumerate(RELATION_NAMES):
        form = _form_of(relation, method.register)
        starts = [form.prefix(REFERENCE if position else request.subject_name) for request in requests]
        prompts = [f"{text} {start}".lstrip() for text, start in zip(texts, starts, strict=True)]
        said = model.complete(prompts, ANSWER_TOKENS, (form.suffix, *VALUE_STOPS), method.adapters)
        for row, (prompt, completion) in enumerate(zip(prompts, said, strict=True)):
            value_at = len(prompt) + 1
            texts[row] = f"{prompt} {completion.text.strip()}{form.suffix}"
            filled[row].append(_Filled(value_at, len(texts[row]) - len(form.suffix), completion.probability()))
    return [Biography(text, _filled_confidence(values)) for text, values in zip(texts, filled, strict=True)]


def _filled_confidence(values: Sequence[_Filled]) -> Confidence:
    """Only the values were the model's: the product of those that have a character in the span."""

    def confidence(start: int, end: int) -> float:
        product = 1.0
        for value in values:
            product *= value.probability if value.start < end and value.end > start else 1.0
        return product

    return confidence
