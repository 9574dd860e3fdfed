"""What a library's hook has to show, one file a library in ``rows/``, each with a ``ROW``.

A row knows how to use its library for real: one call that succeeds and one that fails, with values planted
wherever an application has them. `test_contract.py` holds every row to the same promises.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from opentelemetry import context as otel

__all__ = ["Calls", "Planted", "Row", "all_rows", "unobserved"]


@contextmanager
def unobserved() -> Iterator[None]:
    """For what a row has to prepare with its own library: no span is made of it."""
    token = otel.attach(otel.set_value(otel._SUPPRESS_INSTRUMENTATION_KEY, value=True))
    try:
        yield
    finally:
        otel.detach(token)


@dataclass(frozen=True)
class Planted:
    """What must not leave. Put each where it happens: path, query, header, body, statement, parameter, key…"""

    email: str = "ada.canary@analytical.example.com"
    card: str = "4539578763621486"
    secret: str = "ghp_" + "c4n4ryC4N4RY" * 3
    """An API key."""
    unspoken: str = "xyzzy-canary-of-a-body"
    """Only where nothing is captured unless an option asks for it: bodies, parameters, values, prompts."""

    @property
    def needles(self) -> tuple[str, ...]:
        """What is looked for in the bytes that leave."""
        return (self.email, self.email.replace("@", "%40"), self.card, self.secret, self.unspoken)


class Calls(Protocol):
    """A library in use: connected, or with its server running."""

    def good(self, planted: Planted, /) -> object:
        """One operation that succeeds; what it returns must not depend on being observed."""
        ...

    def bad(self, planted: Planted, /) -> object:
        """One operation whose failure the application sees. Returns what it sees, or raises it."""
        ...


@dataclass(frozen=True)
class Row:
    """One library."""

    name: str
    """Its row in the catalogue."""
    open: Callable[[pytest.FixtureRequest], AbstractContextManager[Calls]]
    """Takes it in use; called with the hook in place, and again in a forked child. Fixtures of
    tests/services.py by ``request.getfixturevalue("redis")``, ``serve`` for an ASGI application."""
    good: Sequence[tuple[str, str]]
    """``(kind, name)`` of the spans of the good call, in order of their start: ``("client", "GET")``."""
    bad: Sequence[tuple[str, str]]
    """The same of the bad call."""
    error: tuple[str, ...] = ()
    """``error.type`` of the failed spans of the bad call, in the same order; several are told apart by span.
    Empty: the failure is no error for these spans (a server's 404)."""
    also: Sequence[str] = ()
    """Rows to hook with it: the layers beneath, which must stay silent."""
    is_server: bool = False
    """The spans are those of a server, in another thread than the call."""
    forks: bool = True
    """Whether the library itself works in a child of a process that has used it."""
    why_not: str = ""
    """If it does not: why."""
    objects: Callable[[], Sequence[object]] | None = None
    """What the hook replaces, where that is not known from its patches (the packages of others)."""
    installs: dict[str, Any] | None = None
    """Options of the hook, for a second row of one library."""
    more_keys: Sequence[str] = ()
    """Attributes that no convention has: each with a reason beside it in the row."""

    def __str__(self) -> str:
        return self.name


def all_rows() -> list[Row]:
    """Every ``ROW`` and every member of ``ROWS`` in ``rows/``."""
    found: list[Row] = []
    for path in sorted((Path(__file__).parent / "rows").glob("*.py")):
        module = importlib.import_module(f"tests.contract.rows.{path.stem}")
        found += getattr(module, "ROWS", None) or [module.ROW]
    return found
