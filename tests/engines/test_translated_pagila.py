"""Views and triggers of PostgreSQL on MySQL: pagila's, made there over the same rows."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from landbridge import schema
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carries, Describes, Prepares
from landbridge.endpoints.mysql.server import Server as MysqlServer
from landbridge.endpoints.postgres.server import Server
from landbridge.model import ColumnMap, Table, TableMap, TableName
from landbridge.plan import EndpointRef
from tests.support import load_pg_file, mysql_connection, postgres_connection, rows

Databases = Callable[..., str]

_READ = {
    "actor", "address", "category", "city", "country", "customer", "film", "film_actor", "film_category", "inventory", "payment",
    "rental", "staff", "store",
}  # fmt: skip


def ref(engine: str, server: Any, name: str) -> EndpointRef:
    return EndpointRef(
        engine=engine, host=server.host, port=server.port, user=server.user, database=name, tls="disable"
    )


def table_map(number: int, source: Table, target: Table) -> TableMap:
    there = {column.name: column for column in target.columns}
    pairs = tuple(
        ColumnMap(source=c, target=there[c.name]) for c in source.columns if c.name in there and not c.generated
    )
    return TableMap(number=number, source=source, target=target, columns=pairs)


def test_pagila_on_mysql(
    postgres_server: Server,
    mysql_server: MysqlServer,
    postgres_database: Databases,
    mysql_database: Databases,
    shared_data: Path,
) -> None:
    source, target = postgres_database(postgres_server), mysql_database(mysql_server)
    for file in ("pagila-schema.sql", "pagila-data.sql"):
        load_pg_file(postgres_server, source, shared_data / "pagila" / file)
    catalog = connect(ref("postgres", postgres_server, source)).get(Describes).describe(["public"])
    end = connect(ref("mysql", mysql_server, target))
    names = {each.name: TableName(schema=target, name=each.name.name) for each in catalog.tables}
    adopted = [end.get(Prepares).adopt(each, catalog.family, names[each.name], names) for each in catalog.tables]
    maps = [table_map(n, *pair) for n, pair in enumerate(zip(catalog.tables, (a.table for a in adopted), strict=True))]
    statements = list(end.get(Prepares).statements(maps, (), ()))
    names |= {each.name: TableName(schema=target, name=each.name.name.partition("(")[0]) for each in catalog.others}
    found = end.get(Carries).carry(catalog.others, catalog.family, names, maps)
    schema.build(end, "test", statements, {"tables"})
    with (
        closing(postgres_connection(postgres_server, source, options="-c TimeZone=UTC")) as there,
        closing(mysql_connection(mysql_server, target)) as here,
    ):
        rows(here, "SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'")
        for each in maps:
            if each.source.name.name in _READ:
                copy_rows(there, here, each)
        views = {each.name.name: each for each in found if each.source.kind in ("view", "materialized view")}
        made = {name: each for name, each in views.items() if each.statements}
        assert sorted(made) == [
            "customer_list",
            "rental_by_category",
            "sales_by_film_category",
            "sales_by_store",
            "staff_list",
        ]
        assert {each.effort for name, each in views.items() if name not in made} == {"small"}
        rows(there, "REFRESH MATERIALIZED VIEW rental_by_category")
        schema.build(end, "test", [one for each in made.values() for one in each.statements], {"objects"})
        stale = made.pop("rental_by_category")
        assert stale.check is None
        sales = "SELECT category, total_sales FROM rental_by_category ORDER BY total_sales"
        assert rows(there, sales) == rows(here, sales)
        for view in made.values():
            assert view.check
            assert Counter(rows(there, view.check[0])) == Counter(rows(here, view.check[1]))
        triggers = [each for each in found if each.source.kind == "trigger"]
        schema.build(end, "test", [one for each in triggers for one in each.statements], {"triggers"})
        assert [each.reason for each in triggers if not each.statements] == [
            "it gives arguments to the function that it calls"
        ]
        rows(here, "SET time_zone = '+05:00'")
        rows(here, "UPDATE actor SET first_name = 'X' WHERE actor_id = 1")
        assert rows(
            here, "SELECT abs(timestampdiff(MINUTE, last_update, utc_timestamp)) FROM actor WHERE actor_id = 1"
        ) == [(0,)]


def copy_rows(there: Any, here: Any, table: TableMap) -> None:
    named = ", ".join(f'"{pair.source.name}"' for pair in table.columns)
    found = rows(there, f'SELECT {named} FROM public."{table.source.name.name}"')
    marks = ", ".join(["%s"] * len(table.columns))
    quoted = ", ".join(f"`{pair.target.name}`" for pair in table.columns)
    with here.cursor() as cursor:
        values = [[_value(value) for value in row] for row in found]
        cursor.executemany(f"INSERT INTO `{table.target.name.name}` ({quoted}) VALUES ({marks})", values)


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value)
    return bytes(value) if isinstance(value, memoryview) else value
