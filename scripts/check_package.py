"""Runs inside an environment that has only the installed package: is all of it there, and which twin runs?

``check_package.py EXPECTED``, one of ``compiled``, ``not built`` and ``pure``.
"""

import importlib
import sys
from pathlib import Path

expected = sys.argv[1]

import traceo  # noqa: E402
from traceo import _compiled  # noqa: E402

root = Path(traceo.__file__).parent
assert "site-packages" in root.parts, root

for name in _compiled.MODULES:
    importlib.import_module(name)
assert _compiled.status() == dict.fromkeys(_compiled.MODULES, expected), _compiled.status()

missing = [
    name for name in ("py.typed", "tracing/span.pxd", "exporters/otlp.pyx") if not (root / name).exists()
]
assert not missing, missing

# A span from its start to bytes, with the real parts.
from traceo.exporters.otlp import encode_traces  # noqa: E402
from traceo.tracing import TracerProvider, snapshot  # noqa: E402

ended = []
tracer = TracerProvider(sink=ended.append, shutdown_on_exit=False).get_tracer("check")
with tracer.start_as_current_span("work", attributes={"number": 1, "text": "x", "list": [1, "a"]}) as span:
    span.add_event("event")
assert b"work" in encode_traces([snapshot(span) for span in ended])
print(f"  {expected}, {len(_compiled.MODULES)} modules")
