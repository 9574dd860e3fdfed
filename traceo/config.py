"""Settings: one table, five sources, one error.

A setting is looked up in ``traceo.init()``'s arguments, then in ``TRACEO_*``, then in the ``OTEL_*`` variable
that says the same, then in ``[tool.traceo]`` of ``pyproject.toml``, then in its default. The first that has
it wins; an empty environment variable counts as not set (OpenTelemetry's rule). A wrong value stops
``init()`` with a `ConfigError` that names the setting, its source and the fix, and never shows a secret.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from traceo.errors import ConfigError
from traceo.settings import SETTINGS, Given, MiB, Setting

__all__ = ["Config", "load", "public_url", "pyproject_of"]

_NAMES = frozenset(setting.name for setting in SETTINGS)
_UNREAD = {setting.name: next(iter(setting.otel), "") for setting in SETTINGS if not setting.has_variable}
_MARKS = (b"tool.traceo", b'tool."traceo"', b"tool.'traceo'", b"[tool]")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What one process runs with. Durations are seconds, sizes bytes. `SETTINGS` describes each field."""

    enabled: bool = True
    service_name: str = ""
    endpoint: str = "http://127.0.0.1:4318"
    headers: Mapping[str, str] = {}
    api_key: str = ""
    timeout_s: float = 10.0
    redaction: str | Mapping[str, Any] = "default"
    deep_keys: tuple[str, ...] = ()
    seal: str = "auto"
    seal_key: str = ""
    sender_key: str = ""
    spool_dir: str = ""
    instrument: str = "auto"
    capture: tuple[str, ...] = ()
    prices: str | Mapping[str, Any] = ""
    console: str = "auto"
    sample_rate: float = 1.0
    keep_errors: bool = False
    keep_slower_than_s: float = 0.0
    queue_bytes: int = 32 * MiB
    spool_bytes: int = 256 * MiB
    flush_every_s: float = 1.0
    flush: str = "timer"
    exit_timeout_s: float = 2.0
    logs_level: str = "INFO"
    logs_per_s: int = 200
    metrics: str = "auto"
    sources: Mapping[str, str] = {}
    """Where each setting that is not a default came from: ``"argument"``, a variable or a file."""

    def settings(self) -> dict[str, Given]:
        """Every setting and its value, without `sources`; secrets as they are."""
        return {setting.name: getattr(self, setting.name) for setting in SETTINGS}

    @property
    def public_endpoint(self) -> str:
        """The endpoint without the user info, the query and the fragment that its URL may carry."""
        return public_url(self.endpoint)

    def _shown(self, name: str) -> Given:
        return self.public_endpoint if name == "endpoint" else getattr(self, name)

    def __repr__(self) -> str:
        """Only what differs from the defaults, and no secret."""
        shown = (
            f"{s.name}=<set>" if s.secret else f"{s.name}={self._shown(s.name)!r}"
            for s in SETTINGS
            if s.name in self.sources
        )
        return f"Config({', '.join(shown)})"


def load(
    arguments: Mapping[str, Given],
    environ: Mapping[str, str],
    pyproject: Path | None = None,
) -> Config:
    """Resolve every setting.

    Args:
        arguments: what ``init()`` was called with; ``None`` means not given.
        environ: usually ``os.environ``.
        pyproject: the file to read ``[tool.traceo]`` from, if any.

    Raises:
        ConfigError: an unknown or wrong setting, or a ``pyproject.toml`` whose table cannot be read.

    >>> load({"sample_rate": 0.1}, {"TRACEO_SERVICE_NAME": "shop"}).service_name
    'shop'
    """
    table: Mapping[str, Given] = _read_table(pyproject) if pyproject else {}
    _refuse_unknown(arguments, "an argument of init()")
    _refuse_unknown(table, f"[tool.traceo] in {pyproject}")
    _refuse_misspelt(environ)
    values: dict[str, Given] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        found = _find(setting, arguments, environ, table, pyproject)
        if found is None:
            continue
        given, source, translate = found
        if translate and isinstance(given, str):
            given = _attempt(setting, translate, given, source)
        values[setting.name] = _attempt(setting, setting.read, given, source)
        sources[setting.name] = source
    return msgspec.convert({**values, "sources": sources}, Config)


def _attempt(setting: Setting, turn: Callable[[Any], Given], given: Given, source: str) -> Given:
    try:
        return turn(given)
    except (ValueError, TypeError, OverflowError):
        shown = "not understood" if setting.secret else _brief(given)
        raise ConfigError(f"{setting.name} is {shown} (from {source}); give {setting.expects}") from None


def pyproject_of(folder: Path) -> Path | None:
    """The ``pyproject.toml`` of the project that ``folder`` lies in: the first one on the way to the root."""
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        try:
            if file.is_file():
                return file
        except OSError:  # a parent we may not look into
            return None
    return None


def _find(
    setting: Setting,
    arguments: Mapping[str, Given],
    environ: Mapping[str, str],
    table: Mapping[str, Given],
    pyproject: Path | None,
) -> tuple[Given, str, Callable[[str], Given] | None] | None:
    """The first source that has the setting: what was given, the source's name, the translation it needs."""
    given = arguments.get(setting.name)
    if given is not None:
        return given, "argument", None
    given = environ.get(setting.variable, "").strip() if setting.has_variable else ""
    if given:
        return given, setting.variable, None
    for variable, translate in setting.otel.items():
        given = environ.get(variable, "").strip()
        if given and _applies(variable, environ):
            return given, variable, translate
    given = table.get(setting.name)
    if given is not None:
        return given, f"[tool.traceo] in {pyproject}", None
    return None


def _applies(variable: str, environ: Mapping[str, str]) -> bool:
    # The argument means a ratio only for the ratio samplers; with none named, OpenTelemetry ignores it.
    if variable == "OTEL_TRACES_SAMPLER":
        return environ[variable].strip().lower().removeprefix("parentbased_") in {"always_on", "always_off"}
    if variable == "OTEL_TRACES_SAMPLER_ARG":
        return "traceidratio" in environ.get("OTEL_TRACES_SAMPLER", "").lower()
    return True


def _read_table(pyproject: Path) -> Mapping[str, Given]:
    try:
        raw = pyproject.read_bytes()
    except OSError:
        return {}  # no file is no setting
    if not any(mark in raw for mark in _MARKS):
        return {}  # most projects: spare them the parser
    import tomllib  # noqa: PLC0415 - 5 ms that only a file with our table costs

    try:
        document = tomllib.loads(raw.decode())
    except ValueError as error:
        raise ConfigError(f"{pyproject} cannot be read ({error}); give valid TOML") from None
    table: object = document.get("tool", {}).get("traceo", {})
    if not isinstance(table, dict):
        raise ConfigError(f"tool.traceo is {_brief(table)} (from {pyproject}); give a table")
    return cast("Mapping[str, Given]", table)


def _refuse_unknown(names: Mapping[str, Given], where: str) -> None:
    for name in names:
        if name not in _NAMES:
            raise ConfigError(f"{name} is not a setting (from {where}); {_suggest(name)}")


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    """An unknown ``TRACEO_*`` may belong to another tool; one that almost spells a setting is a slip."""
    for variable, given in environ.items():
        name = variable.removeprefix("TRACEO_").lower()
        if not variable.startswith("TRACEO_") or (name in _NAMES and name not in _UNREAD):
            continue
        near = name if name in _UNREAD else _nearest(name)
        if near in _UNREAD:
            if given.strip():
                other = f"set {_UNREAD[near]}, or" if _UNREAD[near] else "give"
                instead = f"{other} {near} as an argument of init() or in [tool.traceo]"
                raise ConfigError(f"{variable} is not read; {instead}")
        elif near:
            raise ConfigError(f"{variable} is not a setting; did you mean TRACEO_{near.upper()}?")


def _suggest(name: str) -> str:
    near = _nearest(name.lower().replace("-", "_"))
    return f"did you mean {near}?" if near else f"give one of {', '.join(sorted(_NAMES))}"


def _nearest(name: str) -> str | None:
    import difflib  # noqa: PLC0415 - only on the way to an error

    return next(iter(difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.8)), None)


def public_url(url: str) -> str:
    """A URL without user info, query and fragment, also where the scheme was forgotten."""
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.isalnum():
        scheme, separator, rest = "", "", url
    before = rest.partition("?")[0].partition("#")[0]
    if "@" in rest[len(before) :]:
        return f"{scheme}{separator}…"  # a password with such a sign in it, or a query: nobody knows
    return scheme + separator + before.rpartition("@")[2]


def _brief(given: object) -> str:
    """What an error shows of a value: of a URL what is public, of what is no text or number its type."""
    if not isinstance(given, (str, int, float)):
        return f"a {type(given).__name__}"
    shown = str(given)
    if isinstance(given, str):
        if "@" in given or "://" in given:
            shown = public_url(given)
        if not shown[:1].isdigit():
            shown = repr(shown)  # numbers read best bare, words in quotes
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
