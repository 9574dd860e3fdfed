"""What else is installed that makes spans, and whether OpenTelemetry's packages fit each other."""

import re
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from traceo.cli.finding import Finding

__all__ = ["findings"]

_OTHERS: Final = {
    "ddtrace": "ddtrace-run",
    "newrelic": "newrelic-admin",
    "elastic-apm": "elasticapm.instrument()",
    "logfire": "logfire.configure()",
    "opentelemetry-distro": "opentelemetry-instrument",
}
"""Distribution → how it is started, which must not be done beside us."""
_EXACT: Final = re.compile(r"^(opentelemetry-[a-z0-9-]+)\s*(?:\()?==\s*([0-9][0-9a-z.]*)\)?(?:\s*;.*)?$")
_NEEDS: Final = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(?:\()?>=\s*([0-9][0-9a-z.]*)")


def findings() -> Iterator[Finding]:
    """OpenTelemetry's versions, each package's demand of the others, and other agents."""
    installed = {
        str(one.metadata["Name"]).lower().replace("_", "-"): one
        for one in metadata.distributions()
        if one.metadata["Name"]
    }
    telemetry = {name: one for name, one in installed.items() if name.startswith("opentelemetry-")}
    api = telemetry.get("opentelemetry-api")
    if api is None:
        yield Finding(
            "wrong", "opentelemetry", "opentelemetry-api is not installed", "pip install opentelemetry-api"
        )
    else:
        with_sdk = telemetry.get("opentelemetry-sdk")
        beside = f", sdk {with_sdk.version} beside it (not needed)" if with_sdk is not None else ""
        yield Finding("ok", "opentelemetry", f"api {api.version}{beside}")
    conflicts = [clash for one in telemetry.values() for clash in _conflicts(one, telemetry)]
    for clash in sorted(conflicts):
        yield Finding("warn", "opentelemetry", clash, "install versions of one release together")
    yield from _too_old(installed)
    for name, start in _OTHERS.items():
        if name in installed:
            version = installed[name].version
            yield Finding(
                "note", "others", f"{name} {version} is installed", f"do not use {start} beside Traceo"
            )


def _conflicts(one: metadata.Distribution, telemetry: dict[str, metadata.Distribution]) -> Iterator[str]:
    """Demands for exactly one version that another one stands in for."""
    for demand in one.requires or ():
        exact = _EXACT.match(demand)
        if exact is None or "extra ==" in demand:
            continue
        there = telemetry.get(exact[1])
        if there is not None and there.version != exact[2]:
            name = one.metadata["Name"]
            yield f"{name} {one.version} wants {exact[1]} {exact[2]}, installed is {there.version}"


def _too_old(installed: dict[str, metadata.Distribution]) -> Iterator[Finding]:
    """Our own demands, as this installation declares them."""
    ours = installed.get("traceo")
    for demand in (ours.requires or ()) if ours is not None else ():
        least = _NEEDS.match(demand)
        if least is None or "extra ==" in demand:
            continue
        there = installed.get(least[1].lower().replace("_", "-").replace(".", "-"))
        if there is not None and _numbers(there.version) < _numbers(least[2]):
            yield Finding(
                "wrong",
                "packages",
                f"{least[1]} {there.version} is older than {least[2]}",
                f"pip install '{least[1]}>={least[2]}'",
            )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
