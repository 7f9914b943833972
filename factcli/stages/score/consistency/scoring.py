"""What was said of the pairs of one question -> its scores. Higher is better: a score is 1 less the papers' S, or less their entropy.

selfcheck                1 - c_k of a sample, 1 - S of the reference and of the prompt (SelfCheckGPT; S_K of Self-Learning)
selfcheck_with_document  1 - S_L of the prompt: the samples with the document
bsdetector               beta * (1 - c_k) + (1 - beta) * s_k of a sample; beta * mean P(entail) + (1 - beta) * s of reference and prompt
neg_semantic_entropy     of the prompt, in nats
semantic_share           of a sample: the weight of the cluster that it is in
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from factcli.consistencyrows import QuestionAgreement
from factcli.judge import consistency
from factcli.judge.consistency import Agreement, Clusters, Read
from factcli.judge.entailment import Entailment
from factcli.scorerows import Score, ScoredAnswer
from factcli.stages.score.consistency.pairs import both_ways, by_sentence
from factcli.stages.score.consistency.settings import ConsistencyConfig, Form
from factcli.stages.score.consistency.sources import EMPTY, Question

Said = Mapping[tuple[str, str], Entailment | None]  # by premise and hypothesis; None: the pair does not fit the model
TOO_LONG = "too long for the entailment model"
NO_REFLECTION = "no usable opinion of the model on it"
NOT_COMPARED = "form all compares the samples with one another alone"
NOT_CLUSTERED = "only samples without the document are clustered"
NO_REFERENCE = "there is no reference"
EQUAL = Entailment(1.0, 0.0, 0.0)
Opinions = Mapping[str, float | None]  # by ScoredAnswer.id


@dataclass(frozen=True, slots=True)
class Agreements:
    """What the samples say of the reference, or of one another: how far they contradict (S), and how far they agree (o)."""

    contradiction: Agreement
    entailment: Agreement


@dataclass(frozen=True, slots=True)
class Scored:
    """The rows of one question, and what the rules look at."""

    scores: tuple[Score, ...]
    agreement: QuestionAgreement


def scored(question: Question, config: ConsistencyConfig, form: Form, said: Said, opinions: Opinions) -> Scored:
    """All scores of a question, a row for every answer and name: None with a reason where there is nothing."""
    of_samples = _agreements(question, config, form, said)
    with_document = _against_reference(question, question.with_document, config, said)
    clusters, why = _clusters(question, config, said)
    rows = _Rows(question, config, opinions)
    scores: list[Score] = []
    if "selfcheck" in config.methods:
        scores += rows.selfcheck(of_samples, with_document, form)
    confidence = rows.confidence(of_samples)
    if "bsdetector" in config.methods:
        scores += rows.bsdetector(of_samples, with_document, confidence, form)
    if "semantic-entropy" in config.methods:
        scores += rows.semantic(clusters, why)
    return Scored(tuple(scores), _row(question, of_samples.contradiction, with_document.contradiction, confidence, clusters))


def _row(question: Question, own: Agreement, read: Agreement, confidence: float | None, clusters: Clusters) -> QuestionAgreement:
    reasons = dict.fromkeys(agreement.reason for agreement in (own, read) if agreement.reason and agreement.by_sample_K)
    return QuestionAgreement(
        question.id,
        question.split,
        read.value,
        own.value,
        confidence,
        len(clusters.share_C) or None,
        clusters.entropy,
        clusters.by_logprobs,
        bool(question.with_document),
        "; ".join(reasons) or own.reason,
    )


def _agreements(question: Question, config: ConsistencyConfig, form: Form, said: Said) -> Agreements:
    if form == "reference":
        return _against_reference(question, question.samples, config, said)
    numbers = [number for number, sample in enumerate(question.samples) if sample.text.strip()]
    judged: dict[tuple[int, int], list[Entailment]] = {}
    for one, other in combinations(numbers, 2):
        found = _found(question.samples[one], question.samples[other], config, said)
        if found:
            judged[one, other] = found
    return _both(lambda read: consistency.each_other(len(question.samples), judged, read), config)


def _against_reference(question: Question, samples: Sequence[ScoredAnswer], config: ConsistencyConfig, said: Said) -> Agreements:
    reference = question.reference
    if reference is None or not reference.text.strip():
        reason = NO_REFERENCE if reference is None else f"no reference: {question.why.get(reference.id, EMPTY)}"
        nothing = Agreement(None, (None,) * len(samples), reason)
        return Agreements(nothing, nothing)
    judged = [_found(reference, sample, config, said) or None if sample.text.strip() else None for sample in samples]
    return _both(lambda read: consistency.against_reference(judged, read), config)


def _both(measure: Callable[[Read], Agreement], config: ConsistencyConfig) -> Agreements:
    return Agreements(measure(consistency.contradiction(config.neutral)), measure(consistency.entailment(config.neutral)))


def _found(one: ScoredAnswer, other: ScoredAnswer, config: ConsistencyConfig, said: Said) -> list[Entailment]:
    """What was said of each sentence of `one` and the whole of `other`; pairs that do not fit the model are left out."""
    answers = (said.get((pair.premise, pair.hypothesis)) for pair in by_sentence(one, other, config))
    return [answer for answer in answers if answer is not None]


def _clusters(question: Question, config: ConsistencyConfig, said: Said) -> tuple[Clusters, dict[str, str]]:
    """The samples by meaning; and of those that are in no cluster, why, by id."""
    samples = question.samples
    if "semantic-entropy" not in config.methods:
        return Clusters((None,) * len(samples), (), None, False), {}
    why = {sample.id: question.why.get(sample.id, EMPTY) for sample in samples if not sample.text.strip()}
    pairs: dict[tuple[int, int], tuple[Entailment, Entailment]] = {}
    for (place, one), (later, other) in combinations(enumerate(samples), 2):
        if one.id in why or other.id in why:
            continue
        asked = list(both_ways(question, one, other))
        answers = [said.get((pair.premise, pair.hypothesis)) for pair in asked] or [EQUAL, EQUAL]
        why |= {sample.id: TOO_LONG for sample, answer in zip((other, one), answers, strict=True) if answer is None}
        if answers[0] is not None and answers[1] is not None:
            pairs[place, later] = answers[0], answers[1]
    has_text_K = [sample.id not in why for sample in samples]
    found = consistency.cluster(has_text_K, pairs, config.equivalence)
    return consistency.clusters_of(found, [question.mean_logprobs.get(sample.id) for sample in samples], config.entropy), why


@dataclass(frozen=True, slots=True)
class _Rows:
    """Score rows of one question."""

    question: Question
    config: ConsistencyConfig
    opinions: Opinions

    def selfcheck(self, of_samples: Agreements, with_document: Agreements, form: Form) -> Iterator[Score]:
        own = of_samples.contradiction
        yield from self._of_reference("selfcheck", _less(own.value), own.reason, own.n, form)
        for group, agreement in ((self.question.with_document, with_document.contradiction), (self.question.samples, own)):
            for sample, value in zip(group, agreement.by_sample_K, strict=True):
                yield self._answer("selfcheck", sample, _less(value), agreement.reason or TOO_LONG, agreement.n)
        yield self._prompt("selfcheck", _less(own.value), own.reason, own.n, self.question.samples)
        if self.question.with_document:
            read = with_document.contradiction
            yield self._prompt("selfcheck_with_document", _less(read.value), read.reason, read.n, self.question.with_document)

    def confidence(self, of_samples: Agreements) -> float | None:
        """BSDetector's, of the prompt: the mean opinion of the samples counts."""
        known = [value for sample in self.question.samples if (value := self.opinions.get(sample.id)) is not None]
        return consistency.confidence(of_samples.entailment.value, sum(known) / len(known) if known else None, self.config.beta)

    def bsdetector(self, of_samples: Agreements, with_document: Agreements, confidence: float | None, form: Form) -> Iterator[Score]:
        beta, agreed, contradicted = self.config.beta, of_samples.entailment, of_samples.contradiction
        reference = self.question.reference
        own = consistency.confidence(agreed.value, self.opinions.get(reference.id), beta) if reference else None
        yield from self._of_reference("bsdetector", own, agreed.reason or NO_REFLECTION, agreed.n, form)
        for group, agreement in ((self.question.with_document, with_document.contradiction), (self.question.samples, contradicted)):
            for sample, c in zip(group, agreement.by_sample_K, strict=True):
                value = consistency.confidence(_less(c), self.opinions.get(sample.id), beta)
                yield self._answer("bsdetector", sample, value, agreement.reason or (TOO_LONG if c is None else NO_REFLECTION), agreement.n)
        yield self._prompt("bsdetector", confidence, agreed.reason or NO_REFLECTION, agreed.n, self.question.samples)

    def semantic(self, clusters: Clusters, why: Mapping[str, str]) -> Iterator[Score]:
        n = sum(number is not None for number in clusters.of_sample_K)
        for answer in (*((self.question.reference,) if self.question.reference else ()), *self.question.with_document):
            yield self._answer("semantic_share", answer, None, NOT_CLUSTERED, 0)
        for place, sample in enumerate(self.question.samples):
            yield self._answer("semantic_share", sample, clusters.share_of(place), why.get(sample.id, EMPTY), n)
        entropy = None if clusters.entropy is None else 0.0 - clusters.entropy
        yield self._prompt("neg_semantic_entropy", entropy, consistency.NO_SAMPLES, n, self.question.samples)

    def _of_reference(self, name: str, value: float | None, reason: str, n: int, form: Form) -> Iterator[Score]:
        """What samples say of the reference; where they were compared with one another, nothing."""
        reference = self.question.reference
        if reference is not None:
            is_compared = form == "reference"
            yield self._answer(name, reference, value if is_compared else None, reason if is_compared else NOT_COMPARED, n if is_compared else 0)

    def _answer(self, name: str, answer: ScoredAnswer, value: float | None, reason: str, n: int) -> Score:
        why = "" if value is not None else reason if answer.text.strip() else self.question.why.get(answer.id, EMPTY)
        return Score(f"{answer.id}.{name}", answer.id, self.question.id, name, value, why, n)

    def _prompt(self, name: str, value: float | None, reason: str, n: int, samples: Sequence[ScoredAnswer]) -> Score:
        n_missing = self.question.n_missing if samples is self.question.samples else 0
        return Score(
            f"{self.question.id}.{name}", self.question.id, self.question.id, name, value, "" if value is not None else reason, n, len(samples) - n + n_missing
        )


def _less(s: float | None) -> float | None:
    """The score for a share of contradiction."""
    return None if s is None else 1 - s
