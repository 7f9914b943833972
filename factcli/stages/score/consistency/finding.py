"""What needs all questions: thresholds, which questions are known, and what the scores are worth where truth is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.consistencyrows import QuestionAgreement, QuestionType, Threshold
from factcli.errors import InputError
from factcli.judge import known
from factcli.judge.calibration import RIGHT_FROM, Item, Judged
from factcli.judge.truths import Truths
from factcli.scorerows import Score
from factcli.stages.score.consistency.settings import METHOD_OF_RULE, ConsistencyConfig
from factcli.stages.score.consistency.sources import Question

NOT_AMONG = "not among the share of filter_size with the highest S_K"
PROMPT_SCORE = {"selfcheck": "selfcheck", "bsdetector": "bsdetector", "semantic-entropy": "neg_semantic_entropy"}


@dataclass(frozen=True, slots=True)
class Found:
    """Thresholds and types of all questions, in their order."""

    thresholds: tuple[Threshold, ...]
    types: tuple[QuestionType, ...]


def found(
    questions: Sequence[Question], measured: Mapping[str, QuestionAgreement], scores: Mapping[str, float | None], truths: Truths, config: ConsistencyConfig
) -> Found:
    """`measured` and `scores` (of the method that decides) are by question."""
    rights = {question.id: is_right(question, truths) for question in questions}
    thresholds = _thresholds(questions, measured, rights, truths, config)
    tau = {threshold.id: threshold.value for threshold in thresholds}
    rulings = {id: known.rule_of(one, config.rule, tau["tau_l"], tau["tau_k"]) for id, one in measured.items()}
    types = [
        QuestionType(question.id, *rulings[question.id], question.split, one.s_with_document, one.s_without_document, scores[question.id], rights[question.id])
        for question in questions
        for one in [measured[question.id]]
    ]
    return Found(thresholds, tuple(_of_size(types, config.filter_size)))


def is_right(question: Question, truths: Truths) -> bool | None:
    """Whether a model answers right without the document: most of its samples do, or its label says so. None where that is not known."""
    truth = truths.of_prompt(question.id, question.samples) if truths.is_known else None
    return None if truth is None else truth >= RIGHT_FROM


def _thresholds(
    questions: Sequence[Question], measured: Mapping[str, QuestionAgreement], rights: Mapping[str, bool | None], truths: Truths, config: ConsistencyConfig
) -> tuple[Threshold, ...]:
    """tau_l and tau_k, as given or as chosen. tau_l is chosen only where references have a truth; else it stays as given."""
    given = [
        Threshold("tau_l", config.tau_l, False, "given", "none", 0, 0, None, None),
        Threshold("tau_k", config.tau_k, False, "given", "none", 0, 0, None, None),
    ]
    if config.choose_on is None:
        return tuple(given)
    own = [question for question in questions if question.split == config.choose_on]
    of_k = [(s, right) for q in own if (s := measured[q.id].s_without_document) is not None and (right := rights[q.id]) is not None]
    if not of_k:
        raise InputError(
            f"no question of split {config.choose_on} has both samples and a known truth to choose tau_k on", "give --labels FILE, or the thresholds: --tau-k"
        )
    of_l = [
        (s, truth >= RIGHT_FROM)
        for q in own
        if (s := measured[q.id].s_with_document) is not None and q.reference is not None and (truth := truths.of_answer(q.reference)) is not None
    ]
    terms = config.criterion, config.target_precision, config.choose_on
    tau_l = known.threshold("tau_l", of_l, *terms) if of_l and config.tau_l is not None else given[0]
    return tau_l, known.threshold("tau_k", of_k, *terms)


def _of_size(types: Sequence[QuestionType], share: float) -> Iterator[QuestionType]:
    unknown = [(row.id, row.s_without_document) for row in types if row.type == "unknown" and row.s_without_document is not None]
    kept = known.kept_by_size(unknown, share)
    for row in types:
        is_left_out = share < 1 and row.type == "unknown" and row.id not in kept
        yield replace(row, type="filtered", reason=NOT_AMONG) if is_left_out else row


def deciding_score(config: ConsistencyConfig) -> str:
    """The score of a prompt that the rule looks at."""
    return PROMPT_SCORE[METHOD_OF_RULE[config.rule]]


def items(questions: Sequence[Question], scores: Iterable[Score], truths: Truths) -> Iterator[Item]:
    """Each value beside its truth. Answers with the document are not from memory: of answers they are left out."""
    by_id = {question.id: question for question in questions}
    truth_of = {answer.id: truths.of_answer(answer) for question in questions for answer in question.samples}
    truth_of |= {q.reference.id: truths.of_answer(q.reference) for q in questions if q.reference is not None and not q.with_document}
    truth_of_prompt = {question.id: truths.of_prompt(question.id, question.samples) for question in questions}
    for score in scores:
        question = by_id[score.prompt_id]
        if score.of == score.prompt_id:
            yield Item(score.name, "prompt", question.split, Judged(score.of, question.cluster, score.value, truth_of_prompt[score.of]))
        elif score.of in truth_of:
            yield Item(score.name, "answer", question.split, Judged(score.of, question.cluster, score.value, truth_of[score.of]))
