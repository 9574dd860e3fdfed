"""What may leave the process, and in what shape: the part of redaction that a user writes.

A policy is plain data. ``Engine`` compiles it once; changing it means making another engine.
"""

import enum

import msgspec

__all__ = ["Action", "KeyRule", "Policy"]


class Action(enum.StrEnum):
    """What is done with a value: by its key (all of them) or by its type (all but ``SCAN``)."""

    KEEP = "keep"  # leave it; under a key, secrets and e-mail addresses are still looked for
    SCAN = "scan"  # look at the value
    MASK = "mask"  # put the marker in its place
    HASH = "hash"  # marker with a keyed HMAC: equal values stay comparable inside one deployment
    PSEUDONYMISE = "pseudonymise"  # a token: the same for the same value wherever the secret is the same
    SEAL = "seal"  # the same, and beside it the value itself, sealed; in `redact` the token alone
    DROP = "drop"  # put the empty string in its place


class KeyRule(msgspec.Struct, frozen=True):
    """One rule by attribute key.

    ``match`` is a key (``user.name``), a suffix of one (``first_name`` matches ``customer.firstName``),
    or a glob (``app.private.*``). Case and the separators ``. _ -`` and camel case are folded before
    comparing.
    """

    match: str
    action: Action = Action.MASK
    marker: str = "REDACTED"


class Policy(msgspec.Struct, frozen=True):
    """Rules by key and by type; what they leave open falls to the built-in ones.

    ``entities`` gives types another action than masking; ``ip`` the same for global IP addresses, where
    ``"truncate"`` keeps the /24 or /48 network. ``profiles`` switch on sets of types (see
    ``traceo.redaction.profiles``). ``secret`` keys the HMAC of hashes and pseudonyms; without one a random
    key is made per process, so that values compare within that process only. ``scanned_chars`` bounds the
    work on one value: what is longer loses its tail. ``gen_ai`` is for what people say to language models and
    hear from them; ``Action.SCAN`` lets it pass like any text.
    """

    enabled: bool = True
    keys: tuple[KeyRule, ...] = ()
    entities: tuple[tuple[str, Action], ...] = ()
    profiles: tuple[str, ...] = ()
    ip: str = "mask"
    secret: bytes = b""
    scanned_chars: int = 131_072
    gen_ai: Action = Action.DROP

    @classmethod
    def default(cls) -> "Policy":
        """The built-in rules alone."""
        return cls()

    @classmethod
    def off(cls) -> "Policy":
        """Redact nothing. Only for an explicit opt-out."""
        return cls(enabled=False)
