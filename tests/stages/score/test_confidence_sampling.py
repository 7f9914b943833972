"""What an entity is continued from, where the sampled model reads only so much."""

from factcli.scorerows import Entity, ScoredAnswer
from factcli.stages.score.confidence.sampling import asked_entities, fits
from factcli.stages.score.confidence.settings import ConfidenceConfig
from factcli.stages.score.confidence.source import Source
from factcli.stages.score.confidence.tokens import Tokens


def words(room: int) -> Tokens:
    """Of a model whose tokens are words."""
    return Tokens(lambda text: len(text.split()), lambda text, n: " ".join(text.split()[-n:]), room)


def test_a_long_entity_takes_no_context_from_the_others() -> None:
    """40 positions. Rome: one token, and 1 + 2 kept free, so that the 4 tokens before it stand whole. Of 20 tokens: 18 before them."""
    long = " ".join(["Xu"] * 20)
    text = f"{'so ' * 30}she met {long} in Rome."
    answer = ScoredAnswer("a", "p", "", "", text)
    entities = [Entity("a.n0", "a", long, text.index("Xu"), text.index(" in Rome")), Entity("a.n1", "a", "Rome", text.index("Rome"), text.index("Rome") + 4)]
    first, second = asked_entities(Source((answer,), None), entities, ConfidenceConfig(), words(40))
    assert (first.max_tokens, len(first.values["before"].split())) == (20, 18)
    assert (second.max_tokens, len(second.values["before"].split())) == (1, 37)
    assert second.values["before"].endswith("Xu in")


def test_an_entity_that_leaves_no_room_for_what_is_before_it_does_not_fit() -> None:
    """40 positions, of which 16 are the least that stands before an entity and 2 are free: 22 tokens fit, 23 do not."""
    of = [Entity(f"a.n{n}", "a", "Xu " * n, 0, 0) for n in (22, 23)]
    assert [fits(entity, words(40)) for entity in of] == [True, False]
