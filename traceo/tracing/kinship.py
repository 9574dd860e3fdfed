"""``isinstance`` against the OpenTelemetry SDK's classes, without importing or inheriting from the SDK.

Libraries ask ``isinstance(get_tracer_provider(), TracerProvider)`` before they add their span processor.
A class of ours that offers what the SDK's does answers yes, once the application has imported the SDK:
its ``__class__`` names the SDK's class, which is what ``isinstance`` looks at second.
"""

import sys

__all__ = ["kin"]


def kin(thing: object, module: str, name: str) -> type:
    """The SDK's class ``name`` if its module is loaded, else the class of ``thing``."""
    loaded = sys.modules.get(module)
    return type(thing) if loaded is None else getattr(loaded, name, type(thing))
