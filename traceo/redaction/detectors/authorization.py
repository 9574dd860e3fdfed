"""CREDENTIALS: the values of HTTP authorization schemes wherever they stand (RFC 9110, 11.4.

RFC 6750, RFC 7617).
"""

import re

from .detector import CERTAIN, Detector, by_pattern

__all__ = ["DETECTOR"]

_SCHEMES = "bearer|basic|negotiate|apikey|token|hawk|dpop|ntlm|splunk|genie-?key|sso-key"
_WORD = re.compile(r"[A-Za-z]+[.,;:]?|[a-z]+(?:[-_][a-z]+)+")


def _judge(text: str) -> int:
    # "bearer token", "basic authentication": prose, no credential
    if _WORD.fullmatch(text) and (len(text) < 16 or text.islower()):
        return 0
    return CERTAIN


DETECTOR = Detector(
    entity="CREDENTIALS",
    trigger=rf"(?i)\b(?:{_SCHEMES})[ +:]{{1,2}}[0-9A-Za-z_~+/=.-]{{8}}|digest +username=|aws4-hmac-sha256 ",
    find=by_pattern(
        rf"(?<![0-9A-Za-z_])(?:(?:{_SCHEMES})(?:[ +]|: ?)"
        r"(?=[0-9A-Za-z_~+/=.-]{8})(?!--)|digest (?=username=)|aws4-hmac-sha256 (?=credential=))"
        r"((?:(?:username|credential)=[^\n]+)|[0-9A-Za-z_~+/=.-]+)",
        _judge,
        flags=re.IGNORECASE,
    ),
    words=frozenset(
        {
            "bearer",
            "basic",
            "negotiate",
            "apikey",
            "token",
            "hawk",
            "dpop",
            "ntlm",
            "splunk",
            "genie",
            "geniekey",
            "sso",
            "digest",
            "aws4",
        }
    ),
    hard=True,
)
