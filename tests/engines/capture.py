"""A PostgreSQL database to capture from, and what a run records of its tables."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from landbridge import kinds
from landbridge.change import Change, Transaction, divided
from landbridge.endpoints.postgres import changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.changes import ChangeLog
from landbridge.endpoints.postgres.connection import Database
from landbridge.model import Column, ColumnMap, Generated, Key, Position, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.packing import unpacked
from tests.support import postgres_connection, rows

RUN = "r1"
VERSIONS = ["14", "15", "16", "17", "18"]
COPIES = "select slot_name from pg_replication_slots where starts_with(slot_name, 'landbridge_copy') and database = %s"
"""By which a backlog is read."""

_COLUMNS = """
    select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attgenerated <> '',
        array_position(i.indkey::int2[], a.attnum)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = %s::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""


class Source:
    """A session that writes to a database, and the log under test."""

    def __init__(self, server: postgres.Server, database: str) -> None:
        self.server, self.database = server, database
        self.connection = postgres_connection(server, database)
        self.ref = EndpointRef(
            engine="postgres", host=server.host, port=server.port, user=server.user, database=database
        )
        self.dsn = f"host={server.host} port={server.port} user={server.user} dbname={database}"
        self.log = ChangeLog(Database(self.ref))
        self.tables: list[TableMap] = []

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return rows(self.connection, sql, parameters or None)

    def transaction(self, *statements: str) -> None:
        for statement in ("begin", *statements, "commit"):
            self.run(statement)

    def plan(self, *names: str) -> None:
        """These tables as they are now; `schema.name` or `name` in public."""
        self.tables = [self._map(number, name) for number, name in enumerate(names)]

    def _map(self, number: int, name: str) -> TableMap:
        schema, _, bare = name.rpartition(".")
        schema = schema or "public"
        self.run("set search_path = ''")  # types are recorded by their full names
        found = self.run(_COLUMNS, f'"{schema}"."{bare}"')
        self.run("reset search_path")
        columns = tuple(
            Column(
                name=column,
                kind=kinds.Text(),
                native=native,
                generated=Generated(expression="", stored=True) if generated else None,
            )
            for column, native, generated, _ in found
        )
        key = sorted((place, column) for column, _, _, place in found if place is not None)
        table = Table(
            name=TableName(schema=schema, name=bare),
            columns=columns,
            primary_key=Key(name="key", columns=tuple(column for _, column in key)) if key else None,
        )
        maps = tuple(ColumnMap(source=column, target=column) for column in columns if column.generated is None)
        return TableMap(number=number, source=table, target=table, columns=maps, plain=True)

    def prepare(self, *names: str) -> Position:
        self.plan(*names)
        return self.log.prepare(RUN, self.tables)

    def follow(self, since: Position, seconds: float = 20) -> list[Transaction]:
        """Everything from `since` up to the log's end as it is now, each by itself, unpacked where it comes packed."""
        goal, found = self.log.here(), list[Transaction]()
        while not found or found[-1].position < goal:  # what is far behind is opened anew where it has come near
            with self.log.stream(RUN, found[-1].position if found else since, self.tables, packed=True) as stream:
                found += map(unpacked, divided(until(stream, goal, seconds)))
        return found

    def changes(self, since: Position) -> list[Change]:
        return [change for transaction in self.follow(since) for change in transaction.changes]

    def slot(self) -> tuple[Any, ...] | None:
        """Who reads the slot, and what was confirmed."""
        query = "select active_pid, confirmed_flush_lsn - '0/0' from pg_replication_slots where slot_name = %s"
        return next(iter(self.run(query, changes._name(RUN))), None)

    def reader(self) -> int | None:
        slot = self.slot()
        return slot[0] if slot else None


def until(stream: Any, goal: Position, seconds: float = 20) -> Iterator[Transaction]:
    deadline = time.monotonic() + seconds
    for transaction in stream:
        yield transaction
        if transaction.last and transaction.position >= goal:
            return
        assert time.monotonic() < deadline, f"{goal} was not reached; at {transaction.position}"


def wait_for(condition: Callable[[], Any], seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def full(transactions: Sequence[Transaction]) -> list[Transaction]:
    """Without heartbeats."""
    return [transaction for transaction in transactions if transaction.changes]
