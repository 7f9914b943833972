"""Rows of questions about topics (`fact synth wiki`): what is asked, what a model answers with and without the document.

Ids grow by suffix: topic `t0042`, its chunk `t0042.c3`, the question asked of it `t0042.c3.q`, and of that the reference
`.ref`, samples with the document `.d0 .d1 ...`, without it `.s0 .s1 ...`, and the training example `.mix`.
A text that cannot be used is None, with its reason, and its place is kept: sample 3 is sample 3 in every table.
"""

from dataclasses import dataclass

from factcli.rows import Split


@dataclass(frozen=True, slots=True)
class Topic:
    """What questions are asked about. `split` none: its questions have their own."""

    id: str
    title: str
    category: str
    split: Split
    views: int | None  # None: not given
    line: int  # in the documents file; 0 for a topic without document
    n_words: int  # of the cleaned article
    n_unused_sentences: int  # beyond the chunks that were asked of


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a topic's article, one sentence a line, the article's first before it."""

    id: str
    topic_id: str
    place: int  # 0, 1, ... in the article
    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class TopicQuestion:
    """A question that was kept. `chunk_id` is "" for a model's own question, which has no document."""

    id: str
    topic_id: str
    title: str
    category: str
    split: Split
    chunk_id: str
    question: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The greedy answer that others are measured against; with the document where there is one."""

    id: str
    question_id: str
    with_document: bool
    text: str | None
    reason: str  # why there is no text; "" otherwise


@dataclass(frozen=True, slots=True)
class TopicSample:
    """One of K answers drawn at a temperature. A refusal is a sample like any other."""

    id: str
    question_id: str
    with_document: bool
    place: int  # 0 .. K-1
    text: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class MixtureExample:
    """A training example of the skill: to answer from a document, or from what the model knows."""

    id: str
    question_id: str
    topic_id: str
    category: str
    split: Split
    with_document: bool
    document: str  # "" where the answer is closed-book
    question: str
    answer: str
