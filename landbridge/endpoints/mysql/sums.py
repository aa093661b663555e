"""Comparing: counts and sums of hashes by the server, rows as they are where those do not agree."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pymysql

from landbridge.endpoints.abc import View
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.expressions import OVERFLOW, hashed
from landbridge.endpoints.mysql.names import qualified, quote
from landbridge.endpoints.mysql.read.rows import Row, changed_under_us, raw_rows, source, texts
from landbridge.endpoints.mysql.read.sessions import begin_consistently, begin_exactly, query, reading
from landbridge.endpoints.mysql.read.wire import records
from landbridge.errors import Terminal
from landbridge.kinds import FREE_TEXT
from landbridge.model import Bounds, ForeignKey, Position, Relation, Sum, Table


class Viewer:
    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def view(self, *, exact: bool = False) -> Iterator[View]:
        with reading(self._database) as connection:
            if exact:
                yield _View(connection, begin_exactly(self._database, connection))
            else:
                begin_consistently(connection)
                yield _View(connection, None)


class _View:
    def __init__(self, connection: Any, position: Position | None) -> None:
        self.position = position
        self._connection = connection

    def sum(self, table: Relation, bounds: Bounds) -> Sum:
        # A row too long to be hashed here has a NULL hash, which SUM would pass over. Counting those as well would
        # compute every hash twice: they add a number instead that stands out of any sum.
        rows, total = query(
            self._connection,
            f"select count(*), ifnull(sum(ifnull({hashed(table)}, {OVERFLOW})), 0) from {source(table, bounds)}",
        )[0]
        long_rows, checksum = divmod(int(total), OVERFLOW)
        if long_rows:
            checksum += self._sum_here(table, bounds, long_rows)
        return Sum(rows=int(rows), checksum=checksum % 2**64)

    def _sum_here(self, table: Relation, bounds: Bounds, expected: int) -> int:
        total = 0
        for row in raw_rows(self._connection, table, bounds, f"{hashed(table)} is null"):
            expected -= 1
            total += hash_of(table, row)
        if expected:
            raise changed_under_us(table)
        return total

    def rows(self, table: Relation, bounds: Bounds) -> Iterator[Row]:
        return texts(self._connection, table, bounds)

    def answers(self, select: str, seconds: float) -> Iterator[Row]:
        mariadb = Database.is_mariadb(self._connection)
        limit, time = ("max_statement_time", seconds) if mariadb else ("max_execution_time", int(seconds * 1000))
        query(self._connection, f"set session {limit} = {time}")
        try:
            yield from records(self._connection, select)
        except pymysql.Error as error:
            raise Terminal(f"the query failed: {error.args[-1]}", mend=f"try it: {select}") from None
        finally:
            query(self._connection, f"set session {limit} = 0")

    def orphans(self, table: Table) -> Mapping[str, int]:
        return {key.name: int(query(self._connection, _orphans(table, key))[0][0]) for key in table.foreign_keys}


def hash_of(table: Relation, row: Row) -> int:
    """What `expressions.hashed` computes on the server."""
    fields = [b"\\N" if value is None else value for value in row]
    free = [value for field, value in zip(table.fields, row, strict=True) if isinstance(field.kind, FREE_TEXT)]
    lengths = [b"" if value is None else str(len(value)).encode() for value in free]
    return int.from_bytes(hashlib.sha256(b"\t".join(fields + lengths)).digest()[:8], "big")


def _orphans(table: Table, key: ForeignKey) -> str:
    """A NULL in any column points nowhere and may."""
    pairs = list(zip(key.columns, key.target_columns, strict=True))
    given = " and ".join(f"child.{quote(own)} is not null" for own, _ in pairs)
    same = " and ".join(f"parent.{quote(other)} = child.{quote(own)}" for own, other in pairs)
    parent = f"select 1 from {qualified(key.target)} parent where {same}"
    return f"select count(*) from {qualified(table.name)} child where {given} and not exists ({parent})"
