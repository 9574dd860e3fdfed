"""From what somebody wrote (``--keys``) to the place it means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from traceo.errors import ConfigError
from traceo.sealing.providers.envelope import Envelope, Passphrase, Plain, Wrapped, Wrapper
from traceo.sealing.providers.folder import FolderStore
from traceo.sealing.providers.store import KeyStore
from traceo.sealing.providers.variable import VariableStore

__all__ = ["FORMS", "open_store"]

FORMS: Final = (
    "file:DIR, env:NAME, vault-kv://HOST/MOUNT/PATH, vault-transit://HOST/MOUNT/KEY or aws-kms://KEY"
)


def open_store(place: str, *, directory: Path, envelope: Envelope | None = None) -> KeyStore:
    """The store that `place` names; "" and key services without ``?dir=`` keep their file in `directory`.

    Its content is in `envelope`, or plain; a key service brings its own. Raises `ConfigError` for what is no
    place, and for a missing extra.
    """
    scheme, rest, options = _parts(place)
    envelope = envelope or Plain()
    match scheme:
        case "file":
            _known(place, options, ())
            return FolderStore(Path(rest).expanduser() if rest else directory, envelope)
        case "env":
            _known(place, options, ())
            return VariableStore(_needed(place, rest), envelope)
        case "vault-kv":
            _known(place, options, ())
            from traceo.sealing.providers.vault import Server, VaultStore  # noqa: PLC0415 - an extra's

            address, mount, path = _vault(place, rest)
            return VaultStore(Server(address), mount=mount, path=path, envelope=envelope)
        case _:
            _known(place, options, ("dir", "region") if scheme == "aws-kms" else ("dir",))
            if isinstance(envelope, Passphrase):
                raise ConfigError(f"{scheme} protects the key file by itself; leave the passphrase out")
            folder = Path(options["dir"]).expanduser() if "dir" in options else directory
            return FolderStore(folder, Wrapped(_wrapper(place, scheme, rest, options)))


def _wrapper(place: str, scheme: str, rest: str, options: Mapping[str, str]) -> Wrapper:
    if scheme == "aws-kms":
        from traceo.sealing.providers.kms import KmsKey  # noqa: PLC0415 - an extra's

        return KmsKey(_needed(place, rest), region=options.get("region", ""))
    from traceo.sealing.providers.vault import Server, TransitKey  # noqa: PLC0415 - an extra's

    address, mount, name = _vault(place, rest)
    return TransitKey(Server(address), mount=mount, name=name)


def _parts(place: str) -> tuple[str, str, dict[str, str]]:
    for scheme in ("vault-kv", "vault-transit", "aws-kms"):
        if place.startswith(f"{scheme}://"):
            rest, _, query = place.removeprefix(f"{scheme}://").partition("?")
            return scheme, rest, dict(parse_qsl(query, keep_blank_values=True))
    for scheme in ("file", "env"):
        if place.startswith(f"{scheme}:"):
            return scheme, place.removeprefix(f"{scheme}:"), {}
    if "://" in place:
        raise ConfigError(f"{place} is not a place for keys (from --keys); give {FORMS}")
    return "file", place, {}


def _vault(place: str, rest: str) -> tuple[str, str, str]:
    host, _, path = rest.partition("/")
    mount, _, name = path.strip("/").partition("/")
    if not mount or not name:
        raise ConfigError(f"{place} names no mount and path (from --keys); give {FORMS}")
    return f"https://{host}" if host else "", mount, name


def _known(place: str, options: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in options:
        if name not in names:
            raise ConfigError(f"{place}: there is no option {name} here (from --keys)")


def _needed(place: str, rest: str) -> str:
    if not rest:
        raise ConfigError(f"{place} names nothing (from --keys); give {FORMS}")
    return rest
