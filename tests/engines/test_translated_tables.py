"""Tables of the MySQL family on PostgreSQL with all that their columns and constraints say in SQL."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from landbridge.endpoints import connect
from landbridge.endpoints.abc import Describes
from landbridge.endpoints.mysql.server import Server as MysqlServer
from landbridge.endpoints.postgres.server import Server
from landbridge.model import Table
from landbridge.plan import EndpointRef
from tests.engines.postgres_schema import Made, database
from tests.pair import Pair, plan, ref
from tests.support import mysql_connection, postgres_connection, rows

Databases = Callable[..., str]

ITEMS = """
create table items (
    id int primary key, name varchar(40) character set utf8mb4 collate utf8mb4_bin not null,
    title varchar(40) character set utf8mb4 collate utf8mb4_general_ci,
    body text character set utf8mb4 collate utf8mb4_general_ci, kind enum('new', 'used'),
    price decimal(10,2) check (price > 0), qty int default (1 + 1), code varchar(36) default (uuid()),
    made date default (curdate()),
    total decimal(12,2) generated always as (price * qty) stored,
    label varchar(90) generated always as (concat(name, ' x ', qty)) virtual,
    year_made int generated always as (year(made)) virtual,
    sold tinyint(1) generated always as (kind = 'used' and qty = 0) virtual,
    vague varchar(90) generated always as (soundex(name)) virtual,
    changed timestamp not null default current_timestamp on update current_timestamp,
    changed_exactly datetime(6) default current_timestamp(6) on update current_timestamp(6),
    constraint in_range check (qty between 0 and 99 and (kind in ('new', 'used') or kind is null)),
    constraint byte_by_byte check (name <> 'forbidden'),
    constraint any_case check (title <> 'forbidden'),
    index by_label (label), index by_vague (vague), fulltext index words (title, body)
)
"""


@pytest.fixture(params=["mysql_server", "mariadb_server"])
def source(request: pytest.FixtureRequest) -> MysqlServer:
    server: MysqlServer = request.getfixturevalue(request.param)
    return server


def described(server: MysqlServer, name: str) -> Any:
    ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, database=name)
    return connect(ref).get(Describes).describe([name])


def test_a_table_keeps_what_it_says_in_sql(
    source: MysqlServer, postgres_target_server: Server, mysql_database: Databases, postgres_database: Databases
) -> None:
    name, target = mysql_database(source), postgres_database(postgres_target_server)
    with closing(mysql_connection(source, name)) as there:
        rows(there, ITEMS)
        made = Made(database(postgres_target_server, target), described(source, name), {name: "public"})
        [table] = made.tables
        given = "INSERT INTO items (id, name, kind, price, qty, made) VALUES "
        values = "(1, 'a b', 'used', 2.50, 0, '2024-02-29'), (2, 'é', 'new', 0.01, 99, NULL)"
        derived = "SELECT id, total, label, year_made, sold FROM items ORDER BY id"
        with closing(postgres_connection(postgres_target_server, target)) as here:
            for connection in (there, here):
                rows(connection, given + values)
            assert rows(here, derived) == rows(there, derived)
            defaults = "SELECT qty, char_length(code), made = current_date FROM items WHERE id = 9"
            for connection in (there, here):
                rows(connection, "INSERT INTO items (id, name) VALUES (9, 'x')")
                assert rows(connection, defaults) == [(2, 36, True)]
                for bad in (
                    "(3, 'x', 'new', 0, 1, NULL)",
                    "(3, 'x', NULL, 1, 100, NULL)",
                    "(3, 'forbidden', NULL, 1, 1, NULL)",
                ):
                    with pytest.raises(Exception, match=r"(?i)constraint"):
                        rows(connection, given + bad)
    left_out = {(loss.part, loss.column) for loss in made.losses if "is not carried" in loss.what}
    assert left_out == {("column", "vague"), ("index", "by_vague"), ("check", "any_case")}
    stored = {column.name: column.generated.stored for column in table.columns if column.generated}
    assert stored == {"total": True, "label": True, "year_made": False, "sold": True}
    assert sum("virtual generated column" in loss.what for loss in made.losses) == 2
    assert _method(table, "words") == "gin"


def _method(table: Table, ending: str) -> str:
    return next(index.method for index in table.indexes if index.name.endswith(ending))


def test_columns_that_updates_set_to_the_current_time(
    mariadb_server: MysqlServer, postgres_target_server: Server, mysql_database: Databases, postgres_database: Databases
) -> None:
    name, target = mysql_database(mariadb_server), postgres_database(postgres_target_server)
    with closing(mysql_connection(mariadb_server, name)) as there:
        rows(there, ITEMS)
    Made(database(postgres_target_server, target), described(mariadb_server, name), {name: "public"})
    old, shown = "2001-02-03 04:05:06", "SELECT changed < '2002-01-01', changed_exactly < '2002-01-01' FROM items"
    with closing(postgres_connection(postgres_target_server, target)) as here:
        rows(here, f"INSERT INTO items (id, name, changed, changed_exactly) VALUES (1, 'x', '{old}', '{old}')")
        rows(here, "UPDATE items SET name = 'x'")
        assert rows(here, shown) == [(True, True)]
        rows(here, f"UPDATE items SET name = 'y', changed = '{old}'::timestamptz + interval '1 day'")
        assert rows(here, shown) == [(True, False)]
        rows(here, "UPDATE items SET name = 'z'")
        assert rows(here, shown) == [(False, False)]
        assert rows(here, "SELECT extract(microseconds FROM changed)::int % 1000000 FROM items") == [(0,)]


def test_an_indexed_expression(
    mysql_server: MysqlServer, postgres_target_server: Server, mysql_database: Databases, postgres_database: Databases
) -> None:
    name, target = mysql_database(mysql_server), postgres_database(postgres_target_server)
    with closing(mysql_connection(mysql_server, name)) as there:
        rows(
            there,
            "create table t (a int, s varchar(9), index up ((upper(s))), index sum_ ((a * 2) desc, s), index no ((bin(a))))",
        )
    made = Made(database(postgres_target_server, target), described(mysql_server, name), {name: "public"})
    with closing(postgres_connection(postgres_target_server, target)) as here:
        found = rows(here, "SELECT pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1")
        ours = [text.split(" USING ")[1] for (text,) in found if " ON public.t " in text]
    assert ours == ["btree ((((a)::bigint * 2)) DESC, s)", "btree (upper((s)::text))"]
    assert [loss.column for loss in made.losses if loss.part == "index"] == ["no"]


def test_generated_columns_do_not_travel_and_are_there(
    mysql_server: MysqlServer, postgres_target_server: Server, mysql_database: Databases, postgres_database: Databases
) -> None:
    name, target = mysql_database(mysql_server), postgres_database(postgres_target_server)
    with (
        closing(mysql_connection(mysql_server, name)) as there,
        closing(postgres_connection(postgres_target_server, target)) as here,
    ):
        rows(there, ITEMS)
        values = "(1, 'a b', 'used', 2.50, 0, '2024-02-29'), (2, 'é', 'new', 0.01, 99, NULL), (3, 'c', NULL, NULL, NULL, NULL)"
        rows(there, f"INSERT INTO items (id, name, kind, price, qty, made) VALUES {values}")
        ends = ref("mysql", mysql_server, name), ref("postgres", postgres_target_server, target)
        pair = Pair(plan("items", *ends, f"{name}.*"), name, lambda _: None)
        assert pair.compare().equal
        derived = "SELECT id, total, label, year_made, sold FROM {}.items ORDER BY id"
        assert rows(here, derived.format(f'"{name}"')) == rows(there, derived.format(f"`{name}`"))
