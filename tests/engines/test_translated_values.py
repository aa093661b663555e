"""Expressions of one family, translated for the other: both servers give the same value for every row."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal as Number
from typing import Any

import pytest

from landbridge import translation
from landbridge.endpoints.mysql.server import Server as MysqlServer
from landbridge.endpoints.postgres.server import Server as PostgresServer
from landbridge.kinds import Bool, Date, Decimal, Enum, Float, Int, Json, Kind, Text, Timestamp, Year
from landbridge.model import Column
from tests.support import mysql_connection, postgres_connection, rows

KINDS: dict[str, Kind | Column] = {
    "id": Int(bits=32),
    "a": Int(bits=32),
    "b": Int(bits=32),
    "u": Int(bits=64, unsigned=True),
    "p": Decimal(precision=10, scale=2),
    "r": Float(bits=64),
    "f": Bool(),
    "y": Year(),
    "d": Date(),
    "m": Timestamp(),
    "t": Column(name="t", kind=Text(length=50), native="-", collation="utf8mb4_general_ci"),
    "x": Column(name="x", kind=Text(length=50), native="-", collation="utf8mb4_bin"),
    "e": Enum(labels=("new", "it's")),
    "doc": Json(),
}
IN_MYSQL = """
    id int primary key, a int, b int, u bigint unsigned, p decimal(10,2), r double, f tinyint(1), y year, d date,
    m datetime, t varchar(50) collate utf8mb4_general_ci, x varchar(50) collate utf8mb4_bin, e enum('new', 'it''s'),
    doc json
"""
IN_POSTGRES = """
    id int primary key, a int, b int, u numeric(20), p numeric(10,2), r double precision, f boolean, y smallint, d date,
    m timestamp(0), t varchar(50), x varchar(50), e colour, doc jsonb
"""
ROWS = """
    (1, 7, 2, 18446744073709551615, 12.34, 1.5, {yes}, 1999, '2024-01-31', '2024-02-29 23:59:59', 'Ab c', 'x', 'new',
        '{{"a": {{"b": [1, "two"]}}, "n": null, "s": "te xt"}}'),
    (2, -7, 2, 0, -0.05, -2.25, {no}, 2024, '2023-12-31', '1970-01-01 00:00:00', ' é😀 ', 'x ', 'it''s', '{{}}'),
    (3, 2147483647, 0, 1, 99999999.99, 0, {yes}, 1901, '0999-03-01', '9999-12-31 12:00:00', '', 'X', 'new', '[5]'),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, 0, 1000000, 9, 0.00, 1e300, {no}, 2000, '2000-02-29', '2000-02-29 01:02:03', 'a-b-c', 'a%b_c', 'it''s',
        '{{"a": 1}}')
"""

FROM_MYSQL = [
    "a + b * 2", "a - b", "a * a * 2", "-a", "u * 1", "a / b", "p / a", "round(p / b, 2)", "a div 2", "a div b", "a % b",
    "mod(a, 3)", "abs(p)", "round(p, 1)", "round(p)", "floor(p)", "ceil(p)", "p + a", "r * 2", "r / b", "p * p", "f + 1",
    "greatest(a, b, 3)", "least(a, b)", "ifnull(a, p)", "coalesce(a, 0) + 1", "nullif(a, b)", "if(f, a, b)", "if(a, 1, 0)",
    "a > b", "a > 0 and not b", "f = 1", "f or a", "a <=> b", "a <=> null", "a in (7, 0, 2)", "a not in (7, null)",
    "a between -7 and 7", "not a between 1 and 9", "f is true", "f is not true", "a is null", "isnull(a)", "d > '2024-01-01'",
    "d < '2024-01-01 12:00:00'", "m >= '2000-02-29'", "y > 1999", "y <> 2000", "d < m is null", "e = 'new'", "e in ('new', 'it''s')",
    "x = 'x'", "x <> 'x '", "x in ('x', 'X')", "x like 'a\\\\%%'", "x like 'x_'", "t like '%'", "concat(t, '-', a)",
    "concat(t, e, p)", "concat(d, ' ', m)", "concat(f, '')", "upper(t)", "lower(concat(x, 'ÄB'))", "char_length(t)", "left(t, 3)",
    "right(t, 2)", "substring(t, 2)", "substr(t, 2, 2)", "mid(t, 1, length(t))", "trim(t)", "concat('<', rtrim(ltrim(t)), '>')",
    "replace(t, 'b', 'xx')", "reverse(x)", "repeat(x, 3)", "lpad(x, 5, '*')", "rpad(x, 2, '*')",
    "concat_ws('-', t, x)", "concat_ws(t, x, a)", "substring_index(t, '-', 1)", "substring_index(t, '-', -1)", "year(d) * 100 + month(d)", "quarter(m)", "hour(m)", "second(m)",
    "dayofyear(d)", "extract(day from m)", "date(m)", "d + interval 1 month", "d - interval 40 day", "date_add(m, interval 90 minute)", "m + interval 1 day", "a * 1e3", "p / 1e1",
    "date_add(d, interval b day)", "datediff(m, d)", "date_format(m, '%Y-%m-%d %H:%i:%s')", "date_format(m, '%d. %M %y, %h %p')",
    "date_format(d, '%e/%c %a %W %j%%')", "cast(p as signed)", "cast(a as char)", "cast(a as decimal(12,1))", "cast(m as date)",
    "case when a > 0 then 'up' when a < 0 then 'down' else t end", "case a when 7 then p else 0 end", "case e when 'new' then 1 end",
    "json_unquote(json_extract(doc, '$.a.b'))", "doc->>'$.n'", "doc->>'$.s'", "json_extract(doc, '$.a.b') is null",
    "'it''s \\\\ \"x\"'", "\"a\\n\\tb\"", "1.50", "case when f then f else 0 end", "coalesce(f, 1)", "(a > 1) + (b > 1)",
    "a > 1 is true",
]  # fmt: skip
REFUSED_OF_MYSQL = [
    "t = 'x'", "t like 'a%'", "concat(t, p * 2)", "a / b * 3", "length(t)", "date_format(m, 'week %u')", "rand()",
    "a + '1'", "t < 'b'", "substring(t, a)", "round(r)", "a & 1", "y > 24", "a xor b", "group_concat(t)", "json_extract(doc, '$**.a')",
    "e > 'a'", "e = 'New'", "concat(x'41', t)", "concat(m, r)", "doc->>'$[0]'", "doc->'$.\"5\"'", "(select 1)", "sleep(1)", "doc = '{}'", "d = '20240101'",
    "cast(t as signed)", "greatest(t, x)", "substring_index(t, '-', 2)", "convert(t using latin1)", "nonsense", "a b c",
    "a; drop table v", "coalesce(d, m)", "if(f, t, 5)", "d > '2024-02-00'", "@@version", "str_to_date(t, '%Y')",
]  # fmt: skip


@pytest.fixture(scope="module")
def on_postgres(postgres_target_server: PostgresServer) -> Iterator[Any]:
    connection = postgres_connection(postgres_target_server)
    rows(connection, "CREATE SCHEMA translated")
    rows(connection, "SET search_path = translated")
    rows(connection, "SET standard_conforming_strings = on")
    rows(connection, "CREATE TYPE colour AS ENUM ('new', 'it''s')")
    rows(connection, f"CREATE TABLE v ({IN_POSTGRES})")
    rows(connection, f"INSERT INTO v VALUES {ROWS.format(yes='true', no='false')}")
    yield connection
    rows(connection, "DROP SCHEMA translated CASCADE")
    connection.close()


@pytest.fixture(scope="module")
def on_mysql(mysql_server: MysqlServer) -> Iterator[Any]:
    yield from _filled(mysql_server)


@pytest.fixture(scope="module")
def on_mariadb(mariadb_server: MysqlServer) -> Iterator[Any]:
    yield from _filled(mariadb_server)


def _filled(server: MysqlServer) -> Iterator[Any]:
    with closing(mysql_connection(server)) as connection:
        rows(connection, "CREATE DATABASE translated CHARACTER SET utf8mb4")
        connection.select_db("translated")
        rows(connection, f"CREATE TABLE v ({IN_MYSQL})")
        rows(connection, f"INSERT INTO v VALUES {ROWS.format(yes=1, no=0)}")
        yield connection
        rows(connection, "DROP DATABASE translated")


def _value(connection: Any, expression: str) -> list[object]:
    found = rows(connection, f"SELECT {expression} FROM v ORDER BY id")
    return [plain(value) for (value,) in found]


def plain(value: object) -> object:
    """Numbers by value, whatever their type; conditions as numbers."""
    if isinstance(value, bool | int | Number):
        return Number(value)
    return value


@pytest.mark.parametrize("expression", FROM_MYSQL)
def test_an_expression_of_mysql_has_the_same_values_on_postgres(
    expression: str, on_mysql: Any, on_mariadb: Any, on_postgres: Any
) -> None:
    translated = translation.expression(expression, "mysql", "postgres", KINDS)
    assert translated is not None
    wanted = _value(on_mysql, expression)
    assert _value(on_postgres, translated) == wanted
    if "->" not in expression and "interval b day" not in expression:
        assert _value(on_mariadb, expression) == wanted


@pytest.mark.parametrize("expression", REFUSED_OF_MYSQL)
def test_what_has_no_exact_counterpart_on_postgres_is_refused(expression: str) -> None:
    assert translation.expression(expression, "mysql", "postgres", KINDS) is None


FROM_POSTGRES = [
    "a + b", "((a)::bigint * 2)", "- a", "a / 3", "(a / 2) * 2", "a % 3", "r * 2::double precision", "p * 2::numeric", "abs(p)",
    "round(p, 1)", "floor(p)", "ceil(p)", "(p)::numeric(12,1)", "(p)::bigint", "a::numeric", "(a > 0)", "(f AND (a > 0))",
    "(NOT f)", "(f IS TRUE)", "(f IS NOT TRUE)", "(a IS DISTINCT FROM b)", "(a IS NOT DISTINCT FROM NULL::integer)", "COALESCE(a, 0)",
    "NULLIF(a, b)", "(a = ANY (ARRAY[7, 0, 2]))", "((a >= 1) AND (a <= 9))", "(d >= '2024-01-31'::date)",
    "(m < '2000-02-29 12:00:00'::timestamp without time zone)", "(y > 1999)", "((t)::text = 'Ab c'::text)", "((t)::text = 'AB C'::text)",
    "((x)::text <> 'x'::text)", "((x)::text = ANY ((ARRAY['x'::character varying, 'X'::character varying])::text[]))",
    "((t)::text ~~ 'A%'::text)", "((t)::text ~~ 'a%'::text)", "((x)::text !~~ 'x_'::text)", "(e = 'new'::colour)",
    "(((t)::text || ' '::text) || (x)::text)", "((a)::text || '!'::text)", "upper((t)::text)", "lower((x)::text)", "length((t)::text)",
    "char_length((t)::text)", "octet_length((t)::text)", '"substring"((t)::text, 1, 2)', '"substring"((t)::text, 2)', '"left"((t)::text, 3)',
    '"right"((t)::text, 2)', "btrim((t)::text)", "TRIM(BOTH FROM t)", "replace((t)::text, 'b'::text, 'xx'::text)", "reverse((x)::text)",
    "repeat((x)::text, 2)", "lpad((x)::text, 5, '*'::text)", "EXTRACT(year FROM d)", "EXTRACT(dow FROM d)", "EXTRACT(isodow FROM d)",
    "EXTRACT(doy FROM d)", "EXTRACT(hour FROM m)", "EXTRACT(quarter FROM m)", "concat(t, '-', x)", "concat_ws('-'::text, t, a)", "(m)::date",
    "CASE WHEN (a > 0) THEN 'up'::text WHEN f THEN 'off'::text ELSE (t)::text END", "CASE e WHEN 'new'::colour THEN 1 ELSE 0 END",
    "CASE WHEN f THEN 1 ELSE 0 END", "(f)::integer", "'it''s \\ \"x\"'::text", "'-5'::integer", "((d IS NULL) OR (d < '1000-01-01'::date))",
]  # fmt: skip
REFUSED_OF_POSTGRES = [
    "(t ~ 'x')", "(p / 2::numeric)", "(a)[1]", "to_char(m, 'YYYY')", "(doc ->> 'a'::text)", "(t < 'b'::text)", "public.f(a)",
    "(r)::text", "age(m)", "row_number() OVER ()", "EXTRACT(epoch FROM m)", "(f)::text", "greatest(a, b)", "(t ~~* 'a'::text)",
    "md5((t)::text)", "(d - 1)", "('now'::text)::date", "substring(t, -1)", "\"left\"(t, -1)", "E'a\\nb'",
]  # fmt: skip
"""Some for what the other family lacks, some for what it does otherwise."""


@pytest.mark.parametrize("expression", FROM_POSTGRES)
def test_an_expression_of_postgres_has_the_same_values_on_mysql(
    expression: str, on_mysql: Any, on_mariadb: Any, on_postgres: Any
) -> None:
    translated = translation.expression(expression, "postgres", "mysql", KINDS)
    assert translated is not None
    wanted = _value(on_postgres, expression)
    assert _value(on_mysql, translated) == wanted
    assert _value(on_mariadb, translated) == wanted


@pytest.mark.parametrize("expression", REFUSED_OF_POSTGRES)
def test_what_has_no_exact_counterpart_on_mysql_is_refused(expression: str) -> None:
    assert translation.expression(expression, "postgres", "mysql", KINDS) is None
