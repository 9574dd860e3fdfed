"""The attribute names of OpenTelemetry's semantic conventions, read from the package that is generated of them."""

import functools
import importlib
import pkgutil
import re
from pathlib import Path

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable

__all__ = ["deprecated_names", "known_names"]

_CONSTANT = re.compile(
    r'^([A-Z0-9_]+): Final = (?:\(\s*)?"([^"]+)"(?:\s*\))?\n("""(?:.|\n)*?""")?', re.MULTILINE
)


@functools.cache
def known_names() -> frozenset[str]:
    """Every name that is in force; templates such as ``http.request.header`` stand for what follows them."""
    return frozenset(name for name, text in _constants() if not _is_deprecated(text))


@functools.cache
def deprecated_names() -> frozenset[str]:
    """Names of conventions before they were stable."""
    return frozenset(name for name, text in _constants() if _is_deprecated(text)) - known_names()


def _constants() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for package in (stable, incubating):
        for entry in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{entry.name}")
            text = Path(str(module.__file__)).read_text()
            found += [(match[2], match[3] or "") for match in _CONSTANT.finditer(text)]
    return found


def _is_deprecated(text: str) -> bool:
    # The names for language models have a repository of their own now; they are as they were.
    return "Deprecated" in text and "Deprecated: Moved to the [OpenTelemetry GenAI" not in text
