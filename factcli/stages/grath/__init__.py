"""What `fact grath-iterate` makes itself: the measures of a model between rounds (gate.py), and the loop's end (ending.py)."""
