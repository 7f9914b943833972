"""How a short question is put to a model, and what its answers become: in this process, or request by request behind a backend.

In this process many questions share a batch, and each answer is written as its batch ends; behind a backend each question is a unit
of `backends/filling.py`. Either way a run that was interrupted asks only what has no answer yet. `Asking.prompt` is the one place where
a question becomes what a model reads, and `Asking.completions` the one where a model in this process answers: ways of decoding go there.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factcli.artifact import Draft
from factcli.backends.chains import Chain, answered
from factcli.backends.completions import Completer, Completion, Prompt, Turn
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.backends.requests import Request, Response, Sampling
from factcli.judge.answers import graded
from factcli.knowledge.grounding import Grounds
from factcli.progress import Report
from factcli.rows import Answer, Chat, Origin, Question
from factcli.stages.eval.settings import ShortEvalConfig
from factcli.stages.eval.world import chat_prompt

TOGETHER = 2048  # questions given to a model in this process at once, of like length: many batches, and little lost by a kill
NEXT_QUESTION = "\nQuestion:"  # where a model that was taught no end of answers goes on to the next example


@dataclass(frozen=True, slots=True)
class Asking:
    """The form of the questions, and when an answer ends."""

    examples: tuple[Chat, ...] = ()
    instruction: str = ""
    max_tokens: int = 24
    stop: tuple[str, ...] = ("\n",)
    rule: str = "contains"  # by which answers are graded
    grounds: Grounds | None = None  # passages that each question comes with (decode rag)

    @classmethod
    def of(cls, config: ShortEvalConfig, examples: tuple[Chat, ...], rule: str, grounds: Grounds | None = None) -> "Asking":
        stop = ("\n",) if config.one_line else (NEXT_QUESTION,)
        return cls(examples, config.instruction, config.answer_tokens, stop, rule, grounds)

    def prompt(self, question: Question) -> Prompt:
        """What a model reads: the task's form, after examples, with the instruction before each question."""
        asked = self.grounds.asked(question.id, question.question) if self.grounds else question.question
        turns = chat_prompt(asked, self.examples)
        assert not isinstance(turns, str)
        return tuple(turn._replace(content=f"{self.instruction}\n{turn.content}") if self.instruction and turn.role == "user" else turn for turn in turns)

    def completions(self, model: Completer, questions: Sequence[Question], adapters: Sequence[str]) -> list[Completion]:
        """One completion per question of a model in this process."""
        return model.complete([self.prompt(question) for question in questions], self.max_tokens, self.stop, adapters)

    def answer(self, question: Question, text: str, confidence: float | None) -> Answer:
        return graded(question, text.strip(), confidence, self.rule)


def ask_in_process(draft: Draft, model: Completer, questions: Sequence[Question], asking: Asking, adapters: Sequence[str], report: Report) -> None:
    """Write the answer of each question that has none yet."""
    places = {question.id: place for place, question in enumerate(questions)}
    missing = sorted((q for q in questions if not draft.done(unit_of(q))), key=lambda q: (len(q.question), places[q.id]))
    for first in range(0, len(missing), TOGETHER):
        together = missing[first : first + TOGETHER]
        for question, said in zip(together, asking.completions(model, together, adapters), strict=True):
            draft.write(unit_of(question), places[question.id], {"answers": [asking.answer(question, said.text, said.probability())]})
        report.update(len(questions) - len(missing) + first + len(together), len(questions))


def unit_of(question: Question) -> str:
    return f"answer {question.id}"


def units_of(questions: Sequence[Question], asking: Asking, who: Answering, wants_logprobs: bool) -> Iterator[Unit]:
    """A unit per question, for a backend."""
    for place, question in enumerate(questions):
        yield Unit(unit_of(question), place, _Asked(question, asking, who, wants_logprobs))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question. An answer that was cut at its longest is graded as it is; one that the server or model refuses declines."""

    question: Question
    asking: Asking
    who: Answering
    wants_logprobs: bool

    def __call__(self) -> Chain[Rows]:
        prompt = self.asking.prompt(self.question)
        asked = prompt if self.who.config.chat or isinstance(prompt, str) else _as_task_text(prompt)
        sampling = Sampling(self.asking.max_tokens, stop=self.asking.stop)
        request = Request(f"eval {self.question.id}", asked, sampling, wants_logprobs=self.wants_logprobs, adapters=self.who.adapters, example="yes")
        said = (yield [request])[0]
        if said.outcome not in ("truncated", "refused"):
            answered(said)
        answer = self.asking.answer(self.question, "" if said.outcome == "refused" else said.text, _confidence(said))
        return {"answers": [answer], "origins": [Origin(answer.id, "answers", "", "", self.who.endpoint.model, said.key)]}


def _as_task_text(turns: tuple[Turn, ...]) -> str:
    """For a model that only continues text: the form that models without a chat template are asked in here (prompts/chat/qa.jinja)."""
    lines = [f"Question: {turn.content}\nAnswer:" if turn.role == "user" else f" {turn.content}\n\n" for turn in turns]
    return "".join(lines)


def _confidence(said: Response) -> float | None:
    """The probability of the answer's tokens, where they are told."""
    logprobs = [token.logprob for token in said.tokens if token.logprob is not None]
    return min(1.0, math.exp(sum(logprobs))) if logprobs else None
