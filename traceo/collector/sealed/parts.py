"""All of this room, for the composition root."""

from pathlib import Path

from traceo.collector.receivers.opening import Opener
from traceo.collector.sealed.api import SealedApi
from traceo.collector.sealed.foreign import Foreign
from traceo.collector.sealed.intake import KeyIntake
from traceo.collector.sealed.keytable import KeyTable
from traceo.collector.sealed.store import SealedStore
from traceo.collector.sealed.teams import Teams
from traceo.sealing import Senders

__all__ = ["SealedParts"]

_SEALED_BYTES = 1024 * 1024 * 1024


class SealedParts:
    """The key table, the sealed batches of the teams in ``data/teams``, and who answers for them."""

    def __init__(self, data: Path, *, opener: Opener, senders: Senders) -> None:
        """Open them. `StoreError` when a file cannot be used."""
        self._table = KeyTable(data / "subject-keys.sqlite")
        self._sealed = SealedStore(data / "sealed.sqlite", limit_bytes=_SEALED_BYTES)
        self.intake = KeyIntake(opener=opener, table=self._table)
        self.foreign = Foreign(teams=Teams(data / "teams"), store=self._sealed, senders=senders)
        self.api = SealedApi(intake=self.intake, table=self._table, sealed=self._sealed)

    def close(self) -> None:
        """Close them."""
        self._table.close()
        self._sealed.close()
