"""Starting a collector: what can go wrong before anything heavy is loaded."""

import socket

from traceo.collector import journal
from traceo.collector.datadir import DataFolder
from traceo.collector.settings import Settings
from traceo.errors import ConfigError

__all__ = ["check", "serve"]


def serve(settings: Settings) -> None:
    """Run a collector until SIGTERM or SIGINT; prints one line when it is ready.

    Raises:
        ConfigError: a setting is wrong, or the port is taken.
        StoreError: the data folder cannot be used.
        KeyFileError: the key file cannot be used.
    """
    settings = settings.checked()
    with _listen(settings) as listener, DataFolder(settings.data):
        from traceo.collector.running import run  # noqa: PLC0415  half a second that a wrong setting need not wait

        run(settings, listener)
    journal.info("stopped")


def check(settings: Settings) -> None:
    """Find out whether ``serve`` could start: settings, port, data folder and keys.

    Raises:
        ConfigError, StoreError, KeyFileError: as ``serve``.
    """
    from traceo.collector.keys import open_keys  # noqa: PLC0415  as above
    from traceo.collector.tls import Tls  # noqa: PLC0415  as above

    settings = settings.checked()
    with _listen(settings), DataFolder(settings.data):
        Tls.of(settings)
        open_keys(settings)


def _listen(settings: Settings) -> socket.socket:
    address = (settings.host, settings.port)
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"host {settings.host} does not resolve (from --host); give an address") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port {settings.port} on {settings.host} cannot be used: {error.strerror} (from --port); "
            "stop what listens there or give another port"
        ) from error
    listener.setblocking(False)
    return listener
