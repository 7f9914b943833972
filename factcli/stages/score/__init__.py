"""`fact score`: how true is what was answered? One module or folder per task."""
