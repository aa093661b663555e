"""Comparing: counts and sums of hashes by the server, rows as they are where those do not agree."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2

from landbridge.endpoints.abc import View
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.expressions import columns, hashed
from landbridge.endpoints.postgres.names import quote
from landbridge.endpoints.postgres.read.ranges import place, source, within
from landbridge.endpoints.postgres.read.rows import Row, copy_out, rows_of
from landbridge.endpoints.postgres.read.sessions import query, reading, reading_exactly
from landbridge.errors import Terminal
from landbridge.model import Bounds, ForeignKey, Position, Relation, Sum, Table
from landbridge.pipe import stream


class Viewer:
    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def view(self, *, exact: bool = False) -> Iterator[View]:
        if exact:
            with reading_exactly(self._database) as (connection, position):
                yield _View(connection, position)
        else:
            with reading(self._database) as connection:
                query(connection, "select 1")  # takes the snapshot: now, not when the first sum is asked for
                yield _View(connection, None)


class _View:
    def __init__(self, connection: Any, position: Position | None) -> None:
        self.position = position
        self._connection = connection

    def sum(self, table: Relation, bounds: Bounds) -> Sum:
        # OFFSET keeps the subquery apart, or the hash would be computed once for every time it is named.
        rows, hashes, total = query(
            self._connection,
            f"select count(*), count(hash), coalesce(sum(hash), 0) from (select {hashed(table)} hash "
            f"from {source(self._connection, table)} where {within(table, bounds)} offset 0) rows",
        )[0]
        if rows != hashes:
            raise Terminal(f"{table.name}: {rows - hashes} rows have no hash", mend="exclude the table")
        return Sum(rows=rows, checksum=int(total) % 2**64)

    def rows(self, table: Relation, bounds: Bounds) -> Iterator[Row]:
        select = f"select {columns(table)} from {source(self._connection, table)} where {within(table, bounds)}"
        return rows_of(stream(lambda sink: copy_out(self._connection, select, sink)))

    def answers(self, select: str, seconds: float) -> Iterator[Row]:
        query(self._connection, "savepoint answers")
        query(self._connection, f"set local statement_timeout = {int(seconds * 1000)}")
        try:
            yield from rows_of(stream(lambda sink: copy_out(self._connection, select, sink)))
        except psycopg2.Error as error:
            why = error.diag.message_primary or str(error)
            raise Terminal(f"the query failed: {why}", mend=f"try it: {select}") from None
        finally:
            query(self._connection, "rollback to savepoint answers")

    def orphans(self, table: Table) -> Mapping[str, int]:
        return {key.name: query(self._connection, self._orphans(table, key))[0][0] for key in table.foreign_keys}

    def _orphans(self, table: Table, key: ForeignKey) -> str:
        """A NULL in any column points nowhere and may, unless the match is to be full. Heirs are not looked at."""
        pairs = list(zip(key.columns, key.target_columns, strict=True))
        given = (" or " if key.full else " and ").join(f"child.{quote(own)} is not null" for own, _ in pairs)
        same = " and ".join(f"parent.{quote(other)} = child.{quote(own)}" for own, other in pairs)
        child, target = place(self._connection, table.name), place(self._connection, key.target)
        parent = f"select from {target} parent where {same}"
        return f"select count(*) from {child} child where ({given}) and not exists ({parent})"
