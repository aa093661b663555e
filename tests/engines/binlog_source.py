"""A database on a MySQL or MariaDB server to capture from, and what a run records of its tables."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from landbridge.change import Transaction
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.mysql.catalog import Describer
from landbridge.endpoints.mysql.changes import ChangeLog
from landbridge.endpoints.mysql.connection import Database
from landbridge.model import ColumnMap, Position, Table, TableMap
from landbridge.plan import EndpointRef
from tests.support import mysql_connection, rows

SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")

on_mariadb = pytest.mark.parametrize("source", SERVERS[:2], indirect=True)
on_mysql = pytest.mark.parametrize("source", SERVERS[2:], indirect=True)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A database on a server, and the log of it."""

    server: mysql.Server
    name: str
    connection: Any

    @property
    def database(self) -> Database:
        server = self.server
        ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, tls="disable")
        return Database(ref)

    @property
    def log(self) -> ChangeLog:
        return ChangeLog(self.database)

    @property
    def mariadb(self) -> bool:
        return Database.is_mariadb(self.connection)

    def run(self, *statements: str) -> None:
        for statement in statements:
            rows(self.connection, statement)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.connection, sql)

    def plan(self, *names: str) -> list[TableMap]:
        found = {table.name.name: table for table in Describer(self.database).describe([self.name]).tables}
        return [_planned(number, found[name]) for number, name in enumerate(names)]

    def read(self, since: Position, tables: list[TableMap], until: Position | None = None) -> list[Transaction]:
        """All transactions up to the log's end, without heartbeats."""
        end = until or self.log.here()
        found = []
        with self.log.stream("test", since, tables) as stream:
            for transaction in stream:
                if transaction.changes:
                    found.append(transaction)
                if transaction.last and transaction.position >= end:
                    return found
        raise AssertionError("the stream ended")

    def changes(self, since: Position, tables: list[TableMap]) -> list[Any]:
        return [change for transaction in self.read(since, tables) for change in transaction.changes]


def _planned(number: int, table: Table) -> TableMap:
    columns = tuple(ColumnMap(source=column, target=column) for column in table.columns if not column.generated)
    return TableMap(number=number, source=table, target=table, columns=columns)


@contextlib.contextmanager
def opened(server: mysql.Server, mysql_database: Callable[..., str]) -> Iterator[Source]:
    name = mysql_database(server)
    with contextlib.closing(mysql_connection(server, name)) as connection:
        yield Source(server=server, name=name, connection=connection)
