"""The compiled twins of the hottest modules, and the rule that none of them is ever stale.

Each module in ``MODULES`` is ordinary Python with its C types in a ``.pxd`` file beside it; three that
gain most from C (the encoder, the current span, the ids) have a ``.pyx`` twin instead. ``setup.py``
compiles them with Cython where it can and puts the results into this folder under names that carry a
fingerprint of all the sources:

    traceo/_compiled/span_5f0c21aa.cpython-311-x86_64-linux-gnu.so

The last line of each source calls ``replace(__name__)``. It computes the fingerprint of the sources as
they are now; only a twin of that very fingerprint is loaded, and takes the module's place in
``sys.modules`` before anybody has seen the Python version. After an edit the names no longer match and
plain Python runs until the next build (``python setup.py build_ext --inplace``), slower and never wrong.
``TRACEO_PURE=1`` asks for plain Python.

>>> from traceo import _compiled
>>> _compiled.status()["traceo.records"] in ("compiled", "pure", "not built", "broken")
True
"""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from zlib import crc32

__all__ = ["MODULES", "fingerprint", "replace", "status"]

MODULES = (
    "traceo.records",
    "traceo.tracing.context",
    "traceo.tracing.ids",
    "traceo.tracing.clock",
    "traceo.tracing.durations",
    "traceo.tracing.site",
    "traceo.tracing.keeping",
    "traceo.tracing.span",
    "traceo.tracing.tracer",
    "traceo.tracing.snapshot",
    "traceo.exporters.otlp",
    "traceo.exporters.otlp_metrics",
    "traceo.pipeline.queue",
    "traceo.pipeline.scrub",
    "traceo.metrics.keys",
    "traceo.metrics.cells",
    "traceo.metrics.exponential",
    "traceo.metrics.stream",
    "traceo.metrics.instruments",
)

# Plain Python that a twin has its own copy of: a change of it makes the twins stale too.
_MIRRORED = ("traceo.exporters.wire",)

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib costs more than the rest of this
_ROOT = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120

_status: dict[str, str] = {}
_fingerprint: str | None = None
_loading: set[str] = set()


def fingerprint(root: str = _ROOT) -> str:
    """Eight hex digits that change with any of the sources under ``root``."""
    checksum = 0
    for name in (*MODULES, *_MIRRORED):
        stem = os.path.join(root, *name.split("."))  # noqa: PTH118
        for suffix in (".py", ".pxd", ".pyx"):
            try:
                with open(stem + suffix, "rb") as source:  # noqa: PTH123
                    checksum = crc32(source.read(), checksum)
            except FileNotFoundError:
                continue
    return f"{checksum:08x}"


def replace(name: str) -> None:
    """Put the compiled twin of module ``name`` into its place, if there is a fresh one that loads."""
    global _fingerprint
    if name in _loading or name not in MODULES:
        return
    if os.environ.get("TRACEO_PURE", "").strip().lower() in ("1", "true", "yes", "on"):
        _status[name] = "pure"
        return
    if _fingerprint is None:
        _fingerprint = fingerprint()
    stem = os.path.join(_HERE, f"{name.rpartition('.')[2]}_{_fingerprint}")  # noqa: PTH118
    path = next((stem + suffix for suffix in EXTENSION_SUFFIXES if os.path.exists(stem + suffix)), None)  # noqa: PTH110
    if path is None:
        _status[name] = "not built"
        return
    _loading.add(name)
    try:
        loader = ExtensionFileLoader(name, path)
        spec = spec_from_loader(name, loader)
        if spec is not None:
            module = module_from_spec(spec)
            loader.exec_module(module)
            sys.modules[name] = module
            _status[name] = "compiled"
    except Exception:  # another ABI, or a twin of another build: the Python version is complete
        _status[name] = "broken"
    finally:
        _loading.discard(name)


def status() -> dict[str, str]:
    """What runs, by module: ``compiled``, ``pure`` (asked for), ``not built`` or ``broken``."""
    return dict(_status)
