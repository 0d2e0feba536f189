"""The execution core: normalise, claim, run, settle. One core, whatever hosts it."""
