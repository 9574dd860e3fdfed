"""Real servers of Debian's packages on 127.0.0.1, each started when a test asks for it and stopped at the end.

``redis``, ``postgres``, ``mariadb`` and ``rabbitmq`` are fixtures of the session: the address of a server with
nothing in it. A test makes names of its own there. scripts/setup installs the packages.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

__all__ = ["Address", "mariadb", "postgres", "rabbitmq", "redis"]


class Address(NamedTuple):
    """Where a server listens, and as whom to ask it."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    database: str = ""

    @property
    def url(self) -> str:
        """``//user:password@host:port/database``, for whatever scheme the client wants in front."""
        who = f"{self.user}:{self.password}@" if self.user else ""
        return f"//{who}{self.host}:{self.port}/{self.database}"


@pytest.fixture(scope="session")
def redis() -> Iterator[Address]:
    port = _free_port()
    with _folder() as folder:
        command = [_found("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        with _running([*command, "--dir", str(folder)], folder, _listens(port)):
            yield Address("127.0.0.1", port)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    port = _free_port()
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))
    with _folder("postgres") as folder:
        data = folder / "data"
        make = [_found(programs / "initdb"), "-D", str(data), "-U", "traceo", "-A", "trust", "--no-sync"]
        _once([*make, "--locale=C.UTF-8", "-E", "UTF8"], folder, user="postgres")
        command = [_found(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=50"]
        ask = [_found(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        with _running([*command, *settings], folder, _answers(ask), user="postgres", stop=signal.SIGINT):
            yield Address("127.0.0.1", port, "traceo", "unused", "postgres")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Address]:
    port = _free_port()
    with _folder("mysql") as folder:
        data = f"--datadir={folder / 'data'}"
        make = [_found("mariadb-install-db"), "--no-defaults", data, "--skip-test-db"]
        _once([*make, "--auth-root-authentication-method=normal"], folder, user="mysql")
        command = [_found("mariadbd"), "--no-defaults", data, f"--port={port}", "--bind-address=127.0.0.1"]
        place = [f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
        lean = ["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]
        with _running([*command, *place, *lean], folder, _listens(port), user="mysql"):
            yield Address("127.0.0.1", port, "root", "", "mysql")


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Address]:
    port, mapper, distribution = _free_port(), _free_port(), _free_port()
    server = Path(_found("rabbitmq-server")).resolve()
    real = max(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"), default=server)
    with _folder("rabbitmq") as folder:
        environment = {
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"traceo{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        }
        try:
            with _running([str(real)], folder, _greets(port), user="rabbitmq", environment=environment):
                yield Address("127.0.0.1", port, "guest", "guest")
        finally:
            epmd = shutil.which("epmd")
            if epmd:  # Erlang's port mapper stays behind otherwise
                ask = {**os.environ, "ERL_EPMD_PORT": str(mapper)}
                subprocess.run([epmd, "-kill"], env=ask, capture_output=True, check=False)


# --- processes


def _found(program: str | Path) -> str:
    path = shutil.which(str(program))
    assert path, f"{program} is missing: scripts/setup installs it"
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _folder(owner: str = "") -> Iterator[Path]:
    """A folder of the server's own; as root it belongs to the user that the server wants to be."""
    folder = Path(tempfile.mkdtemp(prefix="traceo-"))
    try:
        if owner and not os.geteuid():
            entry = pwd.getpwnam(owner)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(user: str) -> dict[str, object]:
    """Most servers refuse to be root."""
    if not user or os.geteuid():
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _once(command: Sequence[str], folder: Path, *, user: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **_as(user))
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(
    command: Sequence[str],
    folder: Path,
    is_ready: Callable[[], bool],
    *,
    user: str = "",
    environment: dict[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
            **_as(user),
        )
    try:
        deadline = time.monotonic() + 60
        while not is_ready():
            said = (folder / "output").read_text(errors="replace")
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _listens(port: int) -> Callable[[], bool]:
    def is_ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return is_ready


def _answers(command: Sequence[str]) -> Callable[[], bool]:
    return lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0


def _greets(port: int) -> Callable[[], bool]:
    """An AMQP server answers a protocol that it does not speak with the one that it does."""

    def is_ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                probe.settimeout(1)
                probe.sendall(b"AMQP\x07\x07\x07\x07")
                return probe.recv(4) == b"AMQP"
        except OSError:
            return False

    return is_ready
