"""What `muster doctor` looks at: facts that are gathered, and decisions over them."""
