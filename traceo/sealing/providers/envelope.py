"""How the bytes of a key file are protected: not at all, by a passphrase, or by a key service.

A file under a key service is a compact JWE (RFC 7516) whose content key the service wraps: ``enc`` is
A256GCM, ``alg`` names the service and ``kid`` its key; the second part is what the service gave back. The
service never sees the key set, and the file is worth nothing without the service.
"""

import os
from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from traceo.errors import KeyFileError
from traceo.sealing import base64url
from traceo.sealing.hidden import HiddenBytes, HiddenText
from traceo.sealing.passphrase import lock, unlock

__all__ = ["AsFound", "Envelope", "Form", "Passphrase", "Plain", "Service", "Wrapped", "Wrapper", "form_of"]

Service: TypeAlias = Literal["vault-transit", "aws-kms"]
Form: TypeAlias = Literal["plain", "passphrase", "vault-transit", "aws-kms"]

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Envelope(Protocol):
    """Turns a key set's bytes into those of its file and back; `KeyFileError` when it cannot."""

    @property
    def form(self) -> Form:
        """What `form_of` says of a file it made."""
        ...

    def seal(self, data: HiddenBytes) -> bytes:
        """The bytes of the file."""
        ...

    def open(self, raw: HiddenBytes) -> HiddenBytes:
        """The key set's bytes."""
        ...


class _Alg(msgspec.Struct):
    alg: str


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: Service
    enc: Literal["A256GCM"]
    kid: str


def form_of(raw: bytes) -> Form:
    """How a key file's bytes are protected; `KeyFileError` for a way we do not know."""
    if not raw.startswith(b"eyJ"):
        return "plain"
    try:
        protected = bytes(raw).partition(b".")[0].decode("ascii")
        alg = msgspec.json.decode(base64url.decode(protected), type=_Alg).alg
    except (ValueError, msgspec.DecodeError):
        alg = ""
    match alg:
        case "PBES2-HS512+A256KW":
            return "passphrase"
        case "vault-transit" | "aws-kms":
            return alg
        case _:
            raise KeyFileError("the key file is not locked the way Traceo locks one")


class Plain:
    """No protection but the file's mode."""

    form: Form = "plain"

    def seal(self, data: HiddenBytes) -> bytes:
        """As it is."""
        return data

    def open(self, raw: HiddenBytes) -> HiddenBytes:
        """As it is; a locked file is refused."""
        match form_of(raw):
            case "plain":
                return raw
            case "passphrase":
                raise KeyFileError(
                    "it is locked; give its passphrase (--passphrase-env NAME or --passphrase-fd N)"
                )
            case service:
                raise KeyFileError(f"it is protected by a key service; name it: {service}://…")


class Passphrase:
    """PBES2-HS512+A256KW (see `traceo.sealing.passphrase`); `source` is asked once, when first needed."""

    form: Form = "passphrase"

    def __init__(self, source: Callable[[], HiddenText]) -> None:
        self._source = source
        self._text: HiddenText | None = None

    def seal(self, data: HiddenBytes) -> bytes:
        """Locked."""
        return lock(data, self._ask())

    def open(self, raw: HiddenBytes) -> HiddenBytes:
        """Unlocked; a plain file is refused, so that nobody can swap a locked one for one of theirs."""
        _expect(raw, self.form)
        return unlock(raw, self._ask())

    def _ask(self) -> HiddenText:
        if self._text is None:
            self._text = self._source()
        return self._text


class AsFound:
    """Plain or locked, as the content is that was read last; `ask` gives the passphrase of a locked one."""

    def __init__(self, ask: Callable[[], HiddenText]) -> None:
        self.form: Form = "plain"
        self._locked = Passphrase(ask)

    def seal(self, data: HiddenBytes) -> bytes:
        """As it was found; plain when nothing was."""
        return self._locked.seal(data) if self.form == "passphrase" else data

    def open(self, raw: HiddenBytes) -> HiddenBytes:
        """As it is."""
        self.form = form_of(raw)
        return self._locked.open(raw) if self.form == "passphrase" else Plain().open(raw)


class Wrapper(Protocol):
    """A key service's key, which never leaves the service."""

    service: Service
    kid: str

    def wrap(self, key: HiddenBytes) -> bytes:
        """`key` so that only the service opens it; `KeyFileError` when the service does not."""
        ...

    def unwrap(self, wrapped: bytes) -> HiddenBytes:
        """What `wrap` wrapped."""
        ...


class Wrapped:
    """A content key of its own for every write, wrapped by a key service."""

    def __init__(self, wrapper: Wrapper) -> None:
        self._wrapper = wrapper
        self.form: Form = wrapper.service

    def seal(self, data: HiddenBytes) -> bytes:
        """Under a new content key."""
        content_key, nonce = HiddenBytes(os.urandom(_KEY_BYTES)), os.urandom(_NONCE_BYTES)
        header = _Header(self._wrapper.service, "A256GCM", self._wrapper.kid)
        protected = base64url.encode(msgspec.json.encode(header))
        sealed = AESGCM(content_key).encrypt(nonce, data, protected.encode())
        parts = (self._wrapper.wrap(content_key), nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
        return ".".join([protected, *map(base64url.encode, parts)]).encode()

    def open(self, raw: HiddenBytes) -> HiddenBytes:
        """Opened with the content key that the service unwraps."""
        _expect(raw, self.form)
        try:
            protected, *parts = bytes(raw).decode("ascii").strip().split(".")
            msgspec.json.decode(base64url.decode(protected), type=_Header)
            wrapped, nonce, body, tag = (base64url.decode(part) for part in parts)
        except (ValueError, msgspec.DecodeError):
            raise KeyFileError("the key file is damaged") from None
        content_key = self._wrapper.unwrap(wrapped)
        try:
            return HiddenBytes(AESGCM(content_key).decrypt(nonce, body + tag, protected.encode()))
        except (InvalidTag, ValueError):
            raise KeyFileError("the key file is damaged, or was made with another key") from None


def _expect(raw: bytes, form: Form) -> None:
    found = form_of(raw)
    if found == form:
        return
    if found == "plain":
        raise KeyFileError("it is not protected; run: traceo keys lock, with the same options")
    raise KeyFileError(f"it is protected by {found}, not by {form}")
