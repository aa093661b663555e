"""Objects carried from one MySQL or MariaDB database to another, with their tables copied by the servers' own words."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landbridge import schema
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carried, Carries, Describes
from landbridge.endpoints.mysql.names import quote
from landbridge.endpoints.mysql.server import Server
from landbridge.model import Catalog, ColumnMap, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.support import mysql_connection, rows


def ref(server: Server, user: str = "root") -> EndpointRef:
    return EndpointRef(engine="mysql", host=server.host, port=server.port, user=user, tls="disable")


def run(server: Server, database: str | None, *statements: str, **settings: Any) -> list[tuple[Any, ...]]:
    """What the last statement yields."""
    found: list[tuple[Any, ...]] = []
    with contextlib.closing(mysql_connection(server, database, **settings)) as connection:
        for statement in statements:
            found = rows(connection, statement)
    return found


def names(catalog: Catalog, database: str, without: Sequence[str] = ()) -> dict[TableName, TableName]:
    moving = [
        *(t.name for t in catalog.tables),
        *(s.name for s in catalog.sequences),
        *(o.name for o in catalog.others),
    ]
    return {name: TableName(schema=database, name=name.name) for name in moving if name.name not in without}


def maps(catalog: Catalog, database: str, without: Sequence[str] = ()) -> list[TableMap]:
    """Every table as it is, in another database."""
    return [
        TableMap(
            number=number,
            source=table,
            target=replace(table, name=TableName(schema=database, name=table.name.name)),
            columns=tuple(ColumnMap(source=column, target=column) for column in table.columns if not column.generated),
            plain=True,
        )
        for number, table in enumerate(catalog.tables)
        if table.name.name not in without
    ]


def carried(
    source: Server, name: str, target: Server, database: str, without: Sequence[str] = (), user: str = "root"
) -> dict[tuple[str, str], Carried]:
    """What becomes of each object of the source's database, in order; nothing is made yet."""
    catalog = connect(ref(source)).get(Describes).describe([name])
    carries = connect(ref(target, user)).get(Carries)
    found = carries.carry(catalog.others, "mysql", names(catalog, database, without), maps(catalog, database, without))
    assert {id(each.source) for each in found} == {id(each) for each in catalog.others}
    return {(each.source.kind, each.source.name.name): each for each in found}


def like_database(source: Server, name: str, target: Server, database: str) -> None:
    """Gives a new database the source's collation, which texts of routines fall back to."""
    ((collation,),) = run(source, name, "select @@collation_database")
    run(target, database, f"alter database {quote(database)} collate {collation}")


def copy_tables(source: Server, name: str, target: Server, database: str) -> None:
    tables = run(source, name, "show full tables where table_type = 'BASE TABLE'")
    shown = [run(source, name, f"show create table {quote(table)}")[0][1] for table, _ in tables]
    run(target, database, "set foreign_key_checks = 0, sql_mode = ''", *shown)


def make(target: Server, found: dict[tuple[str, str], Carried], user: str = "root") -> int:
    """Twice: the second time nothing may be left to do. A view that is refused would stop nothing, so it is counted."""
    statements = [statement for each in found.values() for statement in each.statements]
    made = schema.build(connect(ref(target, user)), "test", statements, {"tables", "objects", "triggers"})
    assert made == len(statements)
    assert schema.build(connect(ref(target, user)), "test", statements, {"tables", "objects", "triggers"}) == 0
    return made


def shown(server: Server, database: str, kind: str, name: str) -> dict[str, Any]:
    """What SHOW CREATE says of an object inside of its database, but for when it was made."""
    with contextlib.closing(mysql_connection(server, database)) as connection, connection.cursor() as cursor:
        cursor.execute("set sql_mode = ''")
        cursor.execute(f"show create {kind} {quote(name)}")
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    return {key: value for key, value in row.items() if key != "Created"}
