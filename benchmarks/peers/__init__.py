"""One module per peer, each with the same four names: start, span, stop, asgi. Only the peer itself is imported."""
