"""Trace and span ids: random, cheap, and never repeated by a forked child.

``ids.pyx`` is the compiled twin, see ``traceo._compiled``.
"""

import os
import random

__all__ = ["RandomIdGenerator", "bits"]

# Our own generator: an application that calls random.seed(…) must not make its trace ids collide.
_random = random.Random()  # noqa: S311  ids are names, not secrets
bits = _random.getrandbits

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class RandomIdGenerator:
    """Ids from 64 and 128 random bits; all bits of a trace id are random (W3C trace context level 2)."""

    __slots__ = ()

    def generate_span_id(self) -> int:
        """A non-zero 64-bit int."""
        return bits(64) or 1

    def generate_trace_id(self) -> int:
        """A non-zero 128-bit int."""
        return bits(128) or 1

    def is_trace_id_random(self) -> bool:
        """Yes: the W3C random flag is set on new traces."""
        return True


from traceo import _compiled  # noqa: E402  last: the compiled twin, if there is a fresh one, takes this place

_compiled.replace(__name__)
