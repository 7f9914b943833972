"""Calibration cards: what a judge says where humans have said what is true, and what its later scores are worth by that.

figures.py     a card computed: responses, rates, coverage of corrections on held-out halves
attaching.py   a later score corrected by the newest card of the same judge and source of claims
"""
