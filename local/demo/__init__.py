"""`muster demo`: jobs of every kind, and a check of what became of each."""
