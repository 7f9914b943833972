"""What is taken out of articles and of a model's answers before anything is made of them (spec §4.3)."""

import re
import unicodedata

from factcli.prompts import CONTROL

END_OF_ARTICLE = frozenset(("references", "see also"))
MARKUP = re.compile(r"<[^<>]*>|\[edit\]|\[\s*edit source\s*\]|&nbsp;", re.IGNORECASE)
AROUND_HEADING = " \t=#*_:'"

# A model that goes on after its answer writes the next prompt; what follows one of these is not its answer.
ROLES = r"(?:question|q|instruction|user|human|document|passage|topic|answer|assistant)"
NEXT_PROMPT = re.compile(rf"\n\s*(?:#+\s*|\*\*)?{ROLES}(?: \d+)?(?:\*\*)?\s*:|\n\s*#{{2,}}\s|\n\s*<{{3,}}|<\|\w+\|>|</s>", re.IGNORECASE)
OWN_LABEL = re.compile(r"\s*(?:\*\*)?(?:answer|a|assistant)(?:\*\*)?\s*:\s*(?:\*\*)?", re.IGNORECASE)
QUESTION_LABEL = re.compile(r"\s*(?:[-*•]\s+|\d+[.)]\s+)?(?:(?:\*\*)?(?:question|q)(?: \d+)?(?:\*\*)?\s*:\s*(?:\*\*)?)?", re.IGNORECASE)

_KNOWN = r"(?:mention|record|information|data|evidence|indication|reference)s?"
_SAY = r"(?:answer|determine|provide|say|find|tell|know|have)"
REFUSAL = re.compile(
    rf"\bthere (?:is|was|are|were) (?:no|not any) (?:\w+ ){{0,2}}{_KNOWN}\b|\bthere (?:is|are)n't any (?:\w+ ){{0,2}}{_KNOWN}\b"
    rf"|\bno {_KNOWN} (?:\w+ ){{0,5}}(?:available|provided|given)\b"
    rf"|\b(?:i|we) (?:cannot|can't|can not|could not|couldn't|do not|don't|did not|didn't) (?:\w+ )?{_SAY}\b"
    r"|\b(?:i am|i'm|we are|we're) (?:\w+ )?(?:sorry|unable|not able|afraid)\b|\bi apologi[sz]e\b|\bmy apologies\b"
    r"|\bcannot (?:answer|be answered|be determined)\b|\b(?:not possible|impossible) to (?:say|tell|answer|determine|know)\b"
    r"|\b(?:document|text|passage|information)s? (?:(?:does|do|did) not|doesn't|don't|didn't)\b|\bas an ai\b",
    re.IGNORECASE,
)

# Words for the source, where they mean it: "the text", "based on information provided"; not "the text of the treaty".
SOURCE = r"(?:document|text|passage|information)s?"
_POINTING = r"(?:the|this|that|these|those|above|given|provided|following)"
_SENSE = r"(?! (?:of|age|theory|technology|science|system)\b)"  # what follows where the word means itself
NAMES_SOURCE = re.compile(
    rf"\b{_POINTING} (?:(?:above|given|provided|following|preceding|source|same) )?{SOURCE}\b{_SENSE}"
    rf"|\b(?:according to|based on|mentioned in|stated in|described in|found in|as per|from) (?:\w+ )?{SOURCE}\b{_SENSE}"
    rf"|\b{SOURCE} (?:provided|given|above|says|states|mentions|describes)\b",
    re.IGNORECASE,
)


def clean_title(title: str) -> str:
    """NFC, without control characters, underscores and runs of white space: one spelling for lists from several places."""
    return " ".join(CONTROL.sub("", unicodedata.normalize("NFC", title)).replace("_", " ").split())


def clean_article(title: str, text: str) -> str:
    """The article up to its references, line by line, without control characters, blank lines and a title said twice at its start."""
    lines = (" ".join(CONTROL.sub("", line).split()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    kept: list[str] = []
    for line in lines:
        if is_end(line):
            break
        kept += [line.removeprefix(f"{title} ") if line.startswith(f"{title} {title} ") else line] if line else []
    return "\n".join(kept)


def is_end(line: str) -> bool:
    """Whether a line is the heading of references or see also, in plain text, wiki markup, Markdown or HTML."""
    return MARKUP.sub("", line).strip(AROUND_HEADING).casefold() in END_OF_ARTICLE


def clean_question(said: str) -> str:
    """The first line that says something, without a label, list mark or quotation marks around it."""
    lines = (QUESTION_LABEL.sub("", CONTROL.sub("", line), count=1).strip() for line in said.split("\n"))
    line = next((line for line in lines if line), "")
    return line[1:-1].strip() if len(line) > 1 and line[0] in '"“' and line[-1] in '"”' else line


def names_source(text: str) -> bool:
    """Whether it speaks of the document that it was made from. The published filter rejects these words in any sense."""
    return NAMES_SOURCE.search(text) is not None


def cut_at_next_prompt(said: str) -> tuple[str, bool]:
    """An answer up to where the model began the next prompt, and whether it did; its own label and control characters are taken out."""
    text = CONTROL.sub("", OWN_LABEL.sub("", said, count=1) if OWN_LABEL.match(said) else said)
    match = NEXT_PROMPT.search(text)
    return (text[: match.start()] if match else text).strip(), match is not None


def is_refusal(text: str) -> bool:
    """Whether it says that there is nothing to say. The published test is case-sensitive and misses half of them."""
    return REFUSAL.search(text.replace("’", "'")) is not None
