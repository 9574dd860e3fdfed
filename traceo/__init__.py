"""Traceo: traces and logs that are safe to look at, from one line.

>>> import traceo
>>> traceo.redact("mail ada@example.com").text
'mail [EMAIL]'

`init` starts it; `span` and `instrument` add what the hooks cannot see, `subject` whom it is about; `status`,
`flush` and `shutdown` say and settle what has become of it. Read on in ``startup.py``, ``client.py`` and
``pipeline/``.
"""

from typing import TYPE_CHECKING

from traceo._version import __version__

if TYPE_CHECKING:
    from traceo.client import Client
    from traceo.errors import ConfigError, TraceoError
    from traceo.libraries import Instrumented, uninstrument
    from traceo.pipeline.health import Counts, Status
    from traceo.redaction import Policy, Redacted, redact
    from traceo.spans import instrument, span
    from traceo.startup import flush, init, shutdown, status
    from traceo.subjects import subject

__all__ = [
    "Client",
    "ConfigError",
    "Counts",
    "Instrumented",
    "Policy",
    "Redacted",
    "Status",
    "TraceoError",
    "__version__",
    "flush",
    "init",
    "instrument",
    "redact",
    "shutdown",
    "span",
    "status",
    "subject",
    "uninstrument",
]

# Nothing is imported before it is used: `import traceo` in a module that never calls it costs a millisecond.
_HOMES = {
    "Client": "traceo.client",
    "ConfigError": "traceo.errors",
    "Counts": "traceo.pipeline.health",
    "Instrumented": "traceo.libraries",
    "Policy": "traceo.redaction",
    "Redacted": "traceo.redaction",
    "Status": "traceo.pipeline.health",
    "TraceoError": "traceo.errors",
    "flush": "traceo.startup",
    "init": "traceo.startup",
    "instrument": "traceo.spans",
    "redact": "traceo.redaction",
    "shutdown": "traceo.startup",
    "span": "traceo.spans",
    "status": "traceo.startup",
    "subject": "traceo.subjects",
    "uninstrument": "traceo.libraries",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'traceo' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - already loaded by any interpreter that got here

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
