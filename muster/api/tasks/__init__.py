"""Tasks that say what their agent must be able to do, and the queues of a tenant, over HTTP."""
