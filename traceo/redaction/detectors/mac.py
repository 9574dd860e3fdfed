"""MAC: EUI-48 addresses (IEEE 802), six pairs of hexadecimal digits.

All-zero and broadcast addresses name nobody.
"""

from .detector import AFTER, BEFORE, CERTAIN, EDGE, NO, Detector, by_pattern

__all__ = ["DETECTOR"]


def _judge(text: str) -> int:
    return CERTAIN if len(set(text.lower()) - {":", "-"}) > 1 else NO


_SHAPE = r"(?:(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2})"
DETECTOR = Detector(
    entity="MAC",
    trigger=EDGE + _SHAPE + EDGE,
    find=by_pattern(BEFORE + _SHAPE + AFTER, _judge),
    guards=(":", "-"),
)
