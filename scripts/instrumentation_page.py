"""Print docs/instrumentation.md, from the catalogue that `traceo.init` itself reads."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from traceo.instrumentation.catalog import LIBRARIES, Library
from traceo.instrumentation.contrib import PACKAGES

HEAD = """# Instrumentation

`traceo.init()` hooks the libraries below as soon as the application imports them, before or after; it imports none
by itself. Spans follow OpenTelemetry's stable semantic conventions: names of low cardinality (route templates, operation
and table, never raw paths), one span an operation where layers stack (requests over urllib3, SQLAlchemy over its driver),
errors recorded once, the application's exceptions unchanged. Values are redacted afterwards, like everything else.

A version newer than those tested is hooked all the same, and flagged: `traceo doctor` lists what it finds.

```python
import traceo

traceo.init(instrument="auto")  # all of them; "-redis" leaves one out, "httpx,flask" takes just these
traceo.instrument("redis")  # one more, later
traceo.uninstrument("redis")  # the library's own objects back; without a name, all of them
print(traceo.status().instrumentation)  # what is hooked now
```

The same without a line of code: `traceo run app.py`, `traceo run -m shop.worker`, `traceo run gunicorn shop:app -w 4`;
`TRACEO_INSTRUMENT` and `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` choose there. Processes that the program starts are
instrumented as well.

## Hooks of Traceo

| library | name in `instrument` | tested | recorded | not recorded |
| --- | --- | --- | --- | --- |
"""

CONTRIB = """
## By packages of the OpenTelemetry project

Used when the package is installed (`pip install 'traceo[contrib]'` has all of them, or any one alone) and is what it says
it is: nothing but these distributions, and in them these classes, is loaded. Their spans are held to the stable
conventions and to low cardinality, whatever their defaults are; their own metrics are off, ours are taken from spans.

| library | name in `instrument` | by | tested | recorded | not recorded |
| --- | --- | --- | --- | --- | --- |
"""

WITHOUT_SPANS = """
## Without spans

| library | name in `instrument` | tested | what happens |
| --- | --- | --- | --- |
"""

TAIL = """
Tasks, groups, callbacks, threads and generators of asyncio carry the current span without a hook.

Libraries that emit OpenTelemetry by themselves (pydantic-ai is one, tested) need no row here: Traceo's provider is
OpenTelemetry's global one, so their spans are recorded, redacted and sent like ours.

## Applications without a framework

```python
from traceo.instrumentation.middleware import WsgiMiddleware  # and AsgiMiddleware


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


app = WsgiMiddleware(app)
```
"""


def page() -> str:
    """The whole page."""
    spans = [row for row in LIBRARIES if row.omits]
    ours = [row for row in spans if row.name not in PACKAGES]
    theirs = [row for row in spans if row.name in PACKAGES]
    rest = [row for row in LIBRARIES if not row.omits]
    return (
        HEAD
        + "".join(
            f"| {_title(row)} | {_names(row)} | {_tested(row)} | {row.captures} | {row.omits} |\n"
            for row in ours
        )
        + CONTRIB
        + "".join(
            f"| {_title(row)} | {_names(row)} | {PACKAGES[row.name].distribution} | {_tested(row)} "
            f"| {row.captures} | {row.omits} |\n"
            for row in theirs
        )
        + WITHOUT_SPANS
        + "".join(f"| {_title(row)} | {_names(row)} | {_tested(row)} | {row.captures} |\n" for row in rest)
        + TAIL
    )


def _title(row: Library) -> str:
    return row.module.partition(".")[0] if row.distribution == "python" else row.distribution


def _names(row: Library) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys((row.name, *row.aliases)))


def _tested(row: Library) -> str:
    low, high = row.tested
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    sys.stdout.write(page())
