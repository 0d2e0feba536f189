"""Short-lived tokens over HTTP."""
