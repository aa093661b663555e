"""How many rows have what the target has no place for: counted on the source, before anything moves."""

import contextlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from flows.commands.plan import _collect, _describe
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Carries, Describes, Prepares
from landbridge.mapping import resolve
from landbridge.plan import Plan, parse_plan
from landbridge.precheck import look, precheck
from landbridge.unfit import Limits, counted
from tests.pair import ref
from tests.support import mysql_connection, postgres_connection, rows

OF_POSTGRES = (
    "create schema odd",
    """create table odd.odd (
        id int primary key, r real, d double precision, n numeric(10,2), wide numeric, day date, t timestamp(3),
        tz timestamptz, doc jsonb, nums numeric[], list int[], label text unique, code bytea unique, who uuid, fine int,
        made double precision generated always as (d + 1) stored)""",
    r"""insert into odd.odd values
        (1, 'NaN', 'NaN', 'NaN', 'NaN', 'infinity', '-infinity', 'infinity', '{"a": 123456789012345678901}',
         '{1,NULL,1234567890123456789012.5}', '[0:1]={1,2}', repeat('ä', 769), decode(repeat('ab', 3073), 'hex'), '01020304-0506-8007-8009-010203040506', 1),
        (2, 'Infinity', 1, 1, 1e35, '0044-03-15 BC', '10000-01-01', '10000-01-01 00:00:00+00', '[0.123456789012345678]', '[0:0]={1.5}',
         '[1:2][3:4]={{1,2},{3,4}}', repeat('ä', 768), decode(repeat('ab', 3072), 'hex'), '01020304-0506-7fff-8009-010203040506', 1),
        (3, '-Infinity', 1e308, 2, 1e-31, '9999-12-31', '0001-01-01', '9999-12-31 23:59:59.999999+00',
         '{"12345678901234567890123": "0.123456789012345678901 \"\\", "b": 18446744073709551615e0, "c": 1.25}', '{{12345678901234567.8}}',
         '{1,2}', 'b', 'b', '01020304-0506-8007-8109-010203040506', 1),
        (4, 1, 1, 3, -12345678901234567890123456789012345.5, '0001-01-01', null, '0001-01-01 00:00:00+00',
         '[1234567890123456.7891, 0.000000000000000000000000001]', null, null, null, null, null, null)""",
    "create table odd.parted (id int, day date) partition by range (id)",
    "create table odd.parted_1 partition of odd.parted for values from (0) to (9)",
    "insert into odd.parted values (1, 'infinity'), (2, '-infinity'), (3, '2024-02-29')",
    "create table odd.parent (f float8)",
    "create table odd.heir (g float8) inherits (odd.parent)",
    "insert into odd.parent values ('NaN')",
    "insert into odd.heir values ('NaN', 'Infinity'), ('NaN', 1)",
)
OF_MYSQL = (
    """create table odd (id int primary key, v varchar(20) character set utf16, u varchar(20) character set utf8mb4,
        e enum('a','') , s set('a','b'), doc json, clock time, span time(3), born date, fine int)""",
    "set session sql_mode = ''",
    r"""insert into odd values
        (1, 'a\0b', '\0', 'wrong', 'a', '{"a": "x\\u0000"}', '24:00:00', '-00:00:01', '0000-00-00', 1),
        (2, 'Ā', 'ab', '', '', '{"\\\\u0000": 1}', '00:00:00', '838:59:59', '2024-00-01', 1),
        (3, null, '\0\0', null, null, '["\\\\\\u0000"]', null, null, null, null),
        (4, '\0', 'z', 'a', 'b', 'null', '01:02:03', '25:00:00', '2024-02-29', 1)""",
)
OF_MARIADB = (
    r"""insert into odd (id, doc) values (5, '["\\x"]'), (6, '[1.]'), (7, '{"1. \\\\x": "2.]", "b": "\\\"3."}'),
        (8, '{"a": [-1.5, 1.0]}'), (9, '{"a": 7.}')""",
)
_Database = Callable[..., str]


def plan_of(source: dict[str, Any], target: dict[str, Any], schema: str, to: str) -> Plan:
    return parse_plan(
        {"name": "odd", "source": source, "target": target, "tables": [{"include": f"{schema}.*", "to": f"{to}.*"}]}
    )


def numbers(plan: Plan) -> dict[tuple[str, str, str], tuple[int | None, bool]]:
    """By table, column and what it is about: the rows, and whether that stops the plan."""
    found = look(plan, connect(plan.source), connect(plan.target)).losses
    return {
        (each.table.name, each.loss.column, each.loss.unfit.what): (each.loss.rows, each.loss.blocking)
        for each in found
        if each.loss.unfit
    }


@pytest.fixture
def odd_postgres(postgres_server: Any, postgres_database: _Database) -> dict[str, Any]:
    database = postgres_database(postgres_server)
    with contextlib.closing(postgres_connection(postgres_server, database)) as connection:
        for statement in OF_POSTGRES:
            rows(connection, statement)
    return ref("postgres", postgres_server, database)


def test_of_postgres_for_mysql_and_mariadb(
    odd_postgres: dict[str, Any], mariadb_target_server: Any, mysql_server: Any, mysql_database: _Database
) -> None:
    database = mysql_database(mariadb_target_server)
    plan = plan_of(odd_postgres, ref("mariadb", mariadb_target_server, database), "odd", database)
    assert numbers(plan) == {
        ("odd", "r", "not finite"): (3, True),
        ("odd", "d", "not finite"): (1, True),
        ("odd", "n", "not finite"): (1, True),
        ("odd", "wide", "too many digits"): (3, True),
        ("odd", "day", "beyond years"): (2, True),
        ("odd", "t", "beyond years"): (2, True),
        ("odd", "tz", "beyond years"): (2, True),
        ("odd", "list", "own bounds"): (2, False),
        ("odd", "nums", "own bounds"): (1, False),
        ("odd", "label", "too long"): (1, True),
        ("odd", "code", "too long"): (1, True),
        ("odd", "who", "swapped uuid"): (1, True),
        ("parted", "day", "beyond years"): (2, True),
        ("parent", "f", "not finite"): (1, True),
        ("heir", "f", "not finite"): (2, True),
        ("heir", "g", "not finite"): (1, True),
    }
    # MariaDB keeps JSON as it is written; MySQL has doubles for the numbers in it.
    plain = ref("mysql", mysql_server, mysql_database(mysql_server))
    mysql = numbers(plan_of(odd_postgres, plain, "odd", plain["database"]))
    assert mysql["odd", "doc", "long number"] == (3, True)
    assert mysql["odd", "nums", "long number"] == (2, True)
    assert ("odd", "list", "long number") not in mysql
    assert ("odd", "who", "swapped uuid") not in mysql
    refused = [each.found for each in precheck(plan).refusals if each.name == "column-kind"]
    assert any("odd.odd.r: NaN and infinities" in found and "(3 rows now)" in found for found in refused), refused
    data = _collect(plan)
    rules = {each["column"]: each for each in json.loads(json.dumps(data))["losses"] if each["table"] == "odd.heir"}
    assert (rules["g"]["rows"], rules["g"]["unfit"], rules["g"]["blocking"]) == (1, "not finite", True)
    text = _describe(data)
    assert "odd.odd.list: arrays that begin at another place than 1 lose that (2 rows)" in text
    assert "STOPS the plan: NaN and infinities are refused when their row is loaded (3 rows)" in text


@pytest.fixture(params=["mysql_server", "mariadb11_server"])
def old_side(request: pytest.FixtureRequest, mysql_database: _Database) -> tuple[Any, str, bool]:
    """A server, an empty database there, and whether it is MariaDB."""
    server = request.getfixturevalue(request.param)
    return server, mysql_database(server), request.param != "mysql_server"


def test_of_mysql_for_postgres(
    old_side: tuple[Any, str, bool], postgres_target_server: Any, postgres_database: _Database
) -> None:
    (server, schema, mariadb), database = old_side, postgres_database(postgres_target_server)
    with contextlib.closing(mysql_connection(server, schema)) as connection:
        for statement in (*OF_MYSQL, *(OF_MARIADB if mariadb else ())):
            rows(connection, statement)
    plan = plan_of(ref("mysql", server, schema), ref("postgres", postgres_target_server, database), schema, "odd")
    # MariaDB's JSON becomes json, which may hold \\u0000, and is what its own JSON_VALID takes for JSON.
    doc = ("loose json", 3) if mariadb else ("nul", 2)
    assert numbers(plan) == {
        ("odd", "doc", doc[0]): (doc[1], True),
        ("odd", "v", "nul"): (2, True),
        ("odd", "u", "nul"): (2, True),
        ("odd", "e", "no label"): (1, True),
        ("odd", "clock", "no day"): (0, False),
        ("odd", "span", "no day"): (3, False),
    }
    blocking = look(plan, connect(plan.source), connect(plan.target)).blocking
    (born,) = (each.loss for each in blocking if each.loss.column == "born")
    assert born.rows == 2
    text = _describe(_collect(plan))
    assert "# no row has these now" in text
    assert (
        f"times of day only: a value below 00:00:00 or above 24:00:00 is refused when its row is loaded: {schema}.odd.clock"
        in text
    )


def test_a_document_too_long_to_be_looked_at_is_not_counted(
    old_side: tuple[Any, str, bool], postgres_target_server: Any, postgres_database: _Database
) -> None:
    (server, schema, _), database = old_side, postgres_database(postgres_target_server)
    with contextlib.closing(mysql_connection(server, schema)) as connection:
        rows(connection, "create table big (v longtext character set utf8mb4, doc json)")
        odd = r"concat(repeat('x', 1500000), '\0'), concat('[\"\\\\', repeat('x', 1500000), '\\u0000\", 1]')"
        rows(connection, f"insert into big select {odd}")
        ((packet,),) = rows(connection, "select @@global.max_allowed_packet")
        rows(connection, "set global max_allowed_packet = 1048576")
        try:
            found = look_at(ref("mysql", server, schema), ref("postgres", postgres_target_server, database), schema)
        finally:
            rows(connection, f"set global max_allowed_packet = {packet}")
    assert found["v"] == (1, True, "")
    assert found["doc"] == (None, False, "a value is too long for the source to look at")


def look_at(source: dict[str, Any], target: dict[str, Any], schema: str) -> dict[str, tuple[int | None, bool, str]]:
    plan = plan_of(source, target, schema, "odd")
    found = look(plan, connect(plan.source), connect(plan.target)).losses
    return {each.loss.column: (each.loss.rows, each.loss.blocking, each.loss.uncounted) for each in found}


def test_of_postgis(
    postgis_server: Any, postgres_database: _Database, mysql_target_server: Any, mysql_database: _Database
) -> None:
    source, target = postgres_database(postgis_server), mysql_database(mysql_target_server)
    with contextlib.closing(postgres_connection(postgis_server, source)) as connection:
        rows(connection, 'create schema "g i.s"; create extension postgis schema "g i.s"')
        rows(connection, 'set search_path to "g i.s"; create table public.odd (g geometry, e geography(Point,4326))')
        rows(
            connection,
            """insert into public.odd values ('POINT EMPTY', 'POINT EMPTY'), ('POINT Z (1 2 3)', 'POINT(1 2)'),
               ('CIRCULARSTRING(0 0,1 1,2 0)', null), ('GEOMETRYCOLLECTION EMPTY', null), ('POINT M (1 2 3)', null),
               ('LINESTRING EMPTY', null), ('POINT(1 2)', null)""",
        )
    ref_ = ref("postgres", postgis_server, source)
    assert numbers(plan_of(ref_, ref("mysql", mysql_target_server, target), "public", target)) == {
        ("odd", "g", "empty geometry"): (2, True),
        ("odd", "g", "odd geometry"): (3, True),
        ("odd", "e", "empty geometry"): (1, True),
    }


@pytest.mark.parametrize("source", ["mysql_server", "mariadb11_server", "postgres_server"])
def test_what_takes_too_long_is_said_not_counted(
    source: str, request: pytest.FixtureRequest, postgres_database: _Database, mysql_database: _Database
) -> None:
    """One that was cut short, here by a lock, does not keep the next table from being counted."""
    server = request.getfixturevalue(source)
    if source == "postgres_server":
        other = request.getfixturevalue("mysql_target_server")
        database, to = postgres_database(server), mysql_database(other)
        plan = plan_of(ref("postgres", server, database), ref("mysql", other, to), "public", to)
        connection, schema = postgres_connection(server, database), "public"
        make, lock = "create table {} as select date 'infinity' d", "begin; lock table locked"
    else:
        other = request.getfixturevalue("postgres_target_server")
        database, to = mysql_database(server), postgres_database(other)
        plan = plan_of(ref("mysql", server, database), ref("postgres", other, to), database, "public")
        connection, schema = mysql_connection(server, database), database
        make, lock = r"create table {} (d text) as select 'a\0b' d", "lock tables locked write"
    left, right = connect(plan.source), connect(plan.target)
    with contextlib.closing(connection):
        for table in ("free", "locked"):
            rows(connection, make.format(table))
        catalog = left.get(Describes).describe((schema,))
        rows(connection, lock)
        count = partial(counted, source=left, limits=Limits(table=0.3))
        found = resolve(plan, catalog, right.family, right.get(Prepares), right.get(Carries), count).losses
    told = {each.table.name: each.loss for each in found if each.loss.unfit}
    assert (told["locked"].rows, told["locked"].blocking) == (None, False)
    assert "not counted: it would take more than 0.3 s" in told["locked"].told
    assert (told["free"].rows, told["free"].blocking) == (1, True)
