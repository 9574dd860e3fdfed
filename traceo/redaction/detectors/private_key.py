"""PRIVATE_KEY: PEM private keys (RFC 7468), OpenSSH and PGP ones.

With their body to the end line or the end of text.
"""

from .detector import CERTAIN, Detector, by_pattern

__all__ = ["DETECTOR"]

DETECTOR = Detector(
    entity="PRIVATE_KEY",
    trigger=r"-----BEGIN [0-9A-Z ]{0,40}PRIVATE KEY|PuTTY-User-Key-File",
    find=by_pattern(
        r"-----BEGIN [0-9A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|"
        r"-(?!----))*(?:-----END [0-9A-Z ]{0,40}-----|-----|\Z)"
        r"|PuTTY-User-Key-File-[\s\S]*",
        lambda _text: CERTAIN,
    ),
    words=frozenset({"private", "putty"}),
    hard=True,
)
