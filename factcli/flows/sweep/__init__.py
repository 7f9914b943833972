"""`fact sweep`: the cells of a grid as steps of a recipe. grid.py: axes, cells, names."""
