"""JWT: compact JSON Web Signatures and Encryptions (RFC 7515, RFC 7516).

Base64url JSON header, dots, more base64url.
"""

from .detector import CERTAIN, Detector, by_pattern

__all__ = ["DETECTOR"]

DETECTOR = Detector(
    entity="JWT",
    trigger=r"ey[JK][0-9A-Za-z_-]{6,}\.[0-9A-Za-z_-]*\.?",
    find=by_pattern(
        r"(?<![0-9A-Za-z])ey[JK][0-9A-Za-z_-]{6,}(?:\.[0-9A-Za-z_-]{2,}(?:\.[0-9A-Za-z_-]*){0,3}|\.\.[0-9A-Za-z_-]+)",
        lambda _text: CERTAIN,
    ),
    guards=("eyj", "eyk"),
    hard=True,
)
