"""One module per peer: ``redact(text) -> str`` and ``find(text) -> [(start, end, type)]``. Only the peer is imported."""
