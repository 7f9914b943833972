"""Settings of `fact synth wiki`; the defaults are those of Self-Learning's last version (spec §4.3)."""

from typing import Literal, NamedTuple

from pydantic import model_validator

from factcli.backends.settings import GenerationConfig
from factcli.config import Config, setting
from factcli.rows import Split

Draw = Literal["random", "views", "near"]
Own = Literal["open", "induced", "random"]


class Words(NamedTuple):
    """The templates of the steps that have a document."""

    question: str
    read: str
    recall: str
    teach_read: str
    teach_recall: str


FULL = Words("wiki/question", "wiki/read", "wiki/recall", "wiki/teach_read", "wiki/teach_recall")
# In the few words of `fact synth forms`. A model that was taught them needs no demonstrations, so teaching asks the same.
TERSE = Words("wiki/terse_question", "wiki/terse_read", "wiki/terse_recall", "wiki/terse_read", "wiki/terse_recall")


class WikiConfig(Config):
    """What is asked, of whom, and how often."""

    terse: bool = setting(False, "Ask in the few words of `fact synth forms`, for a model that was taught them; no demonstrations.")
    people: tuple[Split, ...] = setting(("train",), "With --world: people to ask about, by split.")
    facts_per_chunk: int = setting(6, "With --world: facts that one passage states; a person has as many passages as that takes.", ge=1)
    min_words: int = setting(512, "An article needs more words than this.", ge=0)
    draw: Draw = setting("random", "How titles are chosen: random, views (most viewed first) or near (nearest to given names).")
    topics: int | None = setting(None, "Topics in all, people of a world (drawn), or own questions; null: all there are, and 3,000 own questions.", ge=1)
    test_topics: int = setting(10, "Topics per category that are kept for test, or that give their first question to it.", ge=0)
    test_draw: Literal["random", "near"] = setting(
        "random", "How test topics are chosen: random in each category, or near: the nearest other topic of each of the first test_topics."
    )
    split: Literal["topic", "question"] = setting("topic", "Whether whole topics are kept for test, or one question of each.")
    chunk_tokens: int = setting(512, "Tokens of a chunk at most; words, unless a tokenizer is given.", ge=16)
    questions_per_topic: int = setting(8, "Chunks that are asked of, one question each.", ge=1)
    test_questions_per_topic: int = setting(2, "The same for a topic that is kept for test.", ge=1)
    question_tokens: int = setting(64, "Tokens of a question at most.", ge=1)
    question_temperature: float = setting(0.5, "Temperature at which questions are drawn; 0: greedy, and asked once.", ge=0, le=2)
    question_tries: int = setting(3, "Times that a question is asked for, with another seed each.", ge=1, le=20)
    max_overlap: float = setting(0.5, "ROUGE-L F1 with a question kept before in its topic, above which one is a duplicate.", ge=0, le=1)
    own: Own | None = setting(None, "The model's own questions: open, induced (six question words) or random (a point in word space).")
    own_temperature: float = setting(1.0, "Temperature of own topics and questions.", ge=0, le=2)
    own_answer_tokens: int = setting(128, "Tokens of an answer to an own question at most.", ge=1)
    references: bool = setting(True, "Write the greedy answer to each question.")
    samples: int = setting(10, "Answers drawn to each training question, with the document and as many without; 0: none.", ge=0)
    answer_tokens: int = setting(384, "Tokens of an answer at most.", ge=1)
    document_temperature: float = setting(0.7, "Temperature of samples with the document.", ge=0, le=2)
    sample_temperature: float = setting(1.0, "Temperature of samples without it.", ge=0, le=2)
    top_p: float = setting(0.9, "Share of the probability that samples are drawn from.", gt=0, le=1)
    repetition_penalty: float | None = setting(None, "Of answers, e.g. 1.1; the server must have it. null: none is sent.", gt=0, le=2)
    mixture: bool = setting(True, "Write training examples: some answers with the document, the others without.")
    with_document_each: int = setting(3, "One in so many training examples is answered with the document; 0: none.", ge=0)
    mixture_temperature: float = setting(0.3, "Temperature of training examples.", ge=0, le=2)
    mixture_tries: int = setting(5, "Times that a training example is asked for, with another seed each.", ge=1, le=20)
    seed: int = setting(0, "Seed of every draw.", ge=0)
    generation: GenerationConfig = GenerationConfig()

    @model_validator(mode="after")
    def _own_questions_have_no_titles(self) -> "WikiConfig":
        if self.own and self.draw != "random":
            raise ValueError(f"own = {self.own} goes without titles, and draw = {self.draw} chooses among them")
        if self.own and self.test_draw != "random":
            raise ValueError(f"own = {self.own} goes without titles, and test_draw = {self.test_draw} chooses among them")
        if self.own and self.terse:
            raise ValueError(f"own = {self.own} has no terse words: a model that asks itself follows instructions")
        return self

    @property
    def words(self) -> Words:
        return TERSE if self.terse else FULL
