"""IP: IPv4 and IPv6 addresses (RFC 791, RFC 4291) that IANA's special-purpose registries call global.

Private, loopback, link-local, documentation and shared addresses name machines of one's own and stay.
Four-part version numbers are told apart by what stands before them.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from .detector import CERTAIN, EDGE, Candidate, Detector, first_digit

__all__ = ["DETECTOR"]

_V4 = re.compile(
    first_digit()
    + r"\d{0,2}\.(?:\d{1,3}\.){2}\d{1,3}(?![0-9A-Za-z])(?!\.\d)"
    # a file of that version, or one that is not final
    + r"(?!-(?:alpha|beta|rc|dev|pre|post|snapshot|release|final|ga)\b)"
    + r"(?!\.(?:tar|zip|gz|tgz|whl|jar|war|deb|rpm|exe|msi|dmg|apk|nupkg|gem|dll|so|json|html|js)\b)",
    re.ASCII,
)
_V6 = re.compile(
    r"[23](?<![0-9A-Za-z:.][23])[0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?:\.(?:\d{1,3}\.){2}\d{1,3})?"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)
# What makes four numbers a version: a word, a comparison, or a product token of a user agent (RFC 9110,
# 10.1.5).
_VERSION = re.compile(
    r"(?:\b(?i:version|ver|release|build|protocol|section|chapter|v)|==|>=|<=|~=|section-"
    r"|\.so\.|\b(?:java|jdk|jre|openssl|python|ruby|perl|php|glibc|windows|android|ios|macos) "
    r"|\b(?:chrome|firefox|safari|edge) "
    r"|(?<![\w/.\-])(?:[A-Z][\w.+\-]*|[\w\-]*(?:curl|http|client|sdk|agent|lib|python|java|node|ruby|nginx|boto)[\w\-]*)/)"
    r"[ :='\"]{0,4}$",
    re.ASCII,
)
_FROM_TO = r"from v?\d+(?:\.\d+){3} to v?\d+(?:\.\d+){3}"
_CHANGE = re.compile(
    rf"(?:up|down)grad(?:e|ed|ing)\b[^\n]{{0,40}}{_FROM_TO}|{_FROM_TO}[^\n]{{0,24}}\b(?:up|down)grad",
    re.IGNORECASE,
)
_CHANGE_CHARS = 80
_URL_HOST = re.compile(r"://(?:[^/\s@]*@)?$")


def _is_global_v4(text: str) -> bool:
    """As ``ipaddress`` judges, ten times faster: most addresses in telemetry are private ones."""
    a, b, c, d = map(int, text.split("."))
    if max(a, b, c, d) > 255 or a in {0, 10, 127} or a >= 224:
        return False
    if a == 172:
        return not 16 <= b <= 31
    if a == 192:
        return not (b == 168 or (b == 0 and c in {0, 2}))
    if a == 198:
        return not (b in {18, 19} or (b == 51 and c == 100))
    return not (
        (a == 169 and b == 254) or (a == 100 and 64 <= b <= 127) or (a == 203 and b == 0 and c == 113)
    )


@lru_cache(maxsize=1024)
def _is_global_v6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _is_version(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 24) : start]
    if _VERSION.search(before) is not None and _URL_HOST.search(before) is None:
        return True
    change = _CHANGE.search(text, max(0, start - _CHANGE_CHARS), end + _CHANGE_CHARS)
    return change is not None and change.start() < start < change.end()


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = [
        (match.start(), match.end(), CERTAIN)
        for match in _V4.finditer(text)
        if _is_global_v4(match.group()) and not _is_version(text, match.start(), match.end())
    ]
    if text.count(":") >= 2:
        for match in _V6.finditer(text):
            address = match.group().rstrip(":") if not match.group().endswith("::") else match.group()
            if _is_global_v6(address):
                found.append((match.start(), match.start() + len(address), CERTAIN))
    return found


_V6_START = re.compile(r"[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:")


def _probe(text: str, _words: frozenset[str]) -> bool:
    return (text.count(".") >= 3 and _V4.search(text) is not None) or (
        text.count(":") >= 2 and _V6_START.search(text) is not None
    )


DETECTOR = Detector(
    entity="IP",
    trigger=EDGE + r"(?:(?:\d{1,3}\.){3}\d{1,3}" + EDGE + r"|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:)",
    find=_find,
    probe=_probe,
)
