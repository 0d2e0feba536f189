"""API keys: what they look like, what they allow, and how one is recognised."""
