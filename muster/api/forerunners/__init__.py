"""The paths of the systems that this one succeeds, in their words; what they do is what `/v1` does."""
