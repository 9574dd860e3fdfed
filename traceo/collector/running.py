"""The composition root of the collector: the only module that knows every part."""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from traceo.collector import journal
from traceo.collector.api.api import query_api
from traceo.collector.app import dispatcher, is_local
from traceo.collector.counters import Counters
from traceo.collector.http import App
from traceo.collector.keys import Keys, open_keys
from traceo.collector.probes import Probes
from traceo.collector.query.engine import Engine
from traceo.collector.receivers.opening import Opener
from traceo.collector.receivers.reading import RowReader
from traceo.collector.receivers.receiver import Receiver
from traceo.collector.sealed.parts import SealedParts
from traceo.collector.settings import Settings
from traceo.collector.static import Pages
from traceo.collector.store.store import Store
from traceo.collector.tls import Tls
from traceo.errors import StoreError
from traceo.sealing import Senders

__all__ = ["run"]

_SWITCH_S = 0.001  # the writer's long loops must not hold an answer up for Python's usual 5 ms a turn
_KEEP_ALIVE_S = 75  # longer than senders pause between batches: a closed connection costs them a retry
_DIST = Path(__file__).parent / "web" / "dist"


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve on a listening socket until a signal; the data folder is locked by the caller.

    Raises:
        ConfigError: the TLS files or the place of the keys cannot be used.
        StoreError: the data folder cannot be used.
        KeyFileError: the key set cannot be used.
    """
    journal.adopt_logging()
    sys.setswitchinterval(_SWITCH_S)
    # A core file would hold the private keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    tls = Tls.of(settings)
    keys = open_keys(settings)
    senders = Senders.load(settings.data / "senders")
    opener = Opener(keys.ring, message_bytes=settings.message_bytes, senders=senders)
    # After a long sleep the log may be sealed to a key that is due to be destroyed: replay, then turn.
    store = _open_store(settings, opener)
    try:
        keys.refresh()
        sealed = SealedParts(settings.data, opener=opener, senders=senders)
        app = _compose(settings, keys=keys, opener=opener, store=store, sealed=sealed)
        _answer(app, settings, listener, keys=keys, tls=tls)
    finally:
        store.close()


def _open_store(settings: Settings, opener: Opener) -> Store:
    try:
        return Store(settings, reader=RowReader(opener))
    except OSError as error:
        raise StoreError(
            f"the data folder {settings.data} cannot be used: {error.strerror}: {error.filename}"
        ) from error


def _compose(settings: Settings, *, keys: Keys, opener: Opener, store: Store, sealed: SealedParts) -> App:
    counters = Counters()
    return dispatcher(
        # Over TLS no web page elsewhere can pose as us: it has no certificate for its name.
        local_only=is_local(settings.host) and settings.tls_cert is None,
        receiver=Receiver(
            settings,
            store=store,
            opener=opener,
            foreign=sealed.foreign,
            keys=sealed.intake,
            counters=counters,
        ),
        sealed=sealed.api,
        api=query_api(engine=Engine(store), store=store, counters=counters, keys=keys),
        probes=Probes(store=store, counters=counters),
        pages=Pages(_DIST),
    )


def _answer(app: App, settings: Settings, listener: socket.socket, *, keys: Keys, tls: Tls | None) -> None:
    host, port = listener.getsockname()[:2]
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.shutdown_s),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
    )
    url = _url("http" if tls is None else "https", host, port)
    ready = f"traceo collector listens on {url}, data in {settings.data}"
    server = _Server(config, ready=ready, fingerprint=keys.fingerprint)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(server, listener, keys=keys, tls=tls))


async def _serve(server: "_Server", listener: socket.socket, *, keys: Keys, tls: Tls | None) -> None:
    chores = [asyncio.create_task(keys.keep())]
    if tls is not None:
        chores.append(asyncio.create_task(tls.keep()))
    try:
        await server.serve(sockets=[listener])
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn's server with our ready line, ending with code 0 on a signal instead of dying of it."""

    def __init__(self, config: uvicorn.Config, *, ready: str, fingerprint: str) -> None:
        super().__init__(config)
        self._ready = ready
        self._fingerprint = fingerprint

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(self._ready + "\n")
        sys.stdout.flush()
        journal.info("ready", pid=os.getpid(), seal_key=self._fingerprint)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        if self.should_exit:
            self.force_exit = True  # asked twice: answer nobody else, but still finish the writes
        self.should_exit = True
