"""One row asked: after each set of examples once greedily and several times with draws; how many answers are right.

Without examples each question that the data have for the row's fact takes the place of a set.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from factcli.backends.asking import seed_of
from factcli.backends.chains import Chain, answered, unusable
from factcli.backends.completions import Prompt, Turn
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.backends.requests import Request, Response, Sampling
from factcli.comparisonrows import AuditedRow
from factcli.judge.answers import grade_answer
from factcli.judge.knowing import KEPT, known_of
from factcli.rows import Chat, Origin
from factcli.stages.audit.rows import Examples, Source
from factcli.stages.audit.settings import AuditConfig

STEP = "audit"  # in place of a template: examples and question stand as the data have them


def units(config: AuditConfig, source: Source, who: Answering) -> Iterator[Unit]:
    examples = Examples(source.pool, config)
    for place, row in enumerate(source.short):
        yield Unit(row.id, place, _Asked(config, row, source, examples, who))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row and all that is asked about it."""

    config: AuditConfig
    row: Chat
    source: Source
    examples: Examples
    who: Answering

    def __call__(self) -> Chain[Rows]:
        config, row = self.config, self.row
        said = yield [request for number in range(self._n_sets) for request in self._requests(number)]
        told = [_told(one) for one in said]
        n_each = 1 + config.samples
        greedy, drawn = told[::n_each], [one for place, one in enumerate(told) if place % n_each]
        shares = [sum(self._is_right(text) for text in texts) / len(texts) if texts else None for texts in (greedy, drawn)]
        known = known_of(shares[0] or 0.0, shares[1])
        is_left_out = known not in KEPT[config.keep]
        audited = AuditedRow(
            id=row.id,
            task=row.task,
            subject=row.subject,
            group=row.group,
            question=row.question,
            answer=row.answer,
            known=known,
            share_greedy=shares[0],
            share_sampled=shares[1],
            greedy=greedy[0],
            is_fictitious=row.fictitious,
            is_left_out=is_left_out,
            reason=f"{known}: only {config.keep} is kept" if is_left_out else "",
            n_asked=len(told),
        )
        origins = [Origin(row.id, "rows", STEP, "", self.who.endpoint.model, one.key) for one in said]
        return {"rows": [audited], "origins": origins}

    def _is_right(self, text: str) -> bool:
        return grade_answer(text, self.source.accepted[self.row.id]).grade == "right"

    @property
    def _n_sets(self) -> int:
        return self.config.prompts if self.config.shots else len(self.source.forms[self.row.id])

    def _requests(self, number: int) -> Iterator[Request]:
        """Greedy first. Rows that ask the same share its answers."""
        config, prompt = self.config, self._prompt(number)
        drawn_by = f"{self.row.id} {number}" if config.shots else self.source.forms[self.row.id][number]
        for sample in range(-1, config.samples):
            temperature = 0.0 if sample < 0 else config.temperature
            seed = None if sample < 0 else seed_of(config.seed, STEP, drawn_by)
            sampling = Sampling(config.max_tokens, temperature, 1.0, seed, ("\n",))
            yield Request(f"{STEP} {self.row.id}.{number}.{sample}", prompt, sampling, max(0, sample), adapters=self.who.adapters, example=self.row.answer)

    def _prompt(self, number: int) -> Prompt:
        """Turns for a chat; for a model that only continues text, lines that end where the answer begins."""
        shown = self.examples.of(self.row, number) if self.config.shots else ()
        question = self.row.question if self.config.shots else self.source.forms[self.row.id][number]
        if not self.config.generation.chat:
            return "".join(f"Question: {one.question}\nAnswer: {one.answer}\n\n" for one in shown) + f"Question: {question}\nAnswer:"
        turns = [turn for one in shown for turn in (Turn("user", one.question), Turn("assistant", one.answer))]
        return (*turns, Turn("user", question))


def _told(said: Response) -> str:
    """An answer that is cut may still hold the value; an empty one says nothing, which is not right."""
    if said.outcome != "truncated":
        answered(said)
    if said.outcome == "truncated" and not said.text.strip():
        raise unusable(said, "empty")
    return said.text.strip()
