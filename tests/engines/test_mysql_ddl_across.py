"""Tables of PostgreSQL made on servers of this family: what they become, and that they work as they are."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.endpoints.mysql.server import Server
from landbridge.endpoints.postgres.server import Server as PostgresServer
from landbridge.model import Catalog
from tests.engines import postgres_schema
from tests.engines.mysql_schema import Made, shown
from tests.support import load_pg_file, mysql_connection, psql, rows

PARK = """
CREATE DOMAIN posint AS integer CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('sad', 'it''s', 'größe 😀', '');
CREATE SEQUENCE shared START 100 INCREMENT 3;
CREATE TABLE parent (
  id bigserial PRIMARY KEY, code text UNIQUE, p posint, s bigint DEFAULT nextval('shared')
);
CREATE TABLE child (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  a_id int CONSTRAINT to_id REFERENCES parent (id) ON UPDATE CASCADE,
  a_code text NOT NULL CONSTRAINT to_code REFERENCES parent (code) ON DELETE SET NULL,
  later int CONSTRAINT later REFERENCES parent (id) ON DELETE SET DEFAULT,
  v int GENERATED ALWAYS AS (a_id + 1) STORED,
  w varchar(300),
  CONSTRAINT positive CHECK (a_id > 0), CONSTRAINT short CHECK (length(w) < 200)
);
CREATE TABLE defaults (
  i int DEFAULT -5, n numeric(12,3) DEFAULT 1.5, f float8 DEFAULT 0.1, bo bool DEFAULT true, d date DEFAULT '2024-02-29',
  ti time(0) DEFAULT '23:59:59', ts timestamp(3) DEFAULT '2024-01-02 03:04:05.67', tz timestamptz
  DEFAULT '2024-02-29 10:00:00+02', t text DEFAULT 'it''s \\', v varchar(5) DEFAULT '%s', c char(3) DEFAULT 'ab',
  b bytea DEFAULT '\\x00ff', j jsonb DEFAULT '{"a": 1}', u uuid DEFAULT '6CCD780C-BABA-1026-9564-5B8C656024DB',
  m mood DEFAULT 'größe 😀', bits bit(3) DEFAULT B'101', vb bit varying(70) DEFAULT B'01', ip inet DEFAULT '1.2.3.4'
);
CREATE TABLE clocks (k int, d date DEFAULT CURRENT_DATE, ti time(0) DEFAULT LOCALTIME, ts timestamp(3) DEFAULT now(),
  tz timestamptz DEFAULT now(), u uuid DEFAULT gen_random_uuid(), who text DEFAULT CURRENT_USER);
CREATE TABLE keys (k text, l text, m text, x varchar(100), free text, big varchar(2000), PRIMARY KEY (k, l, m, x));
CREATE INDEX on_text ON keys (free, x DESC);
CREATE INDEX on_big ON keys (big);
CREATE INDEX on_lower ON keys (lower(x));
CREATE INDEX on_long ON keys (upper(free));
CREATE INDEX on_part ON keys (x) WHERE free IS NULL;
CREATE UNIQUE INDEX on_included ON keys (x, m) INCLUDE (free);
CREATE TABLE names (id int PRIMARY KEY, a int CONSTRAINT "Same" REFERENCES child (id), b int);
CREATE INDEX same ON names (b);
CREATE INDEX "SAME" ON names (b DESC);
CREATE TABLE bytes (k bytea PRIMARY KEY, j json);
CREATE TABLE wide (a varchar(9000), b varchar(9000), c varchar(16384), d varchar(10));
CREATE TABLE parts (at timestamptz, n serial, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
CREATE TABLE stopped (a numeric, b int, "B" int);
CREATE TABLE unkeyed (j jsonb PRIMARY KEY);
COMMENT ON TABLE keys IS 'it''s \\ 100%';
COMMENT ON COLUMN keys.k IS 'ü';
"""


@pytest.fixture(scope="module")
def catalog(postgres_server: PostgresServer) -> Catalog:
    name = "mysql_ddl_across"
    psql(postgres_server, "postgres", f"DROP DATABASE IF EXISTS {name}")
    psql(postgres_server, "postgres", f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    psql(postgres_server, name, PARK)
    return postgres_schema.everything(postgres_schema.database(postgres_server, name))


@pytest.fixture(scope="module", params=["mysql_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def made(server: Server, catalog: Catalog) -> Iterator[Made]:
    yield Made(server, catalog, "ddl_across")
    with contextlib.closing(mysql_connection(server)) as connection:
        rows(connection, "drop database ddl_across")


def query(server: Server, made: Made, *statements: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(mysql_connection(server, made.schema)) as connection:
        return [rows(connection, statement) for statement in statements][-1]


def types(made: Made, table: str) -> dict[str, str]:
    return {column.name: column.native for column in made.table(table).columns}


def test_what_stops_the_plan(made: Made) -> None:
    stopping = {(done.table.name.name, loss.column) for done in made.adopted for loss in done.losses if loss.blocking}
    assert stopping == {("stopped", "a"), ("stopped", "B"), ("unkeyed", "j")}
    [unbounded] = [loss for loss in made.losses("stopped") if loss.column == "a"]
    assert "without limits" in unbounded.what
    assert unbounded.choices


def test_keys_and_what_points_to_them(server: Server, made: Made) -> None:
    texts = shown(server, made.schema)
    assert types(made, "parent")["code"] == "varchar(768)"
    assert "`id` bigint" in texts["parent"]
    assert "AUTO_INCREMENT" in texts["parent"]
    assert "`a_id` bigint" in texts["child"], "a foreign key's ends have one type"
    assert "KEY `to_id` (`a_id`)" in texts["child"], "its index is not left to the switch"
    assert "REFERENCES `parent` (`id`)" in texts["child"]
    assert "ON UPDATE CASCADE" in texts["child"]
    assert "SET NULL" not in texts["child"], "a column that is NOT NULL cannot be set to NULL, and refuses like before"
    lost = {(loss.part, loss.column) for loss in made.losses("child")}
    assert lost == {("check", "positive"), ("foreign key", "later"), ("column", "a_code")}
    assert "`w`) < 200" in texts["child"]
    assert "GENERATED ALWAYS AS" in texts["child"]
    assert any("posint" in loss.what for loss in made.losses("parent"))


def test_numbers_are_counted(server: Server, made: Made) -> None:
    found = query(server, made, "insert into parent (code) values ('a'), ('b')", "select id, s from parent order by id")
    mariadb = "nextval" in shown(server, made.schema)["parent"]
    assert found == ([(1, 100), (2, 103)] if mariadb else [(1, None), (2, None)])
    assert any(loss.column == "s" for loss in made.losses("parent")) is not mariadb
    assert "KEY `n_counter` (`n`)" in shown(server, made.schema)["parts"]


def test_defaults_yield_what_they_did(server: Server, made: Made) -> None:
    cast = "cast({} as char)"
    columns = ", ".join(cast.format(name) for name in ("n", "f", "d", "ti", "ts", "tz", "u"))
    [row] = query(
        server,
        made,
        "insert into defaults () values ()",
        f"select i, bo, {columns}, t, v, c, hex(b), json_extract(j, '$.a'), m, bits + 0, vb, ip from defaults",
    )
    assert tuple(str(value) for value in row) == (
        "-5", "1", "1.500", "0.1", "2024-02-29", "23:59:59", "2024-01-02 03:04:05.670", "2024-02-29 08:00:00.000000",
        "6ccd780c-baba-1026-9564-5b8c656024db", "it's \\", "%s", "ab", "00FF", "1", "größe 😀", "5", "01", "1.2.3.4",
    )  # fmt: skip


def test_clocks_and_identifiers(server: Server, made: Made) -> None:
    """An instant's clock is in UTC whatever the session's zone is; a local one is the session's."""
    [(shift, local, day, tag)] = query(
        server,
        made,
        "set time_zone = '+05:00'",
        "insert into clocks (k) values (1)",
        "select abs(timestampdiff(second, tz, utc_timestamp())) < 60, abs(timestampdiff(second, ts, now())) < 60,"
        " d = curdate(), length(u) from clocks",
    )
    assert (shift, local, day, tag) == (1, 1, 1, 36)
    assert [loss.column for loss in made.losses("clocks") if "default" in loss.what] == ["who"]


def test_lengths_of_keys_and_rows(server: Server, made: Made) -> None:
    assert types(made, "keys") == {
        "k": "varchar(222)", "l": "varchar(222)", "m": "varchar(222)", "x": "varchar(100)", "free": "longtext",
        "big": "varchar(2000)",
    }  # fmt: skip
    text = shown(server, made.schema)["keys"]
    assert "PRIMARY KEY (`k`,`l`,`m`,`x`)" in text
    assert "KEY `on_text` (`free`(255),`x` DESC)" in text
    assert "KEY `on_big` (`big`(255))" in text
    assert "UNIQUE KEY `on_included` (`x`,`m`)" in text
    mysql = "0900" in text
    assert ("KEY `on_lower` ((lower(`x`)))" in text) is mysql
    lost = {loss.column for loss in made.losses("keys") if loss.part == "index"}
    assert lost == {"on_long", "on_part"} | (set() if mysql else {"on_lower"})
    assert types(made, "bytes")["k"] == "varbinary(3072)"
    assert types(made, "wide") == {"a": "longtext", "b": "varchar(9000)", "c": "longtext", "d": "varchar(10)"}
    assert "COMMENT='it''s \\\\ 100%'" in text


def test_names_that_differ_by_case_only(server: Server, made: Made) -> None:
    text = shown(server, made.schema)["names"]
    assert (text.count("(`b`)"), text.count("(`b` DESC)"), text.count("KEY `")) == (1, 1, 3)


def test_texts_are_told_apart_exactly(server: Server, made: Made) -> None:
    values = "('a', 'l', '1', 'x'), ('A', 'l', '2', 'x'), ('a ', 'l', '3', 'x'), ('á', 'l', '4', 'x')"
    assert query(
        server, made, f"insert into `keys` (k, l, m, x) values {values}", "select count(*) from `keys` where k = 'a'"
    ) == [(1,)]


@pytest.mark.parametrize("sample", ["pagila/pagila-schema.sql", "chinook/chinook-pg.sql"])
def test_samples(
    sample: str,
    server: Server,
    postgres_server: PostgresServer,
    postgres_database: Callable[[], str],
    mysql_database: Callable[[Server], str],
    shared_data: Any,
    tmp_path: Any,
) -> None:
    name = postgres_database()
    script = tmp_path / "schema.sql"
    script.write_text((shared_data / sample).read_text().partition("\nINSERT INTO")[0])
    load_pg_file(postgres_server, name, script)
    catalog = postgres_schema.everything(postgres_schema.database(postgres_server, name))
    made = Made(server, catalog, mysql_database(server))
    assert [loss for loss in made.all_losses if loss.blocking] == []
    left_out = {(loss.part, loss.column) for loss in made.all_losses if loss.part in ("index", "foreign key", "check")}
    assert left_out <= {("index", "film_fulltext_idx")}
    assert len(made.adopted) > 10
