"""Dead letters in their queues: looking at them, sending them back, archiving them."""
