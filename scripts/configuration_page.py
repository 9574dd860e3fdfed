"""Print docs/configuration.md, from the table that the loader itself reads."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from traceo.config import Config
from traceo.settings import SETTINGS

HEAD = """# Configuration

Every setting has a default: `traceo.init()` needs none. A setting is taken from the first place that gives it:

1. an argument of `traceo.init(...)`,
2. its `TRACEO_*` variable,
3. the OpenTelemetry variable that says the same,
4. `[tool.traceo]` in the `pyproject.toml` of the working directory or above,
5. the default.

A wrong one raises `traceo.ConfigError` before anything starts, and says which setting, where it came from, and what to
give instead. This page is written by `make docs`.

| setting | variable | default | what it does | also read from |
| --- | --- | --- | --- | --- |
"""

TAIL = """
`TRACEO_PURE=1`, read when the package is imported, runs the plain-Python twin of the compiled modules.

OpenTelemetry's variables for resources (`OTEL_RESOURCE_ATTRIBUTES`), span limits (`OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT` and its
kin), samplers, propagators (`OTEL_PROPAGATORS`), per-signal endpoints, certificates
(`OTEL_EXPORTER_OTLP_CERTIFICATE`, `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY`) and captured headers
(`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST` and its kin) count as well.
"""


def _shown(value: object) -> str:
    if value in ("", (), {}, None):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value}`"


def page() -> str:
    """The whole page."""
    defaults = Config()
    rows = [
        f"| `{setting.name}` | {_shown(setting.variable)} | {_shown(getattr(defaults, setting.name))} "
        f"| {setting.help} Give {setting.expects}. | {', '.join(f'`{name}`' for name in setting.otel)} |"
        for setting in SETTINGS
    ]
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    sys.stdout.write(page())
