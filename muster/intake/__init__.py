"""Whether a stage takes jobs: the limit on what was metered, and what follows from it."""
