"""Sealed batches that no key here opens: stored for the team they are for, or refused."""

from traceo.collector.batch import Batch, Signal
from traceo.collector.sealed.store import SealedStore
from traceo.collector.sealed.teams import Teams
from traceo.errors import OpenError
from traceo.sealing import BatchHeader, Senders, peek_header, peek_recipients
from traceo.sealing.hpke import OPEN_FAILED

__all__ = ["Foreign"]


class Foreign:
    """Keeps what a registered team can open. It is routed by its header, which only the team can check.

    With registered `senders`, the signature vouches for the header too.
    """

    def __init__(self, *, teams: Teams, store: SealedStore, senders: Senders) -> None:
        self._teams = teams
        self._store = store
        self._senders = senders

    def keep(self, sealed: bytes, batch: Batch) -> bool:
        """Store `sealed`, the body of `batch`, on the disk; False when its id was there already.

        Raises `OpenError` when it is damaged, for nobody we know, for another signal, or not signed by a
        sender we know; `OverloadedError` when it cannot be stored.
        """
        if self._senders:
            self._senders.check(sealed)
        header = peek_header(sealed)
        team = self._teams.named(peek_recipients(sealed))
        if team is None or not _fits(header, batch.signal):
            raise OpenError(OPEN_FAILED)
        return self._store.add(sealed, header, team=team, received_ns=batch.received_ns)


def _fits(header: BatchHeader, signal: Signal) -> bool:
    return header.signal == signal.name.lower()
