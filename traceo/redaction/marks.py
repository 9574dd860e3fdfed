"""What stands in the place of a redacted value."""

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
        """The marker for ``text`` under ``action``. The HMAC is over the trimmed, lower-cased text."""
        if action is Action.DROP:
            return ""
        if action is Action.HASH:
            return f"[{marker}:h_{self._digest(text)}]"
        if action is Action.PSEUDONYMISE:
            return f"[{marker}:pn_{self._digest(text)}]"
        return f"[{marker}]"

    def _digest(self, text: str) -> str:
        data = text.strip().lower().encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, data, hashlib.sha256).hexdigest()[:32]


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return "[IP]"
    return str(ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False))
