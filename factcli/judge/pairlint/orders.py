"""What pairs prefer: twice the same, the opposite of one another, round in a circle, the opposite of their labels."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from factcli.answerrows import Pair
from factcli.judge.pairlint.found import Found, prompt_key, words_of

Text = tuple[str, ...]  # an answer's words: two answers of the same words are one
Edge = tuple[Text, Text]  # chosen, rejected


def findings(pairs: Sequence[Pair], scores: Mapping[str, Mapping[str, float]]) -> Iterator[Found]:
    by_prompt: dict[Text, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.chosen.strip() and pair.rejected.strip() and words_of(pair.chosen) != words_of(pair.rejected):
            by_prompt[prompt_key(pair)].append(pair)
    for group in by_prompt.values():
        yield from _of_prompt(group)
    for pair in pairs:
        yield from _flips(pair, scores)


def _of_prompt(pairs: Sequence[Pair]) -> Iterator[Found]:
    first: dict[Edge, Pair] = {}
    edges = {pair.id: (words_of(pair.chosen), words_of(pair.rejected)) for pair in pairs}
    for pair in pairs:
        edge = edges[pair.id]
        earlier = first.setdefault(edge, pair)
        if earlier is not pair:
            yield Found("duplicate", pair.id, "the same answers in the same order again", other_id=earlier.id)
    circle = _circles(first)
    for pair in pairs:
        chosen, rejected = edges[pair.id]
        opposite = first.get((rejected, chosen))
        if opposite is not None:
            yield Found("contradiction", pair.id, "another pair of this prompt prefers the opposite", other_id=opposite.id)
        elif circle[chosen] == circle[rejected]:
            yield Found("cycle", pair.id, "pairs of this prompt prefer one answer to another in a circle")


def _flips(pair: Pair, scores: Mapping[str, Mapping[str, float]]) -> Iterator[Found]:
    """F-DPO's h_w < h_l: the chosen answer is the less factual one, by the pair's own margin or by another score of its answers."""
    if pair.margin is not None and pair.margin < 0:
        yield Found("flip", pair.id, f"the chosen answer scores lower, margin {pair.margin:+.3g}", pair.margin)
    for name, of in scores.items():
        chosen, rejected = of.get(pair.chosen_id), of.get(pair.rejected_id)
        if chosen is not None and rejected is not None and chosen < rejected:
            yield Found("flip", pair.id, f"{name} puts the chosen answer lower, by {rejected - chosen:.3g}", chosen - rejected, name)


def _circles(edges: Iterable[Edge]) -> dict[Text, int]:
    """Answer -> number of its strongly connected component: answers that are preferred to one another, round a circle, share one.

    Kosaraju's algorithm without recursion: a prompt may have thousands of pairs.
    """
    forward: dict[Text, list[Text]] = defaultdict(list)
    backward: dict[Text, list[Text]] = defaultdict(list)
    for chosen, rejected in edges:
        forward[chosen].append(rejected)
        backward[rejected].append(chosen)
    nodes = list(dict.fromkeys([*forward, *backward]))
    seen: set[Text] = set()
    last_left = [node for root in nodes for node in _left_in_order(root, forward, seen)]
    seen = set()
    return {node: number for number, root in enumerate(reversed(last_left)) for node in _left_in_order(root, backward, seen)}


def _left_in_order(root: Text, edges: Mapping[Text, Sequence[Text]], seen: set[Text]) -> list[Text]:
    """The nodes that a depth-first walk from `root` reaches and nobody saw before, in the order in which it leaves them."""
    if root in seen:
        return []
    seen.add(root)
    left: list[Text] = []
    path = [(root, iter(edges.get(root, ())))]
    while path:
        onward = path[-1][1]
        after = next((other for other in onward if other not in seen), None)
        if after is None:
            left.append(path.pop()[0])
        else:
            seen.add(after)
            path.append((after, iter(edges.get(after, ()))))
    return left
