"""The rows that training on preference pairs leaves: its steps, evaluations, reference, samples; and the rounds of a loop of it."""

from dataclasses import dataclass
from typing import Literal

from factcli.rows import Split


@dataclass(frozen=True, slots=True)
class PreferenceStep:
    """One optimizer step (split train), or an evaluation of all dev pairs after it (split dev).

    Means over pairs; log-probabilities in nats, summed over an answer's tokens. A log-ratio is policy less reference log-probability,
    a reward beta times it; `accuracy` is the share of pairs whose chosen answer has the higher one, whatever the loss compares (means
    over tokens, or the policy alone). `kl` estimates KL(reference || policy) per answer: the mean over both answers of reference less
    policy, which is that of answers that the reference drew.
    """

    step: int
    split: Literal["train", "dev"]
    pairs_seen: int
    n_pairs: int
    loss: float
    accuracy: float
    margin: float  # of rewards
    reward_chosen: float
    reward_rejected: float
    logp_chosen: float
    logp_rejected: float
    kl: float
    lr: float | None = None
    grad_norm: float | None = None
    logratio_chosen: float | None = None  # None in tables of earlier versions
    logratio_rejected: float | None = None


@dataclass(frozen=True, slots=True)
class ReferenceLogp:
    """What the reference gives both answers of a pair: summed log-probability in nats, tokens with the end token."""

    pair_id: str
    chosen: float
    rejected: float
    n_chosen: int
    n_rejected: int
    split: Split


@dataclass(frozen=True, slots=True)
class EvalSample:
    """What the policy answered, greedily, to a dev prompt after a step."""

    id: str
    step: int
    question_id: str
    prompt: str
    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Round:
    """One round of GRATH: what it was trained on, what the gate measured, whether it was kept.

    Figures are of the dev prompts, answered greedily. `kl`: of the round's model from the loop's start, nats per answer.
    """

    round: int
    start: str  # artifact whose adapter it began with
    reference: str
    pairs: int
    new_correct: int  # pairs whose correct answer is of this round
    model: str  # artifact that it made
    accepted: bool
    reason: str  # why it was rejected; "" if accepted
    dev_pair_accuracy: float | None  # of held-out pairs of round 0: chosen above rejected by summed log-probability
    dev_accuracy: float | None  # of questions with known answers, where there are some
    kl: float | None
    mean_tokens: float | None
    repetition: float | None  # share of answers that repeat themselves
    refusals: float | None  # share of answers that abstain
    empty: float | None = None  # share of answers without a word


@dataclass(frozen=True, slots=True)
class DriftAnswer:
    """What a model of the loop answered, greedily, to a dev question.

    `kl`: KL(model || the loop's start) in nats, of the whole distribution at each of the answer's tokens, summed over them.
    """

    id: str
    question_id: str
    question: str
    text: str
    n_tokens: int
    kl: float
    is_empty: bool
    is_refusal: bool
    is_repetition: bool
    grade: Literal["right", "wrong", "abstained"] | None  # None where no right answer is known
    grade_by: Literal["answer", "choice", ""]  # the answer holds the right one; or of the file's choices the right one is likeliest


@dataclass(frozen=True, slots=True)
class DriftPair:
    """Summed log-probability in nats that a model of the loop gives both answers of a held-out pair of round 0."""

    pair_id: str
    chosen: float
    rejected: float


@dataclass(frozen=True, slots=True)
class Drift:
    """A model of the loop on the dev questions: means over its answers, shares of them, and of held-out pairs."""

    model: str
    n_answers: int
    kl: float  # nats per answer, from the loop's start
    mean_tokens: float
    repetition: float
    refusals: float
    empty: float
    accuracy: float | None
    n_graded: int
    pair_accuracy: float | None
    n_pairs: int
