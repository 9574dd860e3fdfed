"""Taking rows for the key table, sealed to this collector or, over a channel of its own, bare."""

import asyncio
import sqlite3
from collections.abc import Sequence

from traceo.collector import journal
from traceo.collector.problems import Problem
from traceo.collector.receivers.decompress import TooLargeError
from traceo.collector.receivers.opening import Opener
from traceo.collector.sealed.keytable import KeyTable
from traceo.errors import EncodeError, OpenError
from traceo.sealing.keyring import WrappedKey, decode_rows

__all__ = ["KeyIntake"]


class KeyIntake:
    """Puts rows into the key table; raises a `Problem` when that cannot be done."""

    def __init__(self, *, opener: Opener, table: KeyTable) -> None:
        self._opener = opener
        self._table = table

    async def take(self, body: bytes, *, bare: bool = False) -> tuple[int, int]:
        """(rows that are in the table now, rows refused because their person has been erased).

        Raises `OpenError` when a sealed body does not open or does not hold rows.
        """
        if bare:
            try:
                rows = decode_rows(body)
            except OpenError as error:
                raise Problem(400, "malformed", "The body cannot be read", "it does not hold keys") from error
            return await self._add(rows)
        try:
            rows = await asyncio.to_thread(self._opener.rows, body)
        except TooLargeError as error:
            raise Problem(413, "too-large", "The message is too large", str(error)) from error
        except EncodeError as error:
            raise Problem(
                400, "sealed-header-mismatch", "The sealed batch is not for here", str(error)
            ) from error
        return await self._add(rows)

    async def _add(self, rows: Sequence[WrappedKey]) -> tuple[int, int]:
        try:
            refused = await asyncio.to_thread(self._table.add, rows)
        except sqlite3.Error as error:
            journal.error("keys not stored", cause=type(error).__name__)
            raise Problem(
                503,
                "overloaded",
                "The collector cannot take more now",
                "the keys could not be written to disk",
                headers=((b"retry-after", b"1"),),
            ) from error
        return len(rows) - refused, refused
