"""``traceo collector``: run the reference collector."""

import argparse
import sys
from pathlib import Path

from traceo.errors import TraceoError

__all__ = ["HELP", "NAME", "configure", "run"]

NAME = "collector"
_DAY_S = 86_400
HELP = "receive, store and show telemetry (OTLP, plain and sealed)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=4318, help="port; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".traceo/collector"),
        metavar="DIR",
        help="folder for all data (default: ./%(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes; this version runs 1")
    parser.add_argument(
        "--check-config", action="store_true", help="say whether it could start, and do not start"
    )
    _add_keys(parser)
    _add_tls(parser)


def _add_keys(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("keys (see traceo keys --help)")
    group.add_argument(
        "--keys",
        default="",
        metavar="PLACE",
        help="where the key set is: file:DIR, env:NAME, vault-kv://HOST/MOUNT/PATH, "
        "vault-transit://HOST/MOUNT/KEY or aws-kms://KEY (default: file:DATA/keys)",
    )
    phrase = group.add_mutually_exclusive_group()
    phrase.add_argument(
        "--passphrase-env", metavar="NAME", help="the key set is locked; its passphrase is in this variable"
    )
    phrase.add_argument(
        "--passphrase-fd",
        type=int,
        metavar="N",
        help="the same, from a file descriptor, as in: 3</run/secrets/phrase",
    )
    group.add_argument(
        "--key-days",
        type=float,
        default=90,
        metavar="N",
        help="days that a key is sealed to; its successor is published 14 days before (default: %(default)s)",
    )
    group.add_argument(
        "--key-retention-days",
        type=float,
        default=90,
        metavar="N",
        help="days that it still opens what was sealed to it, and 7 more; then it is destroyed "
        "(default: %(default)s)",
    )


def _add_tls(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("transport (needed for any --host but loopback)")
    group.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM; TLS 1.3 and nothing below"
    )
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    group.add_argument(
        "--tls-client-ca",
        type=Path,
        metavar="FILE",
        help="require a client certificate of this CA, PEM (mutual TLS), for the page too",
    )
    group.add_argument(
        "--plain-http",
        action="store_true",
        help="listen without TLS beyond loopback: a proxy in front of the collector ends it",
    )


def run(args: argparse.Namespace) -> int:
    """Run until stopped; 0 after a signal, 2 when it cannot start."""
    try:
        from traceo.collector import Settings, check, serve  # noqa: PLC0415  half a second that --help need not pay
    except ModuleNotFoundError as error:
        print(
            f"traceo collector: {error.name} is not installed; run: pip install 'traceo[collector]'",
            file=sys.stderr,
        )
        return 2
    settings = Settings(
        data=args.data.absolute(),
        host=args.host,
        port=args.port,
        workers=args.workers,
        keys=args.keys,
        passphrase=_phrase(args),
        key_rotate_s=args.key_days * _DAY_S,
        key_retention_s=args.key_retention_days * _DAY_S,
        tls_cert=args.tls_cert,
        tls_key=args.tls_key,
        tls_client_ca=args.tls_client_ca,
        plain_http=args.plain_http,
    )
    try:
        if args.check_config:
            check(settings)
            print("ok: the collector can start with these settings")
            return 0
        serve(settings)
    except TraceoError as error:
        print(f"traceo collector: {error}", file=sys.stderr)
        return 2
    return 0


def _phrase(args: argparse.Namespace) -> str:
    if args.passphrase_env is not None:
        return f"env:{args.passphrase_env}"
    return "" if args.passphrase_fd is None else f"fd:{args.passphrase_fd}"
