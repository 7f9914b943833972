"""Sentences taken apart without a model."""


def claims_of(sentence: str) -> list[str]:
    """The claims of one sentence; none where it says nothing."""
    return [sentence] if any(letter.isalnum() for letter in sentence) else []
