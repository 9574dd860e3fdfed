"""Which libraries are here, and who would hook them."""

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from traceo.cli.finding import Finding
from traceo.errors import ConfigError
from traceo.instrumentation.catalog import LIBRARIES, Library, is_newer, is_older
from traceo.instrumentation.contrib import PACKAGES
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
    by = ""
    if row.name in PACKAGES:
        package = PACKAGES[row.name].distribution
        installed = _version(package)
        if installed is None:
            return Finding("note", row.name, f"{what}: not hooked", f"pip install {package}")
        by = f" by {package} {installed}"
    if is_newer(version, row):
        tested = f"newer than the {row.tested[1]} that was tested"
        return Finding("note", row.name, f"{what}: hooked{by}, {tested}", "look at its spans")
    if is_older(version, row):
        tested = f"older than the {row.tested[0]} that was tested"
        return Finding("note", row.name, f"{what}: hooked{by}, {tested}", "look at its spans")
    return Finding("ok", row.name, f"{what}: hooked{by} when it is imported")


def _version(distribution: str) -> str | None:
    if distribution == "python":
        return platform.python_version()
    for name in (distribution, distribution.removesuffix("-binary")):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
