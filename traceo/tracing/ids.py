"""Trace and span ids: random, cheap, and never repeated by a forked child."""

import os
import random

__all__ = ["RandomIdGenerator"]

# Our own generator: an application that calls random.seed(…) must not make its trace ids collide.
_random = random.Random()  # noqa: S311  ids are names, not secrets

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class RandomIdGenerator:
    """Ids from 64 and 128 random bits; all bits of a trace id are random (W3C trace context level 2)."""

    __slots__ = ("bits",)

    def __init__(self) -> None:
        self.bits = _random.getrandbits

    def generate_span_id(self) -> int:
        """A non-zero 64-bit int."""
        while not (span_id := self.bits(64)):
            pass
        return span_id

    def generate_trace_id(self) -> int:
        """A non-zero 128-bit int."""
        while not (trace_id := self.bits(128)):
            pass
        return trace_id

    def is_trace_id_random(self) -> bool:
        """Yes: the W3C random flag is set on new traces."""
        return True
