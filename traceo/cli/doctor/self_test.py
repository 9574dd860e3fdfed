"""Whether the policy of this place replaces what it should: invented examples go through it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from traceo.cli.finding import Finding
from traceo.errors import ConfigError

if TYPE_CHECKING:
    from traceo.config import Config

__all__ = ["findings"]

_EXAMPLES: Final = (
    ("an e-mail address", "body", "mail ada@example.com", "ada@example.com"),
    ("a card number", "body", "card 4539 5787 6362 1486", "4539 5787 6362 1486"),
    ("an IBAN", "body", "from DE89370400440532013000", "DE89370400440532013000"),
    ("an API key", "body", "key ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789abcdefghij"),
    ("a password by its key", "db.password", "correct horse", "correct horse"),
    ("credentials in a URL", "url.full", "https://ada:horse@example.com/", "horse"),
    ("a header", "http.request.header.authorization", "Bearer abcdefghijklmnop", "abcdefghijklmnop"),
    ("a query value", "url.query", "token=abcdefgh1234", "abcdefgh1234"),
    ("JSON in a string", "body", '{"password": "hunter2hunter2"}', "hunter2hunter2"),
)
"""(what it is, key, text, what must be gone)."""


def findings(config: "Config") -> Iterator[Finding]:
    """One finding: how many of the examples are replaced."""
    from traceo.policy import choose  # noqa: PLC0415  detectors, not for --help
    from traceo.redaction import Engine  # noqa: PLC0415  the same

    source = config.sources.get("redaction", "default")
    if config.redaction == "off":
        yield Finding(
            "warn", "redaction", f"off (from {source}): everything leaves as it is", "for tests only"
        )
        return
    try:
        policy = choose(config.redaction, source=source).policy
    except ConfigError as error:
        yield Finding("wrong", "redaction", str(error))
        return
    engine = Engine(policy)
    left = [what for what, key, text, value in _EXAMPLES if value in engine.text(text, key, [])]
    done = len(_EXAMPLES) - len(left)
    if not left:
        yield Finding("ok", "redaction", f"{done} of {len(_EXAMPLES)} examples replaced")
    else:
        yield Finding(
            "warn",
            "redaction",
            f"{done} of {len(_EXAMPLES)} examples replaced; left as they are: {', '.join(left)}",
            f"look at the policy (from {source})",
        )
