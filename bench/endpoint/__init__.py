"""A small SQS endpoint in memory with a fixed round trip, cheap enough not to be what is measured.

Public emulators are slower than their clients, and an endpoint that answers at once flatters clients that
wait for nothing else meanwhile. This one answers each request after the same time, in a process of its own.
It speaks the JSON protocol, as all present AWS SDKs do.
"""
