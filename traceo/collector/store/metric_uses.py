"""What many segments say of the same metric, as one."""

from collections.abc import Iterable, Sequence

import msgspec

from traceo.collector.store.protocols import MetricUse

__all__ = ["hashes", "united"]

_HASH_BYTES = 8


def united(uses: Iterable[MetricUse]) -> list[MetricUse]:
    """One for each service and metric: the newest, with the keys and series of all."""
    found: dict[tuple[str, str, int, str, int, int], list[MetricUse]] = {}
    for use in uses:
        key = (use.service, use.name, use.kind, use.unit, use.temporality, use.monotonic)
        found.setdefault(key, []).append(use)
    return [same[0] if len(same) == 1 else _one(same) for same in found.values()]


def hashes(uses: Iterable[MetricUse]) -> set[bytes]:
    """The hashes of all attribute sets."""
    return {
        use.series[at : at + _HASH_BYTES] for use in uses for at in range(0, len(use.series), _HASH_BYTES)
    }


def _one(uses: Sequence[MetricUse]) -> MetricUse:
    newest = max(uses, key=lambda use: use.last_ns)
    keys = {key for use in uses for key in use.keys}
    return msgspec.structs.replace(newest, keys=tuple(sorted(keys)), series=b"".join(sorted(hashes(uses))))
