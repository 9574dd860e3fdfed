"""URL_CREDENTIALS: the userinfo of a URL (RFC 3986, 3.2.1) when it has a password.

Or stands alone as a token.
"""

from .detector import CERTAIN, Detector, by_pattern

__all__ = ["DETECTOR"]

DETECTOR = Detector(
    entity="CREDENTIALS",
    trigger=r"://[^\s@]+@",
    find=by_pattern(
        # A password may hold what people forget to encode, even /; a port does not.
        r"(?<=://)([^\s/?#@\"'<>]*:[^\s/\"'<>]{0,512}|[^\s/?#@\"'<>:]{1,512}|[^\s/?#@\"'<>:]*:(?!\d+/)[^\s\"'<>]{0,512})(?=@[0-9A-Za-z\[_])",
        lambda _text: CERTAIN,
    ),
    guards=("://",),
    hard=True,
)
