"""Hooks into the libraries an application uses: spans without a line of code, and without importing anything.

>>> from opentelemetry import trace
>>> installed = install(Selection.parse("httpx,sqlalchemy"), tracer_provider=trace.get_tracer_provider())
>>> installed.uninstall()
"""

from traceo.instrumentation.guard import failures
from traceo.instrumentation.install import Installed, LibraryState, install
from traceo.instrumentation.options import Options, Selection

__all__ = ["Installed", "LibraryState", "Options", "Selection", "failures", "install"]
