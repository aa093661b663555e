"""Reading tables for the load, and single rows again for apply."""

from collections.abc import Sequence
from typing import Any

from landbridge.change import Value
from landbridge.endpoints.abc import Read, Sink
from landbridge.endpoints.applying import Reread
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.expressions import columns
from landbridge.endpoints.postgres.names import quote_all
from landbridge.endpoints.postgres.read.ranges import Cutter, constant, source, within
from landbridge.endpoints.postgres.read.rows import Row, copy_out, rows_of
from landbridge.endpoints.postgres.read.sessions import log_end, reading, reading_exactly
from landbridge.model import EVERYTHING, Bounds, Field, Relation

_KEYS_AT_ONCE = 1000


class SnapshotReader:
    def __init__(self, database: Database) -> None:
        self._database = database

    def segments(self, table: Relation, max_bytes: int) -> tuple[Bounds, ...]:
        if not table.key:
            return (EVERYTHING,)
        with reading(self._database) as connection:
            return Cutter(connection=connection, relation=table).ranges(max_bytes)

    def read(self, table: Relation, bounds: Bounds, sink: Sink) -> Read:
        if not table.key:
            with reading_exactly(self._database) as (connection, position):
                return Read(rows=_push(connection, table, bounds, sink), position=position)
        with reading(self._database) as connection:
            rows = _push(connection, table, bounds, sink)
            return Read(rows=rows, position=log_end(connection))

    def read_keys(self, table: Relation, keys: Sequence[tuple[Value, ...]]) -> Reread:
        return self.read_matching(table, table.key, keys)

    def read_matching(self, table: Relation, places: Sequence[int], values: Sequence[tuple[Value, ...]]) -> Reread:
        fields = [table.fields[place] for place in places]
        rows: list[Row] = []
        with reading(self._database) as connection:
            place = source(connection, table)
            for start in range(0, len(values), _KEYS_AT_ONCE):
                condition = _among(fields, values[start : start + _KEYS_AT_ONCE])
                blocks: list[bytes] = []
                copy_out(connection, f"select {columns(table)} from {place} where {condition}", blocks.append)
                rows += rows_of(iter(blocks))
            return Reread(rows=[*rows], position=log_end(connection))


def _push(connection: Any, table: Relation, bounds: Bounds, sink: Sink) -> int:
    place = source(connection, table)
    return copy_out(connection, f"select {columns(table)} from {place} where {within(table, bounds)}", sink)


def _among(fields: Sequence[Field], images: Sequence[tuple[Value, ...]]) -> str:
    values = ", ".join(
        "(" + ", ".join(constant(field, value.decode()) for field, value in zip(fields, image, strict=True)) + ")"
        for image in images
    )
    return f"({quote_all(tuple(field.name for field in fields))}) in (values {values})"
