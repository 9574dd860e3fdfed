import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import duckdb

from traceo.collector.batch import Signal
from traceo.collector.problems import Problem
from traceo.collector.store.protocols import Segment
from traceo.collector.store.segments import may_hold
from traceo.collector.store.store import Store
from traceo.collector.store.tables import TABLES
from traceo.collector.store.writer import Snapshot

__all__ = ["Engine", "Parameter", "Parameters", "View"]

Parameter: TypeAlias = str | int | float | list[str] | list[int]
Parameters: TypeAlias = Sequence[Parameter] | Mapping[str, Parameter]
"""For ``?`` in order, or for ``$name`` by name."""

_MEMORY = "1GiB"


class View:
    """One consistent moment of the store, for one request: every query of it sees the same rows."""

    def __init__(self, engine: "Engine", snapshot: Snapshot) -> None:
        self._engine = engine
        self._snapshot = snapshot

    def segments(
        self,
        signal: Signal,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        traces: Sequence[str] | None = None,
    ) -> list[Segment]:
        """The segments that may hold a row in the time range, or of the traces; newest first."""
        chosen = [
            segment
            for segment in self._snapshot.segments
            if segment.signal is signal
            and (start_ns is None or segment.max_ns >= start_ns)
            and (end_ns is None or segment.min_ns <= end_ns)
            and (traces is None or may_hold(segment, traces))
        ]
        return sorted(chosen, key=lambda segment: segment.max_ns, reverse=True)

    def rows(
        self, signal: Signal, sql: str, parameters: Parameters, segments: Sequence[Segment]
    ) -> list[tuple[Any, ...]]:
        """Run ``sql``, in which ``{rows}`` stands for the rows of ``segments`` and of the tail."""
        return self._engine.run(signal, sql, parameters, segments, self._snapshot)


class Engine:
    """DuckDB over segment files and tails. Reads no other file, loads no extension, spills nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "threads": "2",
                "memory_limit": _MEMORY,
                "temp_directory": "",
                "allow_community_extensions": "false",
            },
        )
        folder = str(store.folder).replace("'", "''")
        self._connection.execute(f"SET allowed_directories = ['{folder}']")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def view(self) -> View:
        """Look at everything answered before this call."""
        return View(self, self._store.snapshot())

    def run(
        self,
        signal: Signal,
        sql: str,
        parameters: Parameters,
        segments: Iterable[Segment],
        snapshot: Snapshot,
    ) -> list[tuple[Any, ...]]:
        """Run one query over some segments and the tail of a signal (see :meth:`View.rows`).

        Raises:
            Problem: 400, it would take more memory than a question may have.
        """
        with self._lock:
            cursor = self._connection.cursor()
        try:
            cursor.register("tail", snapshot.tails[signal])
            return cursor.execute(
                sql.replace("{rows}", self._source(signal, segments)),
                dict(parameters) if isinstance(parameters, Mapping) else list(parameters),
            ).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise _too_much() from error
        finally:
            cursor.close()

    def _source(self, signal: Signal, segments: Iterable[Segment]) -> str:
        # every part is ours (column names, file names); values of a request are always parameters
        columns = ", ".join(TABLES[signal].names)
        paths = ", ".join("'" + str(self._store.location(s)).replace("'", "''") + "'" for s in segments)
        tail = f"SELECT {columns} FROM tail"  # noqa: S608  see above
        if not paths:
            return f"({tail})"
        return f"(SELECT {columns} FROM read_parquet([{paths}]) UNION ALL {tail})"  # noqa: S608  see above


def _too_much() -> Problem:
    return Problem(
        400,
        "too-much-data",
        "The question is too large",
        f"it takes more than {_MEMORY} of memory; give a shorter time range or more filters",
    )
