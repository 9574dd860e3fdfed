import threading
from collections.abc import Iterable

import pyarrow as pa

from traceo.collector.batch import Signal
from traceo.collector.store.tables import SCHEMAS, Row, to_table

__all__ = ["Tail"]

_CHUNKS = 16  # more small pieces than this slow a scan down; they are joined


class Tail:
    """The rows of one signal that are in no segment yet.

    Rows become Arrow only when somebody looks: a busy ingest without readers pays for one conversion a segment.
    """

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._table = SCHEMAS[signal].empty_table()

    def __len__(self) -> int:
        return self._table.num_rows + len(self._rows)

    def add(self, rows: Iterable[Row]) -> int:
        """Append rows; return how many they were."""
        before = len(self._rows)
        with self._lock:
            self._rows.extend(rows)
            return len(self._rows) - before

    def table(self) -> pa.Table:
        """All rows so far, as an immutable table."""
        with self._lock:
            if self._rows:
                fresh = to_table(self._signal, self._rows)
                self._rows = []
                self._table = pa.concat_tables([self._table, fresh])
                if self._table[0].num_chunks > _CHUNKS:
                    self._table = self._table.combine_chunks()
            return self._table

    def clear(self) -> None:
        """Forget all rows."""
        with self._lock:
            self._rows = []
            self._table = SCHEMAS[self._signal].empty_table()
