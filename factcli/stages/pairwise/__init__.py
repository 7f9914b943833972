"""`fact eval pairwise`: two models' answers to the same questions, compared by a judge in both orders.

settings.py  settings and tables    matching.py  which answers meet
asking.py    one duel               figures.py   wins, ties, losses, position bias
stage.py     the whole
"""
