"""What a user may say about the deep tier: the table ``[deep]`` of a redaction policy, and ``deep_keys``."""

import difflib
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

from traceo.errors import ConfigError

__all__ = ["DeepSettings", "check_deep", "parse_deep"]


class DeepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which values presidio-analyzer looks at, and with what; off without ``keys``.

    ``keys`` match like those of a policy: whole, as a suffix, or as a glob; ``body`` is a log line's text.
    ``model`` is a spaCy model on this machine, a folder or an installed package. ``recognizers`` are
    ``module:name`` or files in presidio's YAML format. Of each batch, presidio may take ``budget_s``.
    """

    keys: tuple[str, ...] = ()
    model: str = ""
    recognizers: tuple[str, ...] = ()
    language: str = "en"
    threshold: float = 0.4
    budget_s: float = 0.25


def parse_deep(table: object, *, source: str) -> DeepSettings:
    """The settings in a table. Raises ``ConfigError`` that names ``source`` and the fix.

    >>> parse_deep({"keys": ["order.note"]}, source="here").keys
    ('order.note',)
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"redaction policy in {source}: deep must be a table")
    known = DeepSettings.__struct_fields__
    for name in msgspec.convert(table, dict[str, object]):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise ConfigError(f"redaction policy in {source}: unknown setting 'deep.{name}'; {hint}")
    try:
        settings = msgspec.convert(table, DeepSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"redaction policy in {source}: deep: {error}") from error
    if not 0 <= settings.threshold <= 1:
        raise ConfigError(f"redaction policy in {source}: deep.threshold must be from 0 to 1")
    if not 0.01 <= settings.budget_s <= 60:
        raise ConfigError(f"redaction policy in {source}: deep.budget_s must be seconds from 0.01 to 60")
    return settings


def check_deep(settings: DeepSettings, *, source: str) -> None:
    """Whether it can work here, as far as can be told without importing anything heavy.

    Raises ``ConfigError``.
    """
    from traceo.redaction.presidio import is_installed, is_model  # noqa: PLC0415 - for the few who use it

    if not settings.keys:
        return
    if not is_installed():
        raise ConfigError(
            f"deep_keys (from {source}) need presidio-analyzer; run: pip install 'traceo[presidio]'"
        )
    if settings.model and not is_model(settings.model):
        raise ConfigError(
            f"deep.model is {settings.model!r} (from {source}); give the folder of a spaCy model, "
            "or the name of one that is installed"
        )
    for place in settings.recognizers:
        module, separator, _ = place.partition(":")
        if place.endswith((".yaml", ".yml")):
            continue
        if not separator or find_spec(module.partition(".")[0]) is None:
            raise ConfigError(
                f"deep.recognizers has {place!r} (from {source}); give module:name or a .yaml file"
            )
