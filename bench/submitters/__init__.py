"""Programs that take jobs over HTTP as fast as they can, each in a process of its own."""
