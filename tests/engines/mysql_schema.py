"""What the tests of the schema side share: describe, adopt, execute, and the server's own text to compare with."""

import contextlib
import difflib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from landbridge.endpoints.abc import Statement
from landbridge.endpoints.mysql import FAMILY
from landbridge.endpoints.mysql.catalog import Describer, show_create
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.ddl import SchemaBuilder
from landbridge.endpoints.mysql.server import Server
from landbridge.kinds import Loss
from landbridge.model import Catalog, ColumnMap, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.support import rows, statements

PARK = Path(__file__).with_name("table_park.sql")


def database(server: Server) -> Database:
    return Database(EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user))


def fill(server: Server, schema: str, *scripts: Path) -> None:
    with contextlib.closing(database(server).open(database=schema)) as connection:
        for script in scripts:
            for statement in statements(script.read_text(encoding="utf-8")):
                rows(connection, statement)


def described(server: Server, schema: str) -> Catalog:
    return Describer(database(server)).describe([schema])


class Made:
    """
    What a run would do: every table adopted, all statements executed on the target in one schema, but for tables whose
    losses stop the plan.
    """

    def __init__(self, server: Server, catalog: Catalog, schema: str) -> None:
        self.target, self.schema = database(server), schema
        found = [table.name for table in catalog.tables] + [sequence.name for sequence in catalog.sequences]
        names = {name: replace(name, schema=schema) for name in found}
        builder = SchemaBuilder(self.target)
        self.adopted = [builder.adopt(each, catalog.family, names[each.name], names) for each in catalog.tables]
        pairs = zip(catalog.tables, self.adopted, strict=True)
        left = ((table, done) for table, done in pairs if not any(loss.blocking for loss in done.losses))
        self.maps = maps = [table_map(n, table, done.table, catalog.family) for n, (table, done) in enumerate(left)]
        owners = {each.source.name: each.target.name for each in maps}
        sequences = [
            replace(
                s, name=names[s.name], owned_by=s.owned_by and (owners.get(s.owned_by[0], s.owned_by[0]), s.owned_by[1])
            )
            for s in catalog.sequences
        ]
        self.statements = list(builder.statements(maps, sequences, ()))
        execute(self.target, self.statements)

    def losses(self, table: str) -> list[Loss]:
        return [loss for done in self.adopted if done.table.name.name == table for loss in done.losses]

    @property
    def all_losses(self) -> list[Loss]:
        return [loss for done in self.adopted for loss in done.losses]

    def table(self, name: str) -> Table:
        return next(done.table for done in self.adopted if done.table.name.name == name)


def table_map(number: int, source: Table, target: Table, family: str) -> TableMap:
    columns = {column.name: column for column in target.columns}
    pairs = (ColumnMap(source=c, target=columns[c.name]) for c in source.columns if not c.generated)
    return TableMap(number=number, source=source, target=target, columns=tuple(pairs), plain=family == FAMILY)


def execute(target: Database, todo: Collection[Statement]) -> int:
    """Every statement whose object is not there; how many those were. Afterwards each object must be there."""
    run = 0
    with contextlib.closing(target.open()) as connection:
        for statement in todo:
            if not rows(connection, statement.exists):
                run += 1
                for setting in statement.session:
                    rows(connection, setting)
                _run(connection, statement.sql)
                assert rows(connection, statement.exists), statement.sql
    return run


def _run(connection: Any, sql: str) -> None:
    try:
        rows(connection, sql)
    except Exception as error:
        raise AssertionError(f"{error}\n{sql}") from error


def shown(server: Server, schema: str) -> dict[str, str]:
    """The tables as the server itself prints them, without the counters of AUTO_INCREMENT."""
    with contextlib.closing(database(server).open()) as connection:
        listed = "select table_name from information_schema.tables where table_schema = %s and engine is not null"
        names = [name for (name,) in rows(connection, f"{listed} and table_type <> 'VIEW'", (schema,))]
        texts = {name: show_create(connection, TableName(schema=schema, name=name)) for name in names}
    return {name: _without_counter(text).replace(f"`{schema}`", "`here`") for name, text in texts.items()}


def differences(source: dict[str, str], target: dict[str, str]) -> list[str]:
    """Lines that only one side has, '-' of the source and '+' of the target."""
    return [
        f"{name}: {line}"
        for name in sorted(source | target)
        for line in difflib.ndiff(source.get(name, "").splitlines(), target.get(name, "").splitlines())
        if line[0] in "-+"
    ]


def _without_counter(text: str) -> str:
    before, counter, behind = text.partition(" AUTO_INCREMENT=")
    return f"{before} {behind.partition(' ')[2]}" if counter else text
