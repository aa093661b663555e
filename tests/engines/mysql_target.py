"""A database of the MySQL family to write changes into, and what its tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from landbridge import kinds
from landbridge.endpoints.applying import TableBatch
from landbridge.endpoints.mysql.apply import Applier, Writer
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.server import Server
from landbridge.model import Field, Relation, TableName
from landbridge.plan import EndpointRef
from tests.support import mysql_connection, rows

SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")


def batch(table: int = 0, deletes: Any = (), updates: Any = (), inserts: Any = ()) -> TableBatch:
    return TableBatch(table=table, deletes=list(deletes), updates=list(updates), inserts=list(inserts), missing=[])


class Place:
    """A database, its plain connection, and writers into it."""

    def __init__(self, server: Server, database: str) -> None:
        self.database, self.mariadb = database, True
        self.ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user)
        self.plain = mysql_connection(server, database)
        self.mariadb = Database.is_mariadb(self.plain)
        self.connection = Database(self.ref).engine().connect()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows(self.plain, statement)

    def relation(self, number: int, name: str, columns: str, key: tuple[int, ...] = (0,), **types: Any) -> Relation:
        """types: the kinds of columns that are not Text."""
        fields = tuple(Field(name=c, kind=types.get(c, kinds.Text()), native="") for c in columns.split())
        return Relation(number=number, name=TableName(schema=self.database, name=name), fields=fields, key=key)

    def writer(self, *tables: Relation) -> Writer:
        return Applier(Database(self.ref)).writer(self.connection, tables)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with self.connection.begin():
            yield self.connection
