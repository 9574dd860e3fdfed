"""The interpreter, and what of it decides about speed, forks and endings."""

import multiprocessing
import os
import platform
import sys
from collections.abc import Iterator

from traceo._version import __version__
from traceo.cli.finding import Finding

__all__ = ["findings"]

_OLDEST = (3, 11)


def findings() -> Iterator[Finding]:
    """Python, the compiled twins, RE2, how processes are started, limits."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    where = f"{sys.implementation.name} {version} on {platform.system()} {platform.machine()}"
    if sys.version_info < _OLDEST:
        yield Finding("wrong", "python", where, "Traceo needs Python 3.11 or later")
    else:
        yield Finding("ok", "python", f"traceo {__version__}, {where}, {sys.executable}")
    yield _twins()
    yield _re2()
    yield _forks()
    yield from _files()


def _twins() -> Finding:
    import traceo.tracing.span as span  # noqa: PLC0415, PLR0402  to see which of the two it is

    if os.environ.get("TRACEO_PURE", "") not in {"", "0"}:
        return Finding("note", "compiled", "plain Python, as TRACEO_PURE asks")
    if str(getattr(span, "__file__", "")).endswith(".py") and not _is_compiled(span.Span):
        return Finding(
            "note",
            "compiled",
            "plain Python: several times the cost a span",
            "install with a C compiler present",
        )
    return Finding("ok", "compiled", "spans, queue and encoder run compiled")


def _is_compiled(cls: type) -> bool:
    return type(cls.__dict__.get("end")).__name__ != "function"


def _re2() -> Finding:
    from importlib.util import find_spec  # noqa: PLC0415  for one look

    if find_spec("re2") is None:
        return Finding(
            "note",
            "re2",
            "not there: redaction runs on `re`, about five times the cost",
            "install google-re2",
        )
    return Finding("ok", "re2", "redaction runs on RE2")


def _forks() -> Finding:
    method = (
        multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_context().get_start_method()
    )
    if not hasattr(os, "register_at_fork"):
        return Finding("note", "fork", f"no fork on this platform; multiprocessing starts by {method}")
    return Finding(
        "ok", "fork", f"forked children have a pipeline of their own; multiprocessing starts by {method}"
    )


def _files() -> Iterator[Finding]:
    try:
        import resource  # noqa: PLC0415  not on every platform
    except ImportError:
        return
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 256:
        yield Finding("warn", "files", f"only {soft} open files are allowed", "raise ulimit -n")
