"""How an agent's function is called: in the worker's own thread, or in a child process of its own."""
