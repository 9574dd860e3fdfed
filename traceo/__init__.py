"""Traceo: traces, metrics and logs that are safe to look at, from one line.

>>> import traceo
>>> traceo.redact("mail ada@example.com").text
'mail [EMAIL]'

`init` starts it; `span` and `instrument` add what the hooks cannot see, `counter`, `histogram` and their kin
what is to be counted, `subject` whom it is about; `status`, `flush` and `shutdown` say and settle what has
become of it. Read on in ``startup.py``, ``client.py`` and ``pipeline/``.
"""

import sys
from typing import TYPE_CHECKING

from traceo._version import __version__

if TYPE_CHECKING:
    from traceo.client import Client
    from traceo.errors import ConfigError, TraceoError
    from traceo.libraries import Instrumented, uninstrument
    from traceo.meters import (
        counter,
        gauge,
        histogram,
        observable_counter,
        observable_gauge,
        observable_up_down_counter,
        up_down_counter,
    )
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
    "counter",
    "flush",
    "gauge",
    "histogram",
    "init",
    "instrument",
    "observable_counter",
    "observable_gauge",
    "observable_up_down_counter",
    "redact",
    "shutdown",
    "span",
    "status",
    "subject",
    "uninstrument",
    "up_down_counter",
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
    "counter": "traceo.meters",
    "flush": "traceo.startup",
    "gauge": "traceo.meters",
    "histogram": "traceo.meters",
    "init": "traceo.startup",
    "instrument": "traceo.spans",
    "observable_counter": "traceo.meters",
    "observable_gauge": "traceo.meters",
    "observable_up_down_counter": "traceo.meters",
    "redact": "traceo.redaction",
    "shutdown": "traceo.startup",
    "span": "traceo.spans",
    "status": "traceo.startup",
    "subject": "traceo.subjects",
    "uninstrument": "traceo.libraries",
    "up_down_counter": "traceo.meters",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'traceo' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - already loaded by any interpreter that got here

    value: object = getattr(import_module(home), name)
    globals()[name] = value
    # What came along is named now: at the very end of a process nothing can be imported any more.
    for other, place in _HOMES.items():
        if other not in globals() and hasattr(module := sys.modules.get(place), other):
            globals()[other] = getattr(module, other)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
