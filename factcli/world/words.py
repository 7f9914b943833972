"""Made-up words: the names and values of the world, and the filler words of its general text."""

import random
from collections.abc import Collection, Iterator
from itertools import product

# Open syllables only begin a word, so that words are easy to say and byte-pair merges find the syllables.
# No syllable is here that would spell a common English slur with another one.
OPEN_SYLLABLES = tuple(  # one string: thirty-six quoted syllables are no easier to read
    "ba be bo da de do fa fe ga ha jo ka ke ko la li lo ma me mi mo na ne ni ra re ri ro sa so ta te to va ve vi".split()  # noqa: SIM905
)
CLOSED_SYLLABLES = ("dan", "dor", "lin", "mir", "nak", "ran", "sel", "tol", "ven", "zur")
# Real words, words of the grammar among them, that the syllables can spell.
ENGLISH_WORDS = frozenset(
    """
    babe bade bake bare base bate bode bore dale dame dare date done dose dote fade fake fame fare fate
    game gate gave gene hale hare hate have here hero jade joke kale lake lame late lade lane lave lore
    love made make male mane mare mate memo mere mode mole more move mule name nave nine node none nose
    note pale pane pare pave race rake rare rate rave robe rode role rome rose rote rove sale same sane
    sari save sera sofa sole some sore take tale tame taro time tire toga tomato tome tone tore tote
    tune vale vane vase veto vice vile vine vole vote zone
    """.split()  # noqa: SIM905
)


def shuffled_words(rng: random.Random, exclude: Collection[str] = ()) -> Iterator[str]:
    """Every word of the phonology once, capitalised: those of two syllables first, then those of three.

    About 1,600 of two syllables and 59,000 of three. `exclude` holds capitalised words to leave out.
    """
    ends = OPEN_SYLLABLES + CLOSED_SYLLABLES
    seen = {word.lower() for word in exclude} | ENGLISH_WORDS
    for shape in ((OPEN_SYLLABLES, ends), (OPEN_SYLLABLES, OPEN_SYLLABLES, ends)):
        words = ["".join(syllables) for syllables in product(*shape)]
        rng.shuffle(words)
        for word in words:
            if word not in seen:
                seen.add(word)
                yield word.capitalize()
