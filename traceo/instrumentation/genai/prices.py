"""What tokens cost, from the user's table: there is no list here, as prices change and differ by contract."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from traceo.errors import ConfigError

__all__ = ["Price", "Prices"]

_TABLE = "a table with currency and models"


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices of one model for ``per_tokens`` tokens. Cached tokens cost what input does unless it says so."""

    input: float
    output: float = 0.0
    cache_read: float | None = None
    cache_write: float | None = None


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices by model. A key may end in ``*``, and may begin with a provider: ``azure.ai.openai/gpt-5*``."""

    currency: str
    models: dict[str, Price]
    per_tokens: int = 1_000_000

    @classmethod
    def parse(cls, table: Mapping[str, object], *, source: str = "prices") -> "Prices":
        """Read a mapping. ``ConfigError`` when a field is missing, unknown, or not a number.

        >>> Prices.parse({"currency": "EUR", "models": {"small-*": {"input": 2, "output": 8}}}).currency
        'EUR'
        """
        try:
            prices = msgspec.convert(dict(table), cls)
        except msgspec.ValidationError as error:
            raise ConfigError(f"prices are not understood ({error}; from {source}); give {_TABLE}") from None
        values = [value for price in prices.models.values() for value in msgspec.structs.astuple(price)]
        if prices.per_tokens < 1 or not all(value is None or 0 <= value < float("inf") for value in values):
            raise ConfigError(
                f"prices hold a negative or endless number (from {source}); give amounts from 0"
            )
        return prices

    @classmethod
    def of(cls, given: str | Mapping[str, object], *, source: str = "prices") -> "Prices":
        """Read what a setting may hold: the path of a TOML file, or the table itself."""
        return cls.load(given) if isinstance(given, str) else cls.parse(given, source=source)

    @classmethod
    def load(cls, path: str | Path) -> "Prices":
        """Read a TOML file. ``ConfigError`` when there is none or it is not a price table."""
        import tomllib  # noqa: PLC0415  only for those with a price table

        try:
            table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = type(error).__name__ if isinstance(error, OSError) else error
            raise ConfigError(f"prices cannot be read ({reason}; from {path}); give a TOML file") from None
        return cls.parse(table, source=str(path))

    def find(self, provider: str, *models: str) -> Price | None:
        """The price of the first of ``models`` with one: exact names first, then the longest ``*`` key."""
        for model in models:
            for name in (f"{provider}/{model}", model):
                price = self.models.get(name)
                if price is not None:
                    return price
        for model in models:
            for name in (f"{provider}/{model}", model):
                keys = [key for key in self.models if key.endswith("*") and name.startswith(key[:-1])]
                if keys:
                    return self.models[max(keys, key=len)]
        return None

    def cost(self, price: Price, *, tokens: int, read: int, written: int, output: int) -> float:
        """The cost in ``currency``; of ``tokens`` of input ``read`` and ``written`` are the cached ones."""
        cache_read = price.input if price.cache_read is None else price.cache_read
        cache_write = price.input if price.cache_write is None else price.cache_write
        plain = max(0, tokens - read - written)
        total = plain * price.input + read * cache_read + written * cache_write + output * price.output
        return total / self.per_tokens
