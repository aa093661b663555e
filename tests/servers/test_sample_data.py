"""The loaders of tests/support.py: a script split as the mysql client splits it, and whole dumps on real servers."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from tests.support import load_pg_file, load_sql_file, mysql_connection, postgres_connection, rows, statements


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("a; b;\n c", ["a", "b", "c"]),
        ("insert 'x;''y\\';'; -- no; more\nnext \"a;b\" `c;d`;", ["insert 'x;''y\\';'", 'next "a;b" `c;d`']),
        ("DELIMITER ;;\nbegin a; b; end;;\nDELIMITER ;\nc;", ["begin a; b; end", "c"]),
        ("delimiter //\na; //\nb $$ c//\ndelimiter ;\nd", ["a;", "b $$ c", "d"]),
        ("/* one; */ a; # two;\n/*!50001 kept */; b -- 2;\n+ 1--2;", ["a", "/*!50001 kept */", "b -- 2;\n+ 1--2"]),
        ("-- nothing\n;;", []),
    ],
)  # fmt: skip
def test_scripts_split_as_the_client_splits_them(script: str, wanted: list[str]) -> None:
    assert list(statements(script)) == wanted


@pytest.mark.parametrize("server", ["mariadb_server", "mariadb11_server", "mysql_server"])
def test_mysql_dumps_load(
    server: str, request: pytest.FixtureRequest, mysql_database: Callable[[mysql.Server], str], shared_data: Path
) -> None:
    running = request.getfixturevalue(server)
    sakila, chinook = mysql_database(running), mysql_database(running)
    with contextlib.closing(mysql_connection(running)) as connection:
        load_sql_file(connection, shared_data / "sakila/sakila-schema.sql", sakila)
        load_sql_file(connection, shared_data / "sakila/sakila-data.sql", sakila)
        load_sql_file(connection, shared_data / "chinook/chinook-mysql.sql", chinook)
        assert rows(connection, f"SELECT COUNT(*) FROM `{sakila}`.payment") == [(16049,)]
        assert rows(connection, f"SELECT COUNT(*) FROM `{sakila}`.customer_list") == [(599,)]
        assert rows(connection, f"SELECT COUNT(*) FROM `{chinook}`.Track") == [(3503,)]
        routines = "SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = %s"
        assert rows(connection, routines, (sakila,)) == [(6,)]


def test_postgres_dumps_load(
    postgres_server: postgres.Server, postgres_database: Callable[[], str], shared_data: Path
) -> None:
    pagila, chinook = postgres_database(), postgres_database()
    load_pg_file(postgres_server, pagila, shared_data / "pagila/pagila-schema.sql")
    load_pg_file(postgres_server, pagila, shared_data / "pagila/pagila-data.sql")
    load_pg_file(postgres_server, chinook, shared_data / "chinook/chinook-pg.sql")
    with contextlib.closing(postgres_connection(postgres_server, pagila)) as connection:
        assert rows(connection, "SELECT count(*) FROM film") == [(1000,)]
    with contextlib.closing(postgres_connection(postgres_server, chinook)) as connection:
        assert rows(connection, "SELECT count(*) FROM track") == [(3503,)]


def test_databases_with_slots_and_open_sessions_are_dropped(
    postgres_server: postgres.Server, postgres_database: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    name = postgres_database()
    connection = postgres_connection(postgres_server, name)
    slot = f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"
    rows(connection, slot)
    request.addfinalizer(connection.close)


@pytest.mark.parametrize("version", [15, 16, 17])
def test_older_servers_answer_with_their_version(
    version: int, postgres_version: Callable[[int], postgres.Server], postgres_database: Callable[..., str]
) -> None:
    server = postgres_version(version)
    with contextlib.closing(postgres_connection(server, postgres_database(server))) as connection:
        assert rows(connection, "SHOW server_version")[0][0].startswith(f"{version}.")
