"""One prompt of `fact synth beliefs`: the row that is made of what the model answered to it, or the reason why there is none."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from factcli.answerrows import Prompt, Sample, SelfTarget
from factcli.artifact import Artifact
from factcli.backends.asking import Asker, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.judge.beliefs import Belief, Sorted, of_claims, of_samples, sorted_by
from factcli.judge.claims.abstention import detected
from factcli.prompts import quoted
from factcli.rows import Chat
from factcli.scorerows import AnswerClaim, UnitConfidence
from factcli.stages.synth.beliefs.settings import SHORT, BeliefsConfig, Source
from factcli.stages.synth.book import Book
from factcli.stages.synth.checks import adds, states, tidy
from factcli.world.reader import read_biography
from factcli.world.texts import biography

REWRITE = "beliefs/rewrite"


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt with what the model answered to it."""

    prompt: Prompt
    samples: Sequence[Sample]

    @property
    def first(self) -> Sample:
        """The greedy reference where there is one, else the first draw."""
        return min(self.samples, key=lambda sample: (not sample.is_reference, sample.number))


def units(config: BeliefsConfig, source: Source, who: Answering | None) -> Iterator[Unit]:
    model = who.endpoint.model if who else ""
    asker = Asker(load_templates([REWRITE]), model, config.seed, config.generation.chat if who else True, who.adapters if who else ())
    claims = known_of(source)
    human = {chat.id: chat for chat in source.data.rows("chats", Chat)} if source.data is not None else {}
    for order, asked in enumerate(_asked(source.samples)):
        yield Unit(asked.prompt.id, order, partial(_chain, asked, config, source, claims, human.get(asked.prompt.id), asker))


def _asked(samples: Artifact) -> Iterator[Asked]:
    by_prompt: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples.rows("samples", Sample):
        by_prompt[sample.prompt_id].append(sample)
    for prompt in samples.rows("prompts", Prompt):
        yield Asked(prompt, by_prompt.get(prompt.id, []))


@dataclass(frozen=True, slots=True)
class Known:
    """The claims of scored answers, and the confidence in each."""

    claims: Mapping[str, Sequence[AnswerClaim]]  # by ScoredAnswer.id, which is the sample's
    confidences: Mapping[str, UnitConfidence]  # by claim


def known_of(source: Source) -> Known | None:
    if source.scores is None:
        return None
    by_answer: defaultdict[str, list[AnswerClaim]] = defaultdict(list)
    for claim in source.scores.rows("claims", AnswerClaim):
        by_answer[claim.answer_id].append(claim)
    return Known(by_answer, {row.unit_id: row for row in source.scores.rows("confidences", UnitConfidence)})


def _chain(asked: Asked, config: BeliefsConfig, source: Source, known: Known | None, human: Chat | None, asker: Asker) -> Chain[Rows]:
    """The row of one prompt, or the reason why there is none."""
    book, prompt = Book(asker), asked.prompt
    if config.method == "flame":
        _keep_flame(book, asked, config, human)
        return book.rows()
    if not asked.samples:
        book.reject(f"{prompt.id}.self", "samples", "no answer came", prompt.prompt)
    elif prompt.task in SHORT:
        _keep_short(book, asked, config, human)
    else:
        yield from _keep_long(book, asked, config, source, known, human)
    return book.rows()


def _keep_flame(book: Book, asked: Asked, config: BeliefsConfig, human: Chat | None) -> None:
    """The model's own answer, whole; of what is not about facts the data's."""
    prompt = asked.prompt
    if prompt.task in config.human_tasks:
        if human is None:
            book.reject(f"{prompt.id}.self", "data", "the data has no answer to it", prompt.prompt)
        else:
            _keep(book, asked, human.answer, SelfTarget(f"{prompt.id}.self", prompt.id, "human", "", None, 1, 1, "no"), human)
        return
    if not asked.samples:
        book.reject(f"{prompt.id}.self", "samples", "no answer came", prompt.prompt)
        return
    first = asked.first
    fault = _fault(first)
    if fault:
        book.reject(f"{prompt.id}.self", "samples", fault, first.text)
        return
    _keep(book, asked, first.text, SelfTarget(f"{prompt.id}.self", prompt.id, "self", first.id, None, 1, 1, "no"), human)


def _fault(sample: Sample) -> str:
    """Why an answer is nothing to learn; "" for one that is."""
    if sample.outcome == "truncated":
        return "cut at max_tokens"
    return "an abstention" if detected(sample.text, "own") else ""


def _keep_short(book: Book, asked: Asked, config: BeliefsConfig, human: Chat | None) -> None:
    """The answer that most samples give."""
    prompt = asked.prompt
    belief = of_samples(asked.samples)
    fault = "no answer says anything" if belief is None else "an abstention" if detected(belief.text, "own") else ""
    if belief is None or fault:
        book.reject(f"{prompt.id}.self", "samples", fault, belief.text if belief else "")
        return
    found = sorted_by([belief], config.least)
    if not _told(book, found):
        return
    _keep(book, asked, belief.text, SelfTarget(f"{prompt.id}.self", prompt.id, "self", belief.id, belief.confidence, 1, 1, "no"), human)


def _told(book: Book, found: Sorted) -> bool:
    """Whether anything is believed; what is not becomes a row of `rejected`."""
    for belief, why in found.left_out:
        book.reject(belief.id, "belief", why, belief.text)
    return bool(found.kept)


def _keep_long(book: Book, asked: Asked, config: BeliefsConfig, source: Source, known: Known | None, human: Chat | None) -> Chain[None]:
    """The answer written anew from the claims that are believed."""
    prompt, first = asked.prompt, asked.first
    assert known is not None, "the command looks for scores where there are long answers"
    claims = known.claims.get(first.id, ())
    beliefs = of_claims(claims, known.confidences, config.by)
    if not beliefs:
        book.reject(f"{prompt.id}.self", "claims", "no claim was scored", first.text)
        return
    found = sorted_by(beliefs, config.least)
    if not _told(book, found):
        book.reject(f"{prompt.id}.self", "belief", "no claim is believed", first.text)
        return
    writer, text = source.writer(config), ""
    if writer == "world":
        text = of_world(found.kept, prompt.topic)
    elif writer == "model":
        text = yield from _by_model(book, prompt, found.kept, config)
    if not text:
        writer, text = "claims", " ".join(belief.text for belief in found.kept)
    _keep(book, asked, text, SelfTarget(f"{prompt.id}.self", prompt.id, "self", first.id, found.confidence, len(beliefs), len(found.kept), writer), human)


def of_world(beliefs: Sequence[Belief], name: str) -> str:
    """The world's own biography of these claims about somebody; the first of two about one relation. "" where the grammar reads none."""
    values: dict[str, str] = {}
    for belief in beliefs:
        for claim in read_biography(belief.text, name).claims:
            values.setdefault(claim.relation, claim.value)
    return biography(values)


def _by_model(book: Book, prompt: Prompt, beliefs: Sequence[Belief], config: BeliefsConfig) -> Chain[str]:
    """As a model writes it; "" where it adds a value or leaves one out, which is kept as a reject."""
    texts = [belief.text for belief in beliefs]
    values = {"question": quoted(prompt.prompt), "claims": quoted("\n".join(f"- {text}" for text in texts)), "plain": " ".join(texts)}
    said = (yield [book.asker.ask(REWRITE, prompt.id, values, config.max_tokens)])[0]
    if not book.usable(f"{prompt.id}.self", REWRITE, said):
        return ""
    text = tidy(said.text)
    fault = "empty" if not text else "adds a value" if adds(text, texts, prompt.topic) else ""
    if not fault and not all(states(text, one, prompt.topic) for one in texts):
        fault = "leaves a claim out"
    if fault:
        book.reject(f"{prompt.id}.self", REWRITE, fault, text, said)
        return ""
    book.tables.setdefault("origins", []).append(book.asker.origin(f"{prompt.id}.self", "chats", REWRITE, said))
    return text


def _keep(book: Book, asked: Asked, answer: str, target: SelfTarget, human: Chat | None) -> None:
    """The task row: group and popularity of the data's own row, where there is one."""
    prompt = asked.prompt
    split = "train" if prompt.split == "none" else prompt.split
    group, popularity = (human.group, human.popularity) if human else ("mid", 0)
    subject = prompt.subject or prompt.topic
    task = human.task if human else "qa" if prompt.task in SHORT else "bio"
    facts = human.fact_ids if human and target.source == "human" else ()
    book.keep("chats", Chat(target.id, task, prompt.prompt, answer, subject, facts, 0, False, group, split, popularity), {})
    book.keep("targets", target, {})
