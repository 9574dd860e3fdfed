"""HashiCorp Vault: a key set in KV version 2, or the content key of its file wrapped by Transit.

The token comes from ``VAULT_TOKEN_FILE`` (read each time: an agent renews it), ``VAULT_TOKEN`` or
``~/.vault-token``; ``VAULT_ADDR``, ``VAULT_NAMESPACE`` and ``VAULT_CACERT`` mean what they mean to Vault's
own command. Anything but loopback is spoken to over TLS 1.3.

What the token must be allowed: for KV, create, read and update on ``MOUNT/data/PATH``, read on
``MOUNT/metadata/PATH`` and update on ``MOUNT/destroy/PATH``; for Transit, update on ``MOUNT/encrypt/KEY`` and
``MOUNT/decrypt/KEY``.
"""

import base64
import importlib
import os
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from traceo.errors import ConfigError, KeyFileError
from traceo.sealing.hidden import HiddenBytes, HiddenText
from traceo.sealing.providers.envelope import Envelope, Service
from traceo.sealing.providers.store import ChangedError, Stored

__all__ = ["Server", "TransitKey", "VaultStore"]

_FIELD: Final = "key_set"
_TIMEOUT_S: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_T = TypeVar("_T")


class _KV(Protocol):
    def read_secret_version(
        self, path: str, *, mount_point: str, raise_on_deleted_version: bool
    ) -> Mapping[str, Any]: ...
    def create_or_update_secret(
        self, path: str, secret: Mapping[str, str], *, cas: int, mount_point: str
    ) -> Mapping[str, Any]: ...
    def read_secret_metadata(self, path: str, *, mount_point: str) -> Mapping[str, Any]: ...
    def destroy_secret_versions(self, path: str, versions: list[int], *, mount_point: str) -> object: ...


class _Transit(Protocol):
    def encrypt_data(self, name: str, *, plaintext: str, mount_point: str) -> Mapping[str, Any]: ...
    def decrypt_data(self, name: str, *, ciphertext: str, mount_point: str) -> Mapping[str, Any]: ...


class _NoSuchPathError(KeyFileError):
    pass


class _Data(msgspec.Struct):
    value: str
    version: int

    def __repr__(self) -> str:
        return f"<secret, version {self.version}>"


class Server:
    """One Vault, by its address; each request has its own client, so that a renewed token counts at once."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/") or os.environ.get("VAULT_ADDR", "").rstrip("/")
        parts = urlsplit(self.address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError("the address of Vault is not known; name its host or set VAULT_ADDR=https://…")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigError(
                f"{self.address} is not on this machine and without TLS (VAULT_ADDR); use https://"
            )

    def kv(self, call: "Callable[[_KV], _T]", *, doing: str) -> _T:
        """What `call` gets from KV version 2; see `_ask` for errors."""
        return self._ask(lambda client: call(cast("_KV", client.secrets.kv.v2)), doing=doing)

    def transit(self, call: "Callable[[_Transit], _T]", *, doing: str) -> _T:
        """What `call` gets from Transit; see `_ask` for errors."""
        return self._ask(lambda client: call(cast("_Transit", client.secrets.transit)), doing=doing)

    def _ask(self, call: Callable[[Any], _T], *, doing: str) -> _T:
        """Raises `ChangedError`, `_NoSuchPathError` or `KeyFileError`, all without what was sent."""
        hvac: Any = _hvac()
        failure: KeyFileError
        try:
            return call(self._client(hvac))
        except hvac.exceptions.InvalidPath:
            failure = _NoSuchPathError(f"{doing}: Vault at {self.address} has no such path")
        except hvac.exceptions.VaultError as error:
            failure = self._explained(cast("Exception", error), doing)
        except OSError as error:
            failure = KeyFileError(
                f"{doing}: Vault at {self.address} cannot be reached ({type(error).__name__}); "
                "see VAULT_ADDR and VAULT_CACERT"
            )
        # Outside of `except`: frames and attributes of the library's error hold the request.
        raise failure

    def _explained(self, error: Exception, doing: str) -> KeyFileError:
        name = type(error).__name__
        errors = cast("Sequence[object]", getattr(error, "errors", None) or ())
        words = " ".join("; ".join(str(part) for part in errors).split())[:200]
        if "check-and-set" in words:
            return ChangedError(f"{doing}: it was changed by somebody else")
        hint = "; see what the token is allowed and whether it has expired" if name == "Forbidden" else ""
        return KeyFileError(
            f"{doing}: Vault at {self.address} answered {name} ({words or 'no reason'}){hint}"
        )

    def _client(self, hvac: Any) -> Any:
        client = hvac.Client(
            url=self.address,
            token=_token(),
            timeout=_TIMEOUT_S,
            namespace=os.environ.get("VAULT_NAMESPACE") or None,
            verify=os.environ.get("VAULT_CACERT") or True,
        )
        if self.address.startswith("https:") and urlsplit(self.address).hostname not in _LOOPBACK:
            context = ssl.create_default_context(cafile=os.environ.get("VAULT_CACERT") or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            client.session.get_adapter(self.address).init_poolmanager(1, 1, ssl_context=context)
        return client


class VaultStore:
    """A key set in a secret of KV version 2, in its field ``key_set``; check-and-set keeps writers apart."""

    writable = True
    look_every_s = 300.0

    def __init__(self, server: Server, *, mount: str, path: str, envelope: Envelope) -> None:
        self._server = server
        self._mount = mount
        self._path = path
        self._envelope = envelope
        self.place = f"Vault's secret {mount}/{path}"

    def version(self) -> str:
        """The version number."""
        data = self._get()
        return "" if data is None else str(data.version)

    def read(self) -> Stored | None:
        """The newest version, opened."""
        data = self._get()
        if data is None:
            return None
        raw = HiddenBytes(data.value.encode())
        try:
            return Stored(self._envelope.open(raw), str(data.version))
        except KeyFileError as error:
            message = str(error)
        raise KeyFileError(f"{self.place} does not open: {message}")

    def write(self, data: HiddenBytes, *, replaces: str) -> None:
        """Write a version, then destroy all earlier ones: what is destroyed here must not live on there."""
        secret = {_FIELD: HiddenText(bytes(self._envelope.seal(data)).decode())}
        self._server.kv(
            lambda kv: kv.create_or_update_secret(
                self._path, secret, cas=int(replaces or 0), mount_point=self._mount
            ),
            doing=f"writing {self.place}",
        )
        if earlier := self._earlier():
            self._server.kv(
                lambda kv: kv.destroy_secret_versions(self._path, earlier, mount_point=self._mount),
                doing=f"destroying earlier versions of {self.place}, after writing the new one",
            )

    def complaints(self) -> list[str]:
        """Earlier versions that still hold keys."""
        earlier = self._earlier()
        if not earlier:
            return []
        versions = ",".join(map(str, earlier))
        command = f"vault kv destroy -mount={self._mount} -versions={versions} {self._path}"
        return [f"earlier versions of {self.place} still hold keys; run: {command}"]

    def _get(self) -> _Data | None:
        try:
            answer = self._server.kv(
                lambda kv: kv.read_secret_version(
                    self._path, mount_point=self._mount, raise_on_deleted_version=True
                ),
                doing=f"reading {self.place}",
            )
        except _NoSuchPathError:
            return None
        content = answer["data"]["data"].get(_FIELD)
        if not isinstance(content, str):
            raise KeyFileError(f"{self.place} has no field {_FIELD}: it is not a Traceo key set")
        return _Data(HiddenText(content), int(answer["data"]["metadata"]["version"]))

    def _earlier(self) -> list[int]:
        answer = self._server.kv(
            lambda kv: kv.read_secret_metadata(self._path, mount_point=self._mount),
            doing=f"reading the versions of {self.place}",
        )
        newest = int(answer["data"]["current_version"])
        versions = cast("Mapping[str, Mapping[str, object]]", answer["data"]["versions"])
        return sorted(
            int(number)
            for number, state in versions.items()
            if int(number) != newest and not state.get("destroyed")
        )


class TransitKey:
    """A key of Vault's Transit engine that wraps content keys (AES-256-GCM inside Vault, by its default)."""

    service: Service = "vault-transit"

    def __init__(self, server: Server, *, mount: str, name: str) -> None:
        self._server = server
        self._mount = mount
        self._name = name
        self.kid = f"{mount}/{name}"

    def wrap(self, key: HiddenBytes) -> bytes:
        """Vault's ciphertext, ``vault:v1:…``."""
        text = HiddenText(base64.b64encode(key).decode())
        answer = self._server.transit(
            lambda transit: transit.encrypt_data(self._name, plaintext=text, mount_point=self._mount),
            doing=f"wrapping with Vault's key {self.kid}",
        )
        return str(answer["data"]["ciphertext"]).encode()

    def unwrap(self, wrapped: bytes) -> HiddenBytes:
        """What `wrap` wrapped, with whichever version of the key."""
        text = wrapped.decode("ascii", "replace")
        answer = self._server.transit(
            lambda transit: transit.decrypt_data(self._name, ciphertext=text, mount_point=self._mount),
            doing=f"unwrapping with Vault's key {self.kid}",
        )
        return HiddenBytes(base64.b64decode(answer["data"]["plaintext"]))


def _token() -> HiddenText:
    path = os.environ.get("VAULT_TOKEN_FILE") or str(Path("~/.vault-token").expanduser())
    token = "" if "VAULT_TOKEN_FILE" in os.environ else os.environ.get("VAULT_TOKEN", "")
    if not token:
        try:
            token = Path(path).read_text().strip()
        except OSError:
            token = ""
    if not token:
        raise ConfigError("there is no token for Vault; set VAULT_TOKEN or VAULT_TOKEN_FILE")
    return HiddenText(token)


def _hvac() -> Any:
    """The package with its submodule ``exceptions``: an extra, and slow to load."""
    try:
        importlib.import_module("hvac.exceptions")
        return importlib.import_module("hvac")
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; run: pip install 'traceo[vault]'") from None
