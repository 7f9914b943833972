"""`fact sweep`: the cells of a grid, measured on dev people; the one to take, and what cannot be told from it.

settings.py  what can be set, and the table        choosing.py  figures, paired differences, the rule
ground.py    whose answers and which inputs may be held against each other
telling.py   headline, the printed table           stage.py     the whole
"""
