"""The pairs that are trained on and evaluated, and why others are not."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from factcli.answerrows import Pair
from factcli.backends.asking import seed_of
from factcli.errors import InputError
from factcli.judge.pairlint.found import prompt_key
from factcli.prompts import TAGS
from factcli.rows import Reject, Split
from factcli.stages.dpo.settings import DpoConfig

STEP = "dpo"
NO_PROMPT, EMPTY, EQUAL, TIE = "no prompt", "an answer is empty", "chosen equals rejected", "a tie: margin 0"
RENDERED, AGAIN = "the prompt is in a chat template already", "the same pair again"
OF_MODELS = re.compile(r"<[|｜][^<>\s]{1,40}[|｜]>")  # <|user|>, <|im_start|>, <|start_header_id|>
STRICTEST: tuple[Split, ...] = ("test", "dev", "train", "none")  # a question with pairs of several splits is in the first of these
DRAW_MORE = "draw answers to train prompts, score them and make pairs: fact synth samples --set splits=[train,dev] ..., fact score ..., fact score pairs"


@dataclass(frozen=True, slots=True)
class Row:
    """A pair as the job has it. `weight`: of its loss; `margin`: by how much chosen is better, 0 where nobody knows."""

    id: str
    question_id: str
    prompt: str
    chosen: str
    rejected: str
    split: Split
    weight: float
    margin: float


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """Rows of the splits train and dev, pairs that became none, and the counts of what was done to them."""

    rows: tuple[Row, ...]
    rejects: tuple[Reject, ...]
    n_given: int
    n_flipped: int
    n_against_margin: int  # kept as they are, though their margin is below 0
    by_other_split: Mapping[str, int]  # pairs that are for measuring, or for nothing

    @property
    def n_train(self) -> int:
        return sum(row.split == "train" for row in self.rows)

    @property
    def n_dev(self) -> int:
        return len(self.rows) - self.n_train

    @property
    def n_questions(self) -> int:
        return len({row.question_id for row in self.rows if row.split == "train"})


def choose_rows(pairs: Iterable[Pair], config: DpoConfig, name: str) -> ChosenRows:
    """Raises InputError where none is left to train on, and where margins cannot do what the settings want of them."""
    given = list(pairs)
    turned = [_turned(pair) if config.flip and (pair.margin or 0) < 0 else pair for pair in given]
    kept, rejects = _sorted_out(turned)
    if not kept:
        raise _nothing(name, rejects)
    splits = _splits(kept, config)
    used = [replace(pair, split=splits[prompt_key(pair)]) for pair in kept]
    by_split = Counter(pair.split for pair in used)
    if not by_split["train"]:
        told = ", ".join(f"{n} of split {split}" for split, n in sorted(by_split.items()))
        raise InputError(f"{name} has no pair to train on: {told}", DRAW_MORE)
    if by_split["train"] == 1:
        raise InputError(f"{name} has one pair to train on, need 2 or more: a model would learn that one by heart", DRAW_MORE)
    rows = _weighed([pair for pair in used if pair.split in ("train", "dev")], config, name)
    n_against = sum((pair.margin or 0) < 0 for pair in kept)
    others: dict[str, int] = {split: n for split, n in sorted(by_split.items()) if split not in ("train", "dev")}
    return ChosenRows(tuple(rows), tuple(rejects), len(given), sum(new is not old for new, old in zip(turned, given, strict=True)), n_against, others)


def _turned(pair: Pair) -> Pair:
    """F-DPO's label flip (arXiv 2601.03027): the answer with the higher score is preferred."""
    return replace(
        pair, chosen=pair.rejected, rejected=pair.chosen, chosen_id=pair.rejected_id, rejected_id=pair.chosen_id, margin=-pair.margin if pair.margin else None
    )


def _sorted_out(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Reject]]:
    kept: list[Pair] = []
    rejects: list[Reject] = []
    seen: set[tuple[str, str, str]] = set()
    for pair in pairs:
        content = (pair.prompt, pair.chosen, pair.rejected)
        reason = AGAIN if content in seen else _fault(pair)
        seen.add(content)
        if reason:
            rejects.append(Reject(pair.id, STEP, reason, pair.chosen[:500]))
        else:
            kept.append(pair)
    return kept, rejects


def _fault(pair: Pair) -> str:
    """Why nothing can be learned from a pair, or an empty string."""
    if not pair.prompt.strip():
        return NO_PROMPT
    if not pair.chosen.strip() or not pair.rejected.strip():
        return EMPTY
    if pair.chosen.strip() == pair.rejected.strip():
        return EQUAL
    if pair.margin == 0:
        return TIE
    return RENDERED if TAGS.search(pair.prompt) or OF_MODELS.search(pair.prompt) else ""


def _nothing(name: str, rejects: Sequence[Reject]) -> InputError:
    reasons = Counter(reject.reason for reject in rejects)
    told = ", ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3)) or "it has none"
    way_out = "make pairs of answers that differ: fact score pairs --margin 0.1"
    if reasons[RENDERED] == len(rejects) > 0:
        way_out = "give the question alone: the chat template of the model that is trained is put around it"
    return InputError(f"{name} has no pair that can be trained on: {told}", way_out)


def _splits(pairs: Sequence[Pair], config: DpoConfig) -> dict[tuple[str, ...], Split]:
    """Split of each question by its words: the strictest of its pairs'; one without any is drawn."""
    found: dict[tuple[str, ...], set[Split]] = defaultdict(set)
    for pair in pairs:
        found[prompt_key(pair)].add(pair.split)
    splits = {key: next(split for split in STRICTEST if split in given) for key, given in found.items()}
    free = sorted((key for key, split in splits.items() if split == "none"), key=lambda key: (seed_of(config.seed, "split", *key), key))
    n_held_out = min(round(config.eval_share * len(free)), len(free) - 1)
    return splits | {key: "dev" if place < n_held_out else "train" for place, key in enumerate(free)}


def _weighed(pairs: Sequence[Pair], config: DpoConfig, name: str) -> Iterator[Row]:
    margins = [pair.margin for pair in pairs if pair.split == "train"]
    _require_margins(margins, config, name)
    mean = fmean(margin or 0 for margin in margins) if config.weights == "margin" else 1.0
    for pair in pairs:
        weight = max(pair.margin or 0, 0) / mean if config.weights == "margin" else 1.0
        yield Row(pair.id, pair.question_id, pair.prompt, pair.chosen, pair.rejected, pair.split, weight, pair.margin or 0.0)


def _require_margins(margins: Sequence[float | None], config: DpoConfig, name: str) -> None:
    """Raises InputError for pairs of the wrong sign or without a margin where the settings build on it."""
    if config.weights == "none" and not config.factual_margin:
        return
    setting = "weights = margin" if config.weights == "margin" else f"factual_margin = {config.factual_margin:g}"
    n_without, n_below = sum(margin is None for margin in margins), sum((margin or 0) < 0 for margin in margins)
    if n_without and (config.weights == "margin" or n_without == len(margins)):
        raise InputError(
            f"{setting}, but {n_without} of {len(margins)} train pairs of {name} have no margin",
            "only pairs of scores have one: fact score pairs; or --set weights=none --set factual_margin=0",
        )
    if n_below:
        raise InputError(
            f"{setting}, but {n_below} of {len(margins)} train pairs of {name} prefer the answer with the lower score",
            "turn those round: --set flip=true; or --set weights=none --set factual_margin=0",
        )
