"""EMAIL: addr-spec of RFC 5322, dot-atom form, with RFC 6531 letters.

The domain needs a dot and a lettered end.

Not an address: systemd units (``getty@tty1.service``), package versions (``left-pad@1.3.0``), git remotes
(``git@host.tld:path``).
"""

import re
from collections.abc import Sequence

from .detector import CERTAIN, Candidate, Detector

__all__ = ["DETECTOR"]

_LOCAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-!#$*^~`'"
_NOT_FIRST = "'`.*!$#%^~"
_DOMAIN = re.compile(r"@((?:[^\W_][\w-]{0,62}\.){1,12}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24}))(?![^\W_])")
_VERSION = re.compile(r"\d+\.\d")
_UNITS = frozenset({"service", "socket", "timer", "mount", "target", "slice", "scope", "path", "swap"})
_LOCAL_CHARS = 64
_USER_INFO = re.compile(r"://(?:[^\s/?#@\"'<>:]*:)?[^\s/?#@\"'<>:]*$")


def _start(text: str, at: int) -> int:
    lowest = max(0, at - _LOCAL_CHARS)
    start = at
    while True:
        start = lowest + len(text[lowest:start].rstrip(_LOCAL))
        if start == lowest or ord(text[start - 1]) < 0x80 or not text[start - 1].isalnum():
            break
        start -= 1
    while start < at and text[start] in _NOT_FIRST:
        start += 1
    return start


def _find(text: str) -> Sequence[Candidate]:
    found: list[Candidate] = []
    has_url = "://" in text
    for match in _DOMAIN.finditer(text):
        at, end = match.span()
        start = _start(text, at)
        domain = match.group(1)
        last = domain.rsplit(".", 1)[1]
        if start == at or last.lower() in _UNITS or _VERSION.match(domain):
            continue
        if has_url and _USER_INFO.search(text[max(0, start - _LOCAL_CHARS) : start]):
            continue  # the host of a URL, not of a mailbox; URL_CREDENTIALS takes what stands before it
        if text[start:at] == "git" and text[end : end + 1] == ":" and not text[end + 1 : end + 2].isdigit():
            continue
        found.append((start, end, CERTAIN))
    return found


DETECTOR = Detector(entity="EMAIL", trigger=r"[^\s@]@[^\s@.]+\.[^\s@.]", find=_find, guards=("@",), hard=True)
