"""For what a server does after its client has the answer."""

import time
from collections.abc import Callable

__all__ = ["until"]


def until(happened: Callable[[], bool], *, within_s: float = 5.0) -> None:
    """Returns once ``happened()``; fails after the deadline."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)
