"""
Alterations after which no row comes: the stream says nothing of them, so the catalog is looked at now and then. What
it showed holds from a place in the log that is read after it: once the stream is past that, all rows before have come.
"""

import time
from typing import Any

from landbridge.change import Change
from landbridge.endpoints.altering import noted
from landbridge.endpoints.postgres.log.decode import Decoder
from landbridge.endpoints.postgres.log.drifts import Drifts, recorded
from landbridge.endpoints.postgres.log.lsn import AS_NUMBER, position
from landbridge.model import Position, TableMap, TableName

_EVERY = 2.0
_HERE = f"select {AS_NUMBER % 'pg_catalog.pg_current_wal_insert_lsn()'}"

Shapes = dict[TableName, tuple[str, ...]]


class Silent:
    """side: an ordinary connection to the source."""

    def __init__(self, side: Any, decoder: Decoder, drifts: Drifts) -> None:
        self._side, self._decoder, self._drifts = side, decoder, drifts
        self._known: Shapes = {table.source.name: recorded(table.source) for table in decoder.tables}
        self._seen: Shapes = {}
        self._past = 0
        self._next = 0.0

    def due(self, told: int) -> list[Change]:
        """Those that take effect just past `told`. Called between two transactions."""
        if not self._seen and time.monotonic() >= self._next:
            self._look()
        if not self._seen or told < self._past:
            return []
        found, self._seen = self._seen, {}
        shown = self._drifts.shapes(self._decoder.tables)
        return [
            change
            for table in self._decoder.tables
            if table.source.name in found and found[table.source.name] == shown.get(table.source.name)
            for change in self._altered(table, found[table.source.name], position(told + 1))
        ]

    def _altered(self, table: TableMap, shape: tuple[str, ...], where: Position) -> list[Change]:
        self._known[table.source.name] = shape
        altered = self._drifts.taken(table, None, where)
        if altered is table:
            return []
        self._decoder.alter(altered)
        return [noted(altered, where)]

    def _look(self) -> None:
        """What is not as it was looked at last, or recorded, and where the log is after that."""
        shown = self._drifts.shapes(self._decoder.tables)
        self._seen = {name: shape for name, shape in shown.items() if self._known.get(name) != shape}
        self._next = time.monotonic() + _EVERY
        if self._seen:
            with self._side.cursor() as cursor:
                cursor.execute(_HERE)
                self._past = cursor.fetchone()[0]
