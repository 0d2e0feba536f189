"""The bodies that Muster understands: JSON as it must be, our envelope, and forms of older systems."""
