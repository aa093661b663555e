"""Views and triggers of one family on the other: made there, they show and do the same."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extras import execute_values

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carries
from landbridge.endpoints.mysql.server import Server as MysqlServer
from landbridge.endpoints.postgres.server import Server
from landbridge.model import Catalog, TableMap, TableName
from tests.engines.postgres_schema import Made, database, execute, table_map
from tests.engines.test_translated_tables import described
from tests.support import load_sql_file, mysql_connection, postgres_connection, rows

Databases = Callable[..., str]


def copy_rows(there: Any, here: Any, tables: Sequence[TableMap]) -> None:
    """By the drivers' own values: what is tested is what is made around the rows."""
    rows(here, "SET session_replication_role = replica")
    for each in tables:
        columns = [pair.source.name for pair in each.columns]
        found = rows(there, f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM `{each.source.name.name}`")
        with here.cursor() as cursor:
            named = ", ".join(f'"{name}"' for name in columns)
            values = [[_value(v, p.target.native) for v, p in zip(row, each.columns, strict=True)] for row in found]
            execute_values(
                cursor, f'INSERT INTO public."{each.target.name.name}" ({named}) VALUES %s', values, page_size=500
            )
    rows(here, "SET session_replication_role = origin")


def _value(value: Any, native: str) -> Any:
    return bool(value) if native == "boolean" and value is not None else value


class Moved:
    """A database of the MySQL family on PostgreSQL, with its rows; its objects are only planned."""

    def __init__(self, there: Any, catalog: Catalog, here: Any, server: Server, target: str) -> None:
        self.place = database(server, target)
        schema = catalog.tables[0].name.schema
        self.made = Made(self.place, catalog, {schema: "public"})
        pairs = enumerate(zip(catalog.tables, self.made.adopted, strict=True))
        tables = [table_map(n, table, adopted.table, catalog.family) for n, (table, adopted) in pairs]
        copy_rows(there, here, tables)
        moving = [*(each.name for each in catalog.tables), *(each.name for each in catalog.others)]
        names = {name: TableName(schema="public", name=name.name) for name in moving}
        found = connect(self.place.ref).get(Carries).carry(catalog.others, catalog.family, names, tables)
        self.carried = {(each.source.kind, each.source.name.name): each for each in found}

    def make(self, kind: str) -> list[str]:
        """Those of a kind that can be made."""
        made = [name for (its, name), each in self.carried.items() if its == kind and each.statements]
        for name in made:
            assert execute(self.place, self.carried[kind, name].statements) > 0
        return made

    def left(self, kind: str) -> dict[str, str]:
        return {name: each.reason for (its, name), each in self.carried.items() if its == kind and not each.statements}


@pytest.fixture(params=["mysql_server", "mariadb_server"])
def sakila(request: pytest.FixtureRequest, mysql_database: Databases, shared_data: Path) -> Iterator[tuple[Any, Any]]:
    """A connection, and what the server describes."""
    server: MysqlServer = request.getfixturevalue(request.param)
    name = mysql_database(server)
    with closing(mysql_connection(server)) as connection:
        for file in ("sakila-schema.sql", "sakila-data.sql"):
            load_sql_file(connection, shared_data / "sakila" / file, name)
        yield connection, described(server, name)


def test_sakila_on_postgres(
    sakila: tuple[Any, Catalog], postgres_target_server: Server, postgres_database: Databases
) -> None:
    there, catalog = sakila
    target = postgres_database(postgres_target_server)
    with closing(postgres_connection(postgres_target_server, target)) as here:
        moved = Moved(there, catalog, here, postgres_target_server, target)
        rows(there, "SET sql_mode = ''")
        rows(there, "SET group_concat_max_len = 1000000")
        there.select_db(catalog.tables[0].name.schema)
        made = moved.make("view")
        assert (len(made), moved.left("view")) == (7, {})
        for name in made:
            check = moved.carried["view", name].check
            assert check
            assert Counter(rows(there, check[0])) == Counter(rows(here, check[1]))
        info = "SELECT film_info FROM actor_info ORDER BY actor_id"
        rows(here, "SET search_path = public")
        assert rows(there, info) == rows(here, info)
        made = moved.make("trigger")
        assert made == ["customer_create_date", "del_film", "ins_film", "payment_date", "rental_date", "upd_film"]
        for connection in (there, here):
            assert _film_text(connection) == [("Old",), ("New",), None]
        routines = {key: each.effort for key, each in moved.carried.items() if key[0] in ("function", "procedure")}
        assert len(routines) == 6
        assert set(routines.values()) <= {"small", "medium"}


def _film_text(connection: Any) -> list[tuple[object, ...] | None]:
    """What the triggers of the films write elsewhere."""
    seen: list[tuple[object, ...] | None] = []
    for statement in (
        "INSERT INTO film (film_id, title, language_id) VALUES (5000, 'Old', 1)",
        "UPDATE film SET title = 'New' WHERE film_id = 5000",
        "DELETE FROM film WHERE film_id = 5000",
    ):
        rows(connection, statement)
        seen.append(next(iter(rows(connection, "SELECT title FROM film_text WHERE film_id = 5000")), None))
    return seen
