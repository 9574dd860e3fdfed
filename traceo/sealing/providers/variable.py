"""``env:NAME``: a key set in an environment variable, as a platform's secret store puts it there."""

import base64
import binascii
import hashlib
import os

from traceo.errors import KeyFileError
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.providers.envelope import Envelope
from traceo.sealing.providers.store import Stored

__all__ = ["VariableStore"]


class VariableStore:
    """The content of a key file, as it stands or in base64. It cannot be changed from inside the process."""

    writable = False
    look_every_s = 3600.0

    def __init__(self, name: str, envelope: Envelope) -> None:
        self._name = name
        self._envelope = envelope
        self.place = f"the variable {name}"

    def version(self) -> str:
        """A digest of the content."""
        value = os.environ.get(self._name, "")
        return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16] if value else ""

    def read(self) -> Stored | None:
        """The variable, opened; None when it is not set or empty."""
        raw = HiddenBytes(os.environ.get(self._name, "").strip().encode("utf-8", "surrogateescape"))
        if not raw:
            return None
        # A key file is a JSON object or a JWE, which has dots; base64 has neither.
        if not raw.startswith(b"{") and b"." not in raw:
            raw = _from_base64(raw)
        try:
            return Stored(self._envelope.open(raw), self.version())
        except KeyFileError as error:
            message = str(error)
        raise KeyFileError(f"{self.place} does not open: {message}")

    def write(self, data: HiddenBytes, *, replaces: str) -> None:
        """Refused."""
        del data, replaces
        raise KeyFileError(
            f"{self.place} cannot be changed from here: change the key file that it was filled from, and "
            "set it again"
        )

    def complaints(self) -> list[str]:
        """None: what there is to say goes for every place that cannot be written."""
        return []


def _from_base64(raw: bytes) -> HiddenBytes:
    try:
        return HiddenBytes(base64.b64decode(raw, validate=True))
    except (binascii.Error, ValueError):
        return HiddenBytes(raw)
