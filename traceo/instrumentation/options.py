"""What a user may ask the hooks to capture beyond the default, and which of them to use."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from traceo.errors import ConfigError
from traceo.instrumentation.catalog import LIBRARIES, Library

if TYPE_CHECKING:
    from traceo.instrumentation.genai.prices import Prices

__all__ = ["Options", "Selection", "rows_named"]

_HEADERS = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
_WORDS = frozenset({"sql_parameters", "llm_content"})
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CONTENT_ON_SPANS = frozenset({"true", "1", "span_only", "span_and_event"})


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Opt-in captures. Header names are lower case; values go through redaction like everything else."""

    server_request_headers: tuple[str, ...] = ()
    server_response_headers: tuple[str, ...] = ()
    client_request_headers: tuple[str, ...] = ()
    client_response_headers: tuple[str, ...] = ()
    capture_sql_parameters: bool = False
    capture_content: bool = False
    """What is said to language models and tools, and what they answer."""
    prices: "Prices | None" = None
    """What tokens cost; None: costs are not told."""

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str],
        *,
        capture_sql_parameters: bool = False,
        prices: "Prices | None" = None,
    ) -> "Options":
        """Read what OpenTelemetry has variables for.

        The lists ``OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{SERVER,CLIENT}_{REQUEST,RESPONSE}``, and
        ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``: ``true``, ``SPAN_ONLY``, ``SPAN_AND_EVENT``.
        """

        def names(suffix: str) -> tuple[str, ...]:
            return tuple(n.lower().replace("_", "-") for n in _split(environ.get(_HEADERS + suffix, "")))

        return cls(
            server_request_headers=names("SERVER_REQUEST"),
            server_response_headers=names("SERVER_RESPONSE"),
            client_request_headers=names("CLIENT_REQUEST"),
            client_response_headers=names("CLIENT_RESPONSE"),
            capture_sql_parameters=capture_sql_parameters,
            capture_content=environ.get(_CONTENT, "").strip().lower() in _CONTENT_ON_SPANS,
            prices=prices,
        )

    def with_names(self, names: Iterable[str]) -> "Options":
        """With what the setting ``capture`` names: headers, ``sql_parameters``, ``llm_content``."""
        words = set(names)
        headers = tuple(sorted(words - _WORDS))
        return msgspec.structs.replace(
            self,
            server_request_headers=(*self.server_request_headers, *headers),
            server_response_headers=(*self.server_response_headers, *headers),
            client_request_headers=(*self.client_request_headers, *headers),
            client_response_headers=(*self.client_response_headers, *headers),
            capture_sql_parameters=self.capture_sql_parameters or "sql_parameters" in words,
            capture_content=self.capture_content or "llm_content" in words,
        )


class Selection(msgspec.Struct, frozen=True):
    """Which rows of the catalogue to use: ``None`` in ``only`` means all but ``excluded``."""

    only: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str = "auto", *, disabled: str = "", source: str = "instrument") -> "Selection":
        """Read ``"auto"``, ``"off"``, ``"httpx,sqlalchemy"`` or ``"-logging"`` (everything but).

        ``disabled`` is the value of ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` (``*`` for all); names in it
        that only other packages know are ignored. ``ConfigError`` for a name in ``text`` that no row has.

        >>> Selection.parse("-logging").includes("httpx"), Selection.parse("httpx").includes("sqlalchemy")
        (True, False)
        """
        words = [word.lower() for word in _split(text)]
        only: set[str] = set()
        excluded: set[str] = set()
        everything = not words or all(word.startswith("-") for word in words)
        for word in words:
            if word in {"auto", "all"}:
                everything = True
            elif word in {"off", "none"}:
                continue
            elif word.startswith("-"):
                excluded |= rows_named(word[1:], source)
            else:
                only |= rows_named(word, source)
        off = {word.lower() for word in _split(disabled)}
        if "*" in off:
            return cls(frozenset())
        excluded |= {row.name for row in LIBRARIES if off & {row.name, *row.aliases}}
        return cls(None if everything else frozenset(only), frozenset(excluded))

    def includes(self, name: str) -> bool:
        """Whether the row called ``name`` is to be used."""
        return name not in self.excluded and (self.only is None or name in self.only)

    def of(self, names: Iterable[str]) -> "Selection":
        """What of it is in ``names``."""
        return Selection(frozenset(name for name in names if self.includes(name)))

    def libraries(self) -> Iterable[Library]:
        """The rows to use, in the catalogue's order."""
        return (row for row in LIBRARIES if self.includes(row.name))


def rows_named(word: str, source: str) -> set[str]:
    """The rows that go by this name; `ConfigError`, naming ``source``, if there are none."""
    rows = {row.name for row in LIBRARIES if word == row.name or word in row.aliases}
    if rows:
        return rows
    known = sorted({name for row in LIBRARIES for name in (row.name, *row.aliases)})
    import difflib  # noqa: PLC0415  for those who mistype

    close = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"give one of: auto, off, {', '.join(known)}"
    raise ConfigError(f"{source} names {word!r}, which is not in the catalogue; {hint}")


def _split(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]
