"""A completer that says what a script tells it, and remembers what it was asked."""

from collections.abc import Callable, Sequence

from factcli.backends.completions import Completion, Prompt


def spoken(text: str, probability: float = 0.5) -> Completion:
    """A completion of one token per character: blanks are certain, the others have the same probability."""
    n = len(text)
    return Completion(text, tuple(range(n)), tuple(1.0 if c == " " else probability for c in text), tuple(range(n)), True)


class Scripted:
    """`script` gives the text for (last words of the prompt, adapters)."""

    def __init__(self, script: Callable[[str, tuple[str, ...]], str], probability: float = 0.5) -> None:
        self.script = script
        self.probability = probability
        self.asked: list[tuple[Prompt, tuple[str, ...]]] = []

    def complete(
        self,
        prompts: Sequence[Prompt],
        max_new_tokens: int,  # noqa: ARG002 - the script says how long an answer is
        stop: Sequence[str] = (),
        adapters: Sequence[str] = (),
    ) -> list[Completion]:
        self.asked += [(prompt, tuple(adapters)) for prompt in prompts]
        texts = [prompt if isinstance(prompt, str) else prompt[-1].content for prompt in prompts]
        said = [self.script(text, tuple(adapters)) for text in texts]
        cut = [text[: min((place for place in map(text.find, stop) if place >= 0), default=len(text))] for text in said]
        return [spoken(text, self.probability) for text in cut]
