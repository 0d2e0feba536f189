"""The HTTP API: tables of routes, and the gate that every call passes."""
