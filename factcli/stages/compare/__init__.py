"""`fact compare`: models on the same items, with everything that a claim of "better" has to survive.

figures.py   differences, intervals, tests, families       ranked.py    figures of confidence, and their curves
worlds.py    the same over several worlds or seeds         verdict.py   whether the gain may be shipped
changed.py   what was gained, lost, invented, and training rows near it
telling.py   headline, summary, the printed table           stage.py     the whole
planning.py  before a run: the smallest difference that it can show
changetelling.py  the first changes, as they are printed
"""
