"""Words of English that the rules know, by what they do in a sentence. Closed classes, and the verbs that texts about people use most."""


def _set(text: str, between: str | None = None) -> frozenset[str]:
    return frozenset(text.split(between))


BE = _set("is are was were")
AUXILIARIES = BE | _set("has have had does did do can could will would may might must should")
# Finite forms that do not end in -ed; a form that is a common noun too (plays, works, stars) is finite after a subject only.
_VERBS = """
became becomes began begins bore brought built bought came comes chose contains cost consists cut died dies drew drove earns ended fell felt
fought found flew focuses gained gave gives goes got grew grows hails held holds hosts included includes involves joined joins kept knew
knows lasted lay led leads left lies lived lives lost made makes marries meant means met moved needs ran rose runs said sang sat saw says sees
sent set shot shows sings sold sought spent spoke stood struck takes taught teaches thought told took tours trained won wins went wore writes
wrote owns enjoys features serves specializes attends continues remains split include feature resides represents appears competes performs produces directs
coaches creates covers explores aims believes loves uses works plays stars studies helps seeks strives inspires belongs operates
"""
VERBS = _set(_VERBS)
NOUNS_TOO = _set(
    "shows works plays stars features covers studies uses tours runs leads needs produces hosts cut set left feature feels moves"
)  # verbs after a subject only
NO_ADVERBS = _set("family early daily assembly reply supply ally monopoly likely friendly elderly monthly weekly lovely")  # though they end in -ly
PREPOSITIONS = _set(
    "in on at from to for with by of as during since until through about after before under over between among against into near around "
    "across along alongside within without throughout towards toward via"
)
DATED = _set("in on since until from by during around")  # prepositions that a date follows
ARTICLES = _set("a an")
POSSESSIVES = _set("his her their its")
DETERMINERS = ARTICLES | POSSESSIVES | _set("the this these those several many numerous various some both")
SUBJECTS = _set("he she they it who")  # pronouns that a finite verb may follow
RELATIVES = _set("who which")
CONJUNCTIONS = _set("and but or")
ADVERBS = _set("also later then eventually subsequently currently now still often never soon always briefly first finally previously")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
# Two words that are one thing: `and` between them joins no list.
PAIRS = _set(
    "rock roll|research development|trial error|black white|arts crafts|science fiction|rhythm blues|drum bass|life death|search rescue|"
    "husband wife|trinidad tobago|law order|arts sciences|arts science|health safety|mergers acquisitions|checks balances",
    "|",
)
