"""What stands in the place of a redacted value."""

import base64
import hashlib
import hmac
import ipaddress
import secrets

from .policy import Action, Policy
from .spans import Span

__all__ = ["Marks"]

_KEPT_BITS = {4: 24, 6: 48}


class Marks:
    """Writes markers as the policy asks: ``[EMAIL]``, ``[EMAIL:pn_…]``, ``[EMAIL:h_…]`` or nothing at all."""

    def __init__(self, policy: Policy) -> None:
        self._actions = dict(policy.entities)
        self._ip = policy.ip
        self._secret = policy.secret or secrets.token_bytes(32)

    def keeps(self, entity: str) -> bool:
        """True when the policy lets values of this type pass."""
        if entity == "IP" and self._ip == "keep":
            return True
        return self._actions.get(entity, Action.MASK) in {Action.KEEP, Action.SCAN}

    def mark(self, span: Span, text: str) -> str:
        """The marker for ``text``, found as ``span``."""
        if span.entity == "IP" and self._ip == "truncate":
            return _network(text)
        return self.of(span.entity, self._actions.get(span.entity, Action.MASK), text)

    @staticmethod
    def plain(span: Span, _text: str) -> str:
        """The bare marker, whatever the policy says."""
        return f"[{span.entity}]"

    def of(self, marker: str, action: Action, text: str) -> str:
        """The marker for ``text`` under ``action``.

        A hash is over the trimmed, lower-cased text, and cut; a pseudonym is what ``traceo.sealing`` makes of
        the same value, so that an attribute and a log line can be joined on it.
        """
        if action is Action.DROP:
            return ""
        if action is Action.HASH:
            return f"[{marker}:h_{self._digest(text)}]"
        if action in {Action.PSEUDONYMISE, Action.SEAL}:
            return f"[{marker}:{self._pseudonym(text)}]"
        return f"[{marker}]"

    def _pseudonym(self, text: str) -> str:
        value = text.strip()
        value = value.lower() if "@" in value else value
        digest = hmac.digest(self._secret, b"\x00" + value.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return "pn_" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _digest(self, text: str) -> str:
        data = text.strip().lower().encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, data, hashlib.sha256).hexdigest()[:32]


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "[IP]"
    return str(ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False))
