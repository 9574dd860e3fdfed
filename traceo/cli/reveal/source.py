"""Where keys and sealed things come from: a key set, and the collector's API."""

import argparse
import getpass
import os
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, urlencode, urlsplit

from traceo.cli.keys.place import add_passphrase, opened
from traceo.cli.keys.showing import add_tls
from traceo.errors import ConfigError, TraceoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from traceo.exporters.http import HttpSender, Response
    from traceo.sealing import PrivateKeys
    from traceo.sealing.keyring import WrappedKey

__all__ = ["Collector", "add_collector", "add_keys", "private_keys", "reader_of"]

_DEFAULT: Final = "http://127.0.0.1:4318"
_TIMEOUT_S: Final = 30.0
_ANSWER_BYTES: Final = 64 * 1024 * 1024
_KIDS_AT_ONCE: Final = 100


def add_keys(parser: argparse.ArgumentParser) -> None:
    """``--keys`` and where its passphrase comes from."""
    parser.add_argument(
        "--keys",
        dest="place",
        required=True,
        metavar="PLACE",
        help="your key set: a folder, or another place as in traceo keys --help",
    )
    add_passphrase(parser)


def add_collector(parser: argparse.ArgumentParser) -> None:
    """Which collector, and how to talk to it."""
    parser.add_argument(
        "--collector", default=_DEFAULT, metavar="URL", help="the collector's address (default: %(default)s)"
    )
    parser.add_argument("--api-key-env", metavar="NAME", help="take the API key from this variable")
    add_tls(parser)


def private_keys(args: argparse.Namespace) -> "PrivateKeys":
    """All keys of the key set at ``--keys`` that still open something."""
    from traceo.sealing.providers import load  # noqa: PLC0415 - cryptography, which --help need not load

    return load(opened(args)).private_keys()


class Collector:
    """The API of one collector. Raises `TraceoError` that says what it answered."""

    def __init__(self, args: argparse.Namespace, url: str = "") -> None:
        self._url = url or args.collector
        self._path = urlsplit(self._url).path.rstrip("/")
        self._sender = _sender(self._url, args)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.close()

    def rows(self, kids: "Sequence[str]", *, reader: str, reason: str) -> "list[WrappedKey]":
        """The rows of the key table that these keys need."""
        from traceo.sealing.keyring import decode_rows  # noqa: PLC0415 - as above

        rows: list[WrappedKey] = []
        wanted = sorted(set(kids))
        for at in range(0, len(wanted), _KIDS_AT_ONCE):
            asked = [("kid", kid) for kid in wanted[at : at + _KIDS_AT_ONCE]]
            query = urlencode([*asked, ("reader", reader), ("reason", reason)])
            rows += decode_rows(self._get(f"/api/traceo/subject-keys?{query}"))
        return rows

    def batches(self, **wanted: str | None) -> "Iterator[str]":
        """The ids of the sealed batches with these words in their header, in the order they came."""
        import msgspec  # noqa: PLC0415 - as above

        cursor: str | None = ""
        while cursor is not None:
            given = {name: value for name, value in (*wanted.items(), ("cursor", cursor)) if value}
            page = msgspec.json.decode(self._get(f"/api/traceo/sealed?{urlencode(given)}"))
            yield from (batch["id"] for batch in page["batches"])
            cursor = page["next"]

    def batch(self, batch_id: str) -> bytes:
        """One sealed batch."""
        return self._get(f"/api/traceo/sealed/{quote(batch_id, safe='')}")

    def push(self, signal: str, body: bytes) -> None:
        """Send an OTLP message, in the clear."""
        self._good(
            self._try(lambda: self._sender.send(f"{self._path}/v1/{signal}", body, "application/x-protobuf"))
        )

    def erase(self, subject: str) -> int:
        """Erase a person; how many keys there were."""
        import msgspec  # noqa: PLC0415 - as above

        path = f"{self._path}/api/traceo/subject-keys/{subject}"
        return msgspec.json.decode(self._good(self._try(lambda: self._sender.delete(path))))["erased"]

    def _get(self, path: str) -> bytes:
        return self._good(self._try(lambda: self._sender.get(self._path + path)))

    def _try(self, ask: "Callable[[], Response]") -> "Response":
        from traceo.exporters.http import explain  # noqa: PLC0415 - as above

        try:
            return ask()
        except OSError as error:
            raise TraceoError(f"{self._url}: {explain(error)}") from None

    def _good(self, answer: "Response") -> bytes:
        import msgspec  # noqa: PLC0415 - as above

        if answer.status == 200:
            return answer.body
        try:
            detail = msgspec.json.decode(answer.body, type=dict[str, object]).get("detail", "")
        except msgspec.DecodeError:
            detail = ""
        raise TraceoError(f"{self._url} answered {answer.status}{f': {detail}' if detail else ''}")


def reader_of(args: argparse.Namespace) -> str:
    """Who looks: what was given, or the name of the account."""
    if args.reader:
        return args.reader
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return str(os.getuid())


def _sender(url: str, args: argparse.Namespace) -> "HttpSender":
    from traceo.exporters.http import HttpSender, TLSFiles  # noqa: PLC0415 - as above

    headers: dict[str, str] = {}
    if args.api_key_env is not None:
        key = os.environ.get(args.api_key_env, "")
        if not key:
            raise ConfigError(f"{args.api_key_env} is empty (from --api-key-env)")
        headers["Authorization"] = f"Bearer {key}"
    tls = TLSFiles(args.ca, args.cert, args.key)
    return HttpSender(url, headers, _TIMEOUT_S, tls=tls, answer_bytes=_ANSWER_BYTES)
