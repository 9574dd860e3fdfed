"""Which libraries are here, and who would hook them."""

import os
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from traceo.cli.finding import Finding
from traceo.errors import ConfigError
from traceo.instrumentation.catalog import LIBRARIES, Library, is_newer
from traceo.instrumentation.options import Selection

if TYPE_CHECKING:
    from traceo.config import Config

__all__ = ["findings"]


def findings(config: "Config", *, is_complete: bool) -> Iterator[Finding]:
    """One finding a library that is installed; all of them if ``is_complete``."""
    source = config.sources.get("instrument", "default")
    try:
        selection = Selection.parse(
            config.instrument,
            disabled=os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", ""),
            source=f"instrument (from {source})",
        )
    except ConfigError as error:
        yield Finding("wrong", "libraries", str(error))
        return
    for row in LIBRARIES:
        if row.distribution == "python":
            continue
        finding = _library(row, selection)
        if finding is not None:
            yield finding
        elif is_complete:
            yield Finding("note", row.name, f"{row.distribution} is not installed")


def _library(row: Library, selection: Selection) -> Finding | None:
    version = _version(row.distribution)
    if version is None:
        return None
    what = f"{row.distribution} {version}"
    if not selection.includes(row.name):
        return Finding("note", row.name, f"{what}: left out by the settings")
    if is_newer(version, row):
        return Finding(
            "note",
            row.name,
            f"{what}: hooked, newer than the {row.tested[1]} that was tested",
            "look at its spans",
        )
    return Finding("ok", row.name, f"{what}: hooked when it is imported")


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
