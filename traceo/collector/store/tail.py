import threading
from collections.abc import Iterable

from traceo.collector.batch import Signal
from traceo.collector.store import arrow
from traceo.collector.store.tables import Row

__all__ = ["Tail"]

_CHUNKS = 16  # more small pieces than this slow a scan down; they are joined


class Tail:
    """The rows of one signal that are in no segment yet.

    Rows become Arrow only when somebody looks: ingest without readers pays for one conversion a segment.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._table = arrow.empty(signal)

    def __len__(self) -> int:
        return self._table.num_rows + len(self._rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        with self._lock:
            self._rows.extend(rows)

    def table(self) -> arrow.Table:
        """All rows so far, as an immutable table."""
        with self._lock:
            if self._rows:
                fresh = arrow.from_rows(self._signal, self._rows)
                self._table = arrow.join([self._table, fresh])
                self._rows = []
                if arrow.chunks(self._table) > _CHUNKS:
                    self._table = arrow.compact(self._table)
            return self._table

    def clear(self) -> None:
        """Forget all rows."""
        with self._lock:
            self._rows = []
            self._table = arrow.empty(self._signal)
