"""Scores of answers whose claims are judged, and their means.

aggregate.py  FActScore's aggregation, and F1@K       details.py  what a claim tells
robust.py     a score that tricks cannot raise        answers.py  the rows of one answer, one per score
figures.py    means with bounds and intervals
"""
