"""Segments: every row in exactly one, whatever the key, and small enough."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.read.ranges import within
from landbridge.endpoints.mysql.snapshot import SnapshotReader as MysqlReader
from landbridge.endpoints.postgres.snapshot import SnapshotReader as PostgresReader
from landbridge.model import EVERYTHING, Bounds, Field, Relation, TableName
from tests.engines.every_kind import mysql_endpoint, postgres_endpoint
from tests.support import mysql_connection, postgres_connection, rows

Column = tuple[str, kinds.Kind]

INT: Column = ("int", kinds.Int(bits=32))
BIG: Column = ("bigint unsigned", kinds.Int(bits=64, unsigned=True))

MYSQL_KEYS: dict[str, tuple[tuple[Column, ...], str]] = {
    "int": ((INT,), "n - 5000"),
    "unsigned with gaps": ((BIG,), "18446744073709551615 - (n * n * 1000003)"),
    "two ints, one tenant with nearly all": ((INT, INT), "if(n % 100 = 0, n, 7), n"),
    "three parts": ((INT, ("varchar(20)", kinds.Text(length=20)), INT), "n % 3, concat('k', n % 11), n"),
    "text without case": ((("varchar(60)", kinds.Text(length=60)),), "concat(if(n % 2, 'K', 'k'), sha2(n, 224))"),
    "text with odd letters": (
        (("varchar(80) character set utf8mb4 collate utf8mb4_bin", kinds.Text(length=80)),),
        r"concat(elt(1 + n % 5, 'ß', '\\', '😀', '''', 'a\t'), n)",
    ),
    "latin1": ((("varchar(40) character set latin1", kinds.Text(length=40)),), "concat('é', n % 7, 'ü', n)"),
    "bytes": ((("binary(8)", kinds.Bytes(length=8, fixed=True)),), "unhex(left(sha2(n, 224), 16))"),
    "decimal": ((("decimal(20,6)", kinds.Decimal(precision=20, scale=6)),), "(n - 5000) / 7 + n"),
    "moment": ((("datetime(6)", kinds.Timestamp(fsp=6)),), "'2024-01-01' + interval n * 1000003 microsecond"),
    "instant": ((("timestamp(3)", kinds.TimestampTz(fsp=3)),), "'2024-03-31' + interval n second"),
    "date and time": (
        (("date", kinds.Date()), ("time", kinds.Time())),
        "'2024-01-01' + interval n % 9 day, sec_to_time(n)",
    ),
    "bits": ((("bit(20)", kinds.Bit(length=20)),), "n"),
    "enum second": ((INT, ("enum('b','a')", kinds.Enum(labels=("b", "a")))), "n, 1 + n % 2"),
    "text, then int": ((("varchar(60)", kinds.Text(length=60)), INT), "sha2(n, 224), n"),
}
NOT_CUT = {
    "enum first": ((("enum('b','a')", kinds.Enum(labels=("b", "a"))), INT), "1 + n % 2, n"),
    "double": ((("double", kinds.Float(bits=64)),), "n / 7"),
}
ROWS = 10_000
BYTES = 300_000


def _relation(schema: str, columns: tuple[Column, ...]) -> Relation:
    fields = [Field(name=f"k{n}", kind=kind, native=native.partition(" character set")[0])
              for n, (native, kind) in enumerate(columns)]  # fmt: skip
    pad = Field(name="pad", kind=kinds.Text(length=200), native="varchar(200)")
    key = tuple(range(len(columns)))
    return Relation(number=0, name=TableName(schema=schema, name="t"), fields=(*fields, pad), key=key)


@pytest.fixture(params=["mariadb_server", "mysql_server"])
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[tuple[Any, str, Any]]:
    server = request.getfixturevalue(request.param)
    schema = mysql_database(server)
    connection = mysql_connection(server, schema)
    yield mysql_endpoint(server), schema, connection
    connection.close()


def _fill_mysql(connection: Any, columns: tuple[Column, ...], values: str) -> None:
    declared = ", ".join(f"k{n} {native} not null" for n, (native, _) in enumerate(columns))
    parts = ", ".join(f"k{n}" for n in range(len(columns)))
    mariadb = "MariaDB" in connection.get_server_info()
    limit = "max_recursive_iterations" if mariadb else "cte_max_recursion_depth"
    rows(connection, f"set session {limit} = 100000, sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'")
    rows(connection, f"create table t ({declared}, pad varchar(200) not null, primary key ({parts})) charset utf8mb4")
    numbers = f"with recursive s(n) as (select 1 union all select n + 1 from s where n < {ROWS}) select * from s"
    rows(connection, f"insert into t select {values}, repeat('p', 100) from ({numbers}) s")
    rows(connection, "analyze table t")


@pytest.mark.parametrize("key", [*MYSQL_KEYS, *NOT_CUT])
def test_mysql_rows_are_in_one_segment_each(source: tuple[Any, str, Any], key: str) -> None:
    endpoint, schema, connection = source
    columns, values = (MYSQL_KEYS | NOT_CUT)[key]
    _fill_mysql(connection, columns, values)
    relation, reader = _relation(schema, columns), MysqlReader(endpoint)
    segments = reader.segments(relation, BYTES)
    assert segments[0].low is None
    assert segments[-1].high is None
    assert [s.high for s in segments[:-1]] == [s.low for s in segments[1:]]
    sizes, seen = _read(reader, relation, segments)
    assert len(seen) == ROWS
    assert set(seen.values()) == {1}
    if key in NOT_CUT:
        assert segments == (EVERYTHING,)
    else:
        assert len(segments) >= 4, "a table of over a megabyte and a half"
        assert max(sizes) <= 2.5 * BYTES


def _read(reader: Any, relation: Relation, segments: tuple[Bounds, ...]) -> tuple[list[int], Counter[bytes]]:
    sizes, seen = [], Counter[bytes]()
    for bounds in segments:
        blocks: list[bytes] = []
        read = reader.read(relation, bounds, blocks.append)
        lines = b"".join(blocks).splitlines(keepends=True)
        assert len(lines) == read.rows
        sizes.append(sum(map(len, lines)))
        seen.update(lines)
    return sizes, seen


@pytest.mark.parametrize("source", ["mariadb_server", "mysql_server"], indirect=True)
def test_mysql_reads_a_segment_by_its_index(source: tuple[Any, str, Any]) -> None:
    """Not by scanning the table for each."""
    endpoint, schema, connection = source
    columns, values = MYSQL_KEYS["three parts"]
    _fill_mysql(connection, columns, values)
    relation = _relation(schema, columns)
    middle = MysqlReader(endpoint).segments(relation, BYTES)[2]
    condition = within(relation, middle)
    rows(connection, "flush status")
    count = rows(connection, f"select count(pad) from t force index (primary) where {condition}")[0][0]
    handled = sum(int(n) for _, n in rows(connection, "show session status like 'Handler_read%'"))
    assert 0 < count < ROWS / 3
    assert handled < count + 100


def test_mysql_segments_hold_rows_to_come(source: tuple[Any, str, Any]) -> None:
    endpoint, schema, connection = source
    _fill_mysql(connection, *MYSQL_KEYS["int"])
    relation, reader = _relation(schema, (INT,)), MysqlReader(endpoint)
    segments = reader.segments(relation, BYTES)
    rows(connection, "insert into t values (-2147483648, ''), (2147483647, ''), (0 - 5000, '')")
    _, seen = _read(reader, relation, segments)
    assert sum(seen.values()) == ROWS + 3


POSTGRES_KEYS: dict[str, tuple[tuple[Column, ...], str]] = {
    "int": ((("integer", kinds.Int(bits=32)),), "n - 5000"),
    "two parts": ((("bigint", kinds.Int(bits=64)), ("text", kinds.Text())), "n % 3, 'k' || md5(n::text)"),
    "text in no order": ((("text", kinds.Text()),), "md5(n::text) || E'\\\\ '''"),
    "uuid": ((("uuid", kinds.Uuid()),), "md5(n::text)::uuid"),
    "instant": ((("timestamp with time zone", kinds.TimestampTz(fsp=6)),), "'2024-03-31'::date + n * interval '1 s'"),
    "numeric": ((("numeric", kinds.Decimal()),), "n / 7.0 + n"),
    "char": ((("character(40)", kinds.Text(length=40, fixed=True)),), "'k' || n"),
    "bytes": ((("bytea", kinds.Bytes()),), "decode(md5(n::text), 'hex')"),
    "array": ((("integer[]", kinds.Other(native="integer[]")),), "array[n % 7, n]"),
    "range": ((("int4range", kinds.Other(native="int4range")),), "int4range(n, n + 5)"),
    "enum": (
        (('public."my Mood"', kinds.Enum(labels=("z", "a"))), INT),
        "(array['z', 'a'])[1 + n % 2]::public.\"my Mood\", n",
    ),
}  # fmt: skip


@pytest.fixture
def postgres(postgres_server: Any, postgres_database: Callable[..., str]) -> Iterator[tuple[Any, Any]]:
    name = postgres_database(postgres_server)
    connection = postgres_connection(postgres_server, name)
    yield postgres_endpoint(postgres_server, name), connection
    connection.close()


def _fill_postgres(connection: Any, columns: tuple[Column, ...], values: str, suffix: str = "") -> None:
    declared = ", ".join(f"k{n} {native}" for n, (native, _) in enumerate(columns))
    parts = ", ".join(f"k{n}" for n in range(len(columns)))
    rows(connection, "create type public.\"my Mood\" as enum ('z', 'a')")
    rows(connection, f"create table t ({declared}, pad text, primary key ({parts})) {suffix}")


@pytest.mark.parametrize("key", POSTGRES_KEYS)
def test_postgres_rows_are_in_one_segment_each(postgres: tuple[Any, Any], key: str) -> None:
    endpoint, connection = postgres
    columns, values = POSTGRES_KEYS[key]
    _fill_postgres(connection, columns, values)
    rows(connection, f"insert into t select {values}, repeat('p', 100) from generate_series(1, {ROWS}) n")
    rows(connection, "analyze t")
    natives = tuple((native.partition(" collate")[0], kind) for native, kind in columns)
    relation = Relation(
        number=0, name=TableName(schema="public", name="t"), fields=_relation("public", natives).fields,
        key=tuple(range(len(columns))), plain=True,
    )  # fmt: skip
    reader = PostgresReader(endpoint)
    segments = reader.segments(relation, BYTES)
    assert [s.high for s in segments[:-1]] == [s.low for s in segments[1:]]
    assert (segments[0].low, segments[-1].high) == (None, None)
    sizes, seen = _read(reader, relation, segments)
    assert len(seen) == ROWS
    assert set(seen.values()) == {1}
    assert len(segments) >= 5
    assert max(sizes) <= 2.5 * BYTES


def test_postgres_partitions_are_read_through_their_root(postgres: tuple[Any, Any]) -> None:
    endpoint, connection = postgres
    _fill_postgres(connection, (INT,), "n", "partition by range (k0)")
    for low in range(0, ROWS, 2000):
        rows(connection, f"create table t{low} partition of t for values from ({low}) to ({low + 2000})")
    rows(connection, "create table rest partition of t default")
    rows(connection, f"insert into t select n, repeat('p', 100) from generate_series(1, {ROWS}) n")
    relation = _relation("public", (INT,))
    reader = PostgresReader(endpoint)
    segments = reader.segments(relation, BYTES)
    assert len(segments) >= 5
    _, seen = _read(reader, relation, segments)
    assert len(seen) == sum(seen.values()) == ROWS


def test_postgres_heirs_are_tables_of_their_own(postgres: tuple[Any, Any]) -> None:
    endpoint, connection = postgres
    _fill_postgres(connection, (INT,), "n")
    rows(connection, "create table heir (primary key (k0)) inherits (t)")
    rows(connection, "insert into t values (1, ''); insert into heir values (2, '')")
    assert PostgresReader(endpoint).read(_relation("public", (INT,)), EVERYTHING, lambda _: None).rows == 1
