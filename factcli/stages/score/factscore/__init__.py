"""`fact score factscore`: how much of what answers say is supported.

sources.py   which answers        judging.py  claims and labels as judges get them
scoring.py   rows -> responses    telling.py  headline, summary, who is left out
correcting.py  by a judge's card  stage.py    the whole
"""
