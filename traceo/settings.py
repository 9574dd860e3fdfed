"""The table of settings: what each is for, what it takes, and which OpenTelemetry variables say the same.

``traceo.config`` reads it to load a `Config`; ``docs/configuration.md`` is written from it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

__all__ = ["SETTINGS", "Given", "MiB", "Setting"]

MiB = 1024 * 1024

_SOURCES = ("app", "spans", "own", "runtime", "prometheus")
_METRICS = frozenset(("auto", "off", *_SOURCES, *(f"-{name}" for name in _SOURCES)))

Given: TypeAlias = "str | int | float | bool | Mapping[str, object] | tuple[str, ...] | list[str] | None"


class Setting(msgspec.Struct, frozen=True):
    """One row of the table that the loader reads and ``docs/configuration.md`` is written from."""

    name: str
    help: str
    """One sentence for the documentation."""
    expects: str
    """Ends the error message: ``give <expects>``."""
    read: Callable[[Given], Given]
    """Turns what was given into the field's value; raises `ValueError` when it cannot."""
    otel: Mapping[str, Callable[[str], Given]] = {}
    """Equivalent OpenTelemetry variables, in order, each with its translation into what ``read`` takes."""
    secret: bool = False
    has_variable: bool = True
    """Whether there is a ``TRACEO_*`` variable; without one, OpenTelemetry's says the same, or none does."""

    @property
    def variable(self) -> str:
        """The environment variable of our own, empty if there is none."""
        return f"TRACEO_{self.name.upper()}" if self.has_variable else ""


# Readers: what was given → the field's value.


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _path(given: Given) -> str:
    return str(Path(_text(given)).expanduser()) if given else ""


def _flag(given: Given) -> bool:
    if isinstance(given, bool):
        return given
    folded = _text(given).lower()
    if folded in {"1", "true", "yes", "on"}:
        return True
    if folded in {"0", "false", "no", "off"}:
        return False
    raise ValueError


def _number(low: float, high: float) -> Callable[[Given], float]:
    def read(given: Given) -> float:
        if isinstance(given, bool) or not isinstance(given, (str, int, float)):
            raise TypeError
        number = float(given)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _count(low: int, high: int) -> Callable[[Given], int]:
    def read(given: Given) -> int:
        if isinstance(given, bool) or not isinstance(given, (str, int)):
            raise TypeError
        number = int(given)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def _size(given: Given) -> int:
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise TypeError
    text = str(given).strip().lower()
    for suffix, unit in (("kib", 1024), ("mib", MiB), ("gib", 1024 * MiB)):
        if text.endswith(suffix):
            size = int(float(text.removesuffix(suffix)) * unit)
            break
    else:
        size = int(text)
    if size < MiB:
        raise ValueError
    return size


def _choice(*choices: str) -> Callable[[Given], str]:
    def read(given: Given) -> str:
        folded = {True: "on", False: "off"}[given] if isinstance(given, bool) else _text(given).lower()
        if folded not in choices:
            raise ValueError
        return folded

    return read


def _level(given: Given) -> str:
    folded = _text(given).upper()
    if folded not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"}:
        raise ValueError
    return folded


def _url(given: Given) -> str:
    url = _text(given).rstrip("/")
    scheme, separator, rest = url.partition("://")
    if scheme not in {"http", "https"} or not separator or not rest.partition("/")[0]:
        raise ValueError
    return url


def _names(given: Given) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)):
        raise TypeError
    return tuple(_text(part).strip().lower() for part in parts if _text(part).strip())


def _keys(given: Given) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)):
        raise TypeError
    return tuple(_text(part).strip() for part in parts if _text(part).strip())


def _redaction(given: Given) -> str | Mapping[str, object]:
    """Which policy that is, `traceo.policy` finds out."""
    if isinstance(given, bool):
        return "default" if given else "off"
    if isinstance(given, Mapping):
        return given
    return ",".join(_names(given)) if isinstance(given, (list, tuple)) else _text(given).strip()


def _table(given: Given) -> str | Mapping[str, object]:
    """A file, or what would stand in it."""
    return given if isinstance(given, Mapping) else _path(given)


def _selection(given: Given) -> str:
    if isinstance(given, bool):
        return "auto" if given else "off"
    return ",".join(_names(given))


def _metrics(given: Given) -> str:
    if isinstance(given, bool):
        return "auto" if given else "off"
    names = _names(given)
    if set(names) - _METRICS:
        raise ValueError
    return ",".join(names) or "auto"


def _headers(given: Given) -> Mapping[str, str]:
    """``key=value,key=value``, values percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS has them."""
    if isinstance(given, Mapping):
        return {_text(key).strip().lower(): _text(value) for key, value in given.items()}
    from urllib.parse import unquote  # noqa: PLC0415 - headers are rare, urllib is 3 ms

    headers: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in _text(given).split(","))):
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise ValueError
        headers[key.strip().lower()] = unquote(value.strip())
    return headers


# Translations: what an OTEL_* variable says → what the reader takes.


def _same(given: str) -> Given:
    return given


def _disabled(given: str) -> Given:
    return given.lower() != "true"  # the specification: anything else is false


def _milliseconds(given: str) -> Given:
    return float(given) / 1000


def _seconds(given: str) -> Given:
    # The specification counts milliseconds, OpenTelemetry for Python seconds; nobody waits 1000 s.
    number = float(given)
    return number / 1000 if number >= 1000 else number


def _exporter(given: str) -> Given:
    return "off" if given.strip().lower() == "none" else "auto"


def _sampler(given: str) -> Given:
    return 0.0 if given.lower().endswith("always_off") else 1.0


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "enabled",
        "Off makes `init()` hand out an inert client: nothing is recorded, hooked or sent.",
        "true or false",
        _flag,
        otel={"OTEL_SDK_DISABLED": _disabled},
    ),
    Setting(
        "service_name",
        "The name of this service in every trace and log.",
        "a name such as shop",
        _text,
        otel={"OTEL_SERVICE_NAME": _same},
    ),
    Setting(
        "endpoint",
        "Where telemetry goes: a Traceo collector, or any OTLP/HTTP endpoint without its /v1/… path.",
        "a URL such as http://127.0.0.1:4318",
        _url,
        otel={"OTEL_EXPORTER_OTLP_ENDPOINT": _same},
    ),
    Setting(
        "headers",
        "Extra HTTP headers of every request to the endpoint: `key=value,key=value`, values percent-encoded.",
        "key=value pairs separated by commas",
        _headers,
        otel={"OTEL_EXPORTER_OTLP_HEADERS": _same},
        secret=True,
        has_variable=False,
    ),
    Setting("api_key", "The key this application authenticates with.", "the key as text", _text, secret=True),
    Setting(
        "timeout_s",
        "How long one request to the endpoint may take, in seconds.",
        "seconds from 0.1 to 600",
        _number(0.1, 600),
        otel={"OTEL_EXPORTER_OTLP_TIMEOUT": _seconds},
        has_variable=False,
    ),
    Setting(
        "redaction",
        "`default` replaces personal data and secrets before anything leaves; region profiles "
        "(`eu,us-hipaa`) add types; a policy of your own is a TOML file, or the table "
        "`[tool.traceo.redaction]`; `off` is for tests only. See [redaction](redaction.md).",
        "default, off, profiles separated by commas, or the path of a TOML file",
        _redaction,
    ),
    Setting(
        "deep_keys",
        "Attribute keys of free text that presidio-analyzer looks at as well (extra `presidio`); `body` is a "
        "log line's text.",
        "attribute keys separated by commas",
        _keys,
    ),
    Setting(
        "seal",
        "`auto` seals to a Traceo collector, `required` sends nothing unsealed anywhere, `carrier` sends "
        "sealed batches inside log records through any OpenTelemetry Collector, `off` never seals.",
        "auto, required, carrier or off",
        _choice("auto", "required", "carrier", "off"),
    ),
    Setting(
        "seal_key",
        "Whom to seal to: the fingerprint of the collector's signing key (without it only a collector on "
        "this host is trusted), files with published key sets of a team or an escrow, or both, separated by "
        "commas; with files alone the collector cannot read what it stores. See [security](security.md).",
        "what `traceo keys pin` prints for the collector, such as sha256:…, or the path of a key set",
        _text,
    ),
    Setting(
        "sender_key",
        "A file (mode 0600) with an Ed25519 key to sign sealed batches with, for collectors that know their "
        "senders.",
        "the path of a key file",
        _text,
    ),
    Setting(
        "spool_dir",
        "A folder of this application's own: sealed batches wait there on disk while the collector is away, "
        "and the key to seal them with is remembered; without it all waits in memory. See "
        "[reliability](reliability.md).",
        "a folder",
        _path,
    ),
    Setting(
        "instrument",
        "Which libraries to hook: `auto`, `off`, or names; `-name` excludes one, and so does "
        "`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`.",
        "auto, off, or names separated by commas",
        _selection,
    ),
    Setting(
        "capture",
        "What the hooks record beyond the default: names of HTTP headers, `sql_parameters`, `llm_content` "
        "(what is said to language models and tools). All of it is redacted like everything else.",
        "names of headers, sql_parameters or llm_content, separated by commas",
        _names,
    ),
    Setting(
        "prices",
        "What tokens of language models cost: a TOML file, or the table itself in `[tool.traceo.prices]`. "
        "See [language models](llm.md).",
        "the path of a TOML file, or a table with currency and models",
        _table,
        has_variable=False,
    ),
    Setting(
        "console",
        "Show traces on stderr: `auto` does so on a terminal when no endpoint is set and none answers.",
        "auto, on or off",
        _choice("auto", "on", "off"),
    ),
    Setting(
        "sample_rate",
        "The share of new traces that are recorded; a trace is kept or left whole.",
        "a number from 0.0 to 1.0",
        _number(0.0, 1.0),
        otel={"OTEL_TRACES_SAMPLER": _sampler, "OTEL_TRACES_SAMPLER_ARG": _same},
    ),
    Setting(
        "keep_errors",
        "Keep what `sample_rate` leaves out if a span failed: see [sampling](sampling.md).",
        "true or false",
        _flag,
    ),
    Setting(
        "keep_slower_than_s",
        "Keep what `sample_rate` leaves out if a span took longer, in seconds; 0 for no limit.",
        "seconds from 0 to 3600",
        _number(0, 3600),
    ),
    Setting(
        "queue_bytes",
        "The memory that waiting telemetry may take, retries included.",
        "bytes from 1 MiB, such as 33554432 or 32MiB",
        _size,
    ),
    Setting(
        "spool_bytes",
        "What waiting batches may take in `spool_dir`, of all processes together; the oldest make room.",
        "bytes from 1 MiB, such as 268435456 or 256MiB",
        _size,
    ),
    Setting(
        "flush_every_s",
        "How long a finished span may wait before it is sent, in seconds.",
        "seconds from 0.01 to 3600",
        _number(0.01, 3600),
        otel={"OTEL_BSP_SCHEDULE_DELAY": _milliseconds},
    ),
    Setting(
        "flush",
        "When finished spans are sent: `timer` after `flush_every_s`; `exit` only at the end of the process, "
        "at `traceo.flush()`, or when half of `queue_bytes` waits (for scripts and short jobs).",
        "timer or exit",
        _choice("timer", "exit"),
    ),
    Setting(
        "exit_timeout_s",
        "How long the end of the process may wait for delivery, in seconds; with 0 it does not wait, and "
        "signals and `os._exit` are left alone.",
        "seconds from 0 to 300",
        _number(0, 300),
    ),
    Setting(
        "logs_level",
        "The lowest level of log lines that are sent; `off` sends none.",
        "DEBUG, INFO, WARNING, ERROR, CRITICAL or OFF",
        _level,
    ),
    Setting(
        "logs_per_s",
        "How many log lines a second one line of code may send; five seconds' worth may come at once, errors "
        "ten times as often; 0 for no limit. What is left out is counted and told in the stream.",
        "a whole number from 0 to 1000000",
        _count(0, 1_000_000),
    ),
    Setting(
        "metrics",
        "Which metrics are sent: `auto` is those of the application (`app`), of its spans (`spans`) and of "
        "Traceo itself (`own`); `runtime` and `prometheus` add the interpreter's and those of "
        "prometheus_client, `-name` leaves one out, `app` alone is that one alone, `off` sends none. See "
        "[metrics](metrics.md).",
        "auto, off, or app, spans, own, runtime and prometheus, separated by commas",
        _metrics,
        otel={"OTEL_METRICS_EXPORTER": _exporter},
    ),
)
