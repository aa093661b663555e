"""What a captured change holds, on every version: what the server itself says happened."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from landbridge import kinds
from landbridge.change import DELETE, INSERT, TRUNCATE, UPDATE
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.changes import ChangeLog
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.log import beats
from landbridge.model import Column, ColumnMap, Key, Table, TableMap, TableName
from tests.engines.capture import RUN, VERSIONS, Source, full
from tests.engines.conftest import MakeSource

ODD = '"My Schema"."Täble, ""x"""'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture
def source(postgres_server: postgres.Server, make_source: MakeSource) -> Source:
    return make_source(postgres_server)


@pytest.fixture(params=VERSIONS)
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


def test_every_kind_of_change(each: Source) -> None:
    each.run("create table t (id int primary key, a text, b int)")
    since = each.prepare("t")
    each.run("insert into t values (1, 'one', 10), (2, null, null)")
    each.run("update t set a = 'eins' where id = 1")
    each.run("update t set id = 3, b = 7 where id = 2")
    each.run("delete from t where id = 1")
    each.run("truncate t")
    found = full(each.follow(since))
    assert [transaction.changes for transaction in found] == [
        [(INSERT, 0, None, (b"1", b"one", b"10")), (INSERT, 0, None, (b"2", None, None))],
        [(UPDATE, 0, None, (b"1", b"eins", b"10"))],
        [(UPDATE, 0, (b"2",), (b"3", None, b"7"))],
        [(DELETE, 0, (b"1",), None)],
        [(TRUNCATE, 0, None, None)],
    ]
    assert all(before.position < after.position for before, after in pairwise(found))
    assert all(abs(transaction.committed - time.time()) < 60 for transaction in found)


def test_a_transaction_over_several_tables_is_one_and_in_order(each: Source) -> None:
    each.run("create table a (id int primary key); create table b (x text, y int, primary key (y, x))")
    each.run("create table c (id int)")
    since = each.prepare("b", "a")
    each.transaction(
        "insert into a values (1)",
        "insert into b values ('x', 1)",
        "insert into c values (5)",
        "savepoint s",
        "insert into a values (2)",
        "rollback to s",
        "savepoint s2",
        "update b set x = 'z'",
        "release s2",
        "truncate a, b",
    )
    each.transaction("insert into a values (9)", "rollback", "begin")
    each.run("insert into c values (6)")
    each.run("delete from b")
    (only,) = full(each.follow(since))
    assert only.changes[:3] == [
        (INSERT, 1, None, (b"1",)),
        (INSERT, 0, None, (b"x", b"1")),
        (UPDATE, 0, (b"1", b"x"), (b"z", b"1")),
    ]
    assert sorted(only.changes[3:]) == [(TRUNCATE, 0, None, None), (TRUNCATE, 1, None, None)]


def test_what_was_rolled_back_leaves_no_trace(each: Source) -> None:
    """More of it than the server keeps in memory, with subtransactions: version 18 sends a message about these."""
    each.run("create table t (id int primary key, big text); alter table t alter big set storage external")
    since = each.prepare("t")
    large = "insert into t select i, repeat('x', 3000) from generate_series(1, 400) i"
    each.run(f"begin; insert into t values (-1); savepoint s; insert into t values (-2); release s; {large}; rollback")
    each.run(f"begin; savepoint s; {large}; rollback to s; insert into t values (7); commit")
    assert each.changes(since) == [(INSERT, 0, None, (b"7", None))]


def test_a_large_value_that_was_left_alone_is_left_out(each: Source) -> None:
    each.run("create table t (id int primary key, big text, n int); alter table t alter big set storage external")
    each.run("insert into t values (1, repeat('x', 9000), 1)")
    since = each.prepare("t")
    each.run("update t set n = 2")
    each.run("update t set id = 5")
    each.run("update t set big = 'small'")
    assert each.changes(since) == [
        (UPDATE, 0, None, (b"1", ..., b"2")),
        (UPDATE, 0, (b"1",), (b"5", ..., b"2")),
        (UPDATE, 0, None, (b"5", b"small", b"2")),
    ]


def test_with_the_whole_old_row_nothing_is_left_out(each: Source) -> None:
    each.run("create table t (id int primary key, big text, n int); alter table t alter big set storage external")
    each.run("create table k (a text, big text); alter table k alter big set storage external")
    each.run("alter table t replica identity full; alter table k replica identity full")
    big = b"x" * 9000
    each.run("insert into t values (1, repeat('x', 9000), 1); insert into k values (null, repeat('x', 9000))")
    since = each.prepare("t", "k")
    each.run("update t set n = 2")
    each.run("update t set id = 5")
    each.run("delete from t")
    each.run("update k set a = 'b'")
    each.run("delete from k")
    assert each.changes(since) == [
        (UPDATE, 0, None, (b"1", big, b"2")),
        (UPDATE, 0, (b"1",), (b"5", big, b"2")),
        (DELETE, 0, (b"5",), None),
        (UPDATE, 1, (None, big), (b"b", big)),
        (DELETE, 1, (b"b", big), None),
    ]


def test_a_key_that_is_stored_out_of_line(each: Source) -> None:
    each.run("create table t (id text primary key, n int); alter table t alter id set storage external")
    key = b"".join(b"%032x" % number for number in range(78))
    made = "string_agg(lpad(to_hex(i), 32, '0'), '' order by i)"
    each.run(f"insert into t select {made}, 1 from generate_series(0, 77) i")
    since = each.prepare("t")
    each.run("update t set n = 2")
    each.run("delete from t")
    assert each.changes(since) == [(UPDATE, 0, None, (key, b"2")), (DELETE, 0, (key,), None)]


def test_partitions_come_as_their_root(each: Source) -> None:
    each.run(
        "create table m (id int, region text, v int, primary key (region, id)) partition by list (region);"
        "create table m_a partition of m for values in ('a');"
        "create table m_b (v int, region text not null, id int not null);"
        "alter table m attach partition m_b for values in ('b')"
    )
    since = each.prepare("m")
    each.run("insert into m values (1, 'a', 1), (2, 'b', 2)")
    each.run("update m set v = 3 where id = 2")
    each.run("update m_b set id = 7")
    each.run("update m set region = 'a' where id = 7")
    each.run("create table m_c partition of m for values in ('c')")
    each.run("insert into m values (4, 'c', 4)")
    each.run("delete from m where id = 4")
    each.run("truncate m")
    assert each.changes(since) == [
        (INSERT, 0, None, (b"1", b"a", b"1")),
        (INSERT, 0, None, (b"2", b"b", b"2")),
        (UPDATE, 0, None, (b"2", b"b", b"3")),
        (UPDATE, 0, (b"b", b"2"), (b"7", b"b", b"3")),
        (DELETE, 0, (b"b", b"7"), None),
        (INSERT, 0, None, (b"7", b"a", b"3")),
        (INSERT, 0, None, (b"4", b"c", b"4")),
        (DELETE, 0, (b"c", b"4"), None),
        (TRUNCATE, 0, None, None),
    ]


def test_children_by_inheritance_are_tables_of_their_own(source: Source) -> None:
    source.run("create table parent (id int primary key); create table child () inherits (parent)")
    since = source.prepare("parent")
    source.run("insert into child values (1); insert into parent values (2)")
    assert source.changes(since) == [(INSERT, 0, None, (b"2",))]


def test_names_and_columns_as_they_are(each: Source) -> None:
    each.run(f'create schema "My Schema"; create table {ODD} ("ID" int primary key, "a.b" text)')
    each.run("create table gone (a int, id int primary key, c int generated always as (id * 2) stored, b text)")
    each.run("alter table gone drop column a")
    each.plan("gone")
    columns = tuple(
        Column(name=name, kind=kinds.Text(), native=type_) for name, type_ in (("a.b", "text"), ("ID", "integer"))
    )
    table = Table(
        name=TableName(schema="My Schema", name='Täble, "x"'),
        columns=columns,  # in another order than the server's
        primary_key=Key(name="k", columns=("ID",)),
    )
    maps = tuple(ColumnMap(source=column, target=column) for column in columns)
    each.tables += [TableMap(number=7, source=table, target=table, columns=maps, plain=True)]
    since = each.log.prepare(RUN, each.tables)
    each.run(f"insert into {ODD} values (1, 'ü😀')")
    each.run(f'update {ODD} set "ID" = 2')
    each.run("insert into gone (id, b) values (4, 'b')")
    assert each.changes(since) == [
        (INSERT, 7, None, ("ü😀".encode(), b"1")),
        (UPDATE, 7, (b"1",), ("ü😀".encode(), b"2")),
        (INSERT, 0, None, (b"4", b"b")),
    ]


VALUES = {
    "bigint": "-9223372036854775808",
    "numeric": "12345678901234567890.000100",
    "numeric(8,3)": "NaN",
    "real": "0.1",
    "double precision": "1e-320",
    "boolean": "true",
    "text": "tab\t nl\n back\\ \N{GRINNING FACE} '",
    "character(5)": "ab",
    "bytea": r"\x00ff0a5c",
    "date": "0044-03-15 BC",
    "timestamp without time zone": "2024-07-01 06:00:00.123456",
    "timestamp with time zone": "2024-07-01 06:00:00.5-04",
    "interval": "1 year 2 mons -3 days 04:05:06.7",
    "time with time zone": "12:34:56+02",
    "json": '{"a": 1,  "a": 2}',
    "jsonb": '{"b": [1, null, "x"], "a": 1e3}',
    "uuid": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
    "inet": "10.1.2.3/8",
    "bit varying(9)": "1011",
    "text[]": r'{a,NULL,"NULL","q\"uote",""}',
    "integer[]": "[0:1][1:2]={{1,2},{3,NULL}}",
    "timestamp with time zone[]": '{"2024-01-01 00:00:00+00",infinity}',
    "int4range": "[1,5)",
    "tsvector": "a:1 'fat cat':2",
    "point": "(1.5,-2)",
    "xml": "<a>&amp;</a>",
    "mood": "so so",
    '"Pair"': '(1,"x y")',
    "small": "7",
}


ODD_SETTINGS = (
    "timezone = 'America/New_York'",
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'iso_8601'",
    "bytea_output = 'escape'",
    "extra_float_digits = -5",
    "client_encoding = 'latin1'",
    "search_path = public",
    "statement_timeout = '1ms'",
)
OUR_SETTINGS = (
    "timezone = 'UTC'",
    "datestyle = 'ISO, MDY'",
    "intervalstyle = 'postgres'",
    "bytea_output = 'hex'",
    "extra_float_digits = 3",
    "search_path = ''",
)


@pytest.fixture
def odd_role(each: Source) -> Iterator[Source]:
    """Captures as a role whose sessions begin with settings of its own."""
    role = f"odd_{each.database}"
    each.run(f"create role {role} login superuser")
    for setting in ODD_SETTINGS:
        each.run(f"alter role {role} set {setting}")
    each.log = ChangeLog(Database(each.ref.model_copy(update={"user": role})))
    yield each
    each.log.release(RUN)
    each.run(f"drop role {role}")


def test_values_are_the_servers_own_text_whatever_the_role_is_set_to(odd_role: Source) -> None:
    source = odd_role
    source.run("create type mood as enum ('so so', 'good'); create domain small as int check (value < 10)")
    source.run('create type "Pair" as (a int, b text)')
    kept = {type_: value for type_, value in VALUES.items() if type_ != "xml" or _has_xml(source)}
    source.run(f"create table v (id int primary key, {', '.join(f'c{n} {type_}' for n, type_ in enumerate(kept))})")
    since = source.prepare("v")
    places = ", ".join(f"%s::{type_.replace('%', '%%')}" for type_ in kept)
    source.run(f"insert into v values (1, {places})", *kept.values())
    ((_, _, _, found),) = source.changes(since)
    for setting in OUR_SETTINGS:
        source.run(f"set {setting}")
    texts = ", ".join(_output(f"c{n}", type_) for n, type_ in enumerate(kept))
    (expected,) = source.run(f"select id::text, {texts} from public.v")
    source.run("reset search_path")
    assert dict(zip(["id", *kept], found, strict=True)) == {
        name: text.encode() for name, text in zip(["id", *kept], expected, strict=True)
    }


def _output(column: str, type_: str) -> str:
    """SQL of what the type's output function says; two casts to text say something else."""
    if type_ == "boolean":
        return f"case when {column} then 't' else 'f' end"
    return f"rpad({column}::text, 5)" if type_ == "character(5)" else f"{column}::text"


def _has_xml(source: Source) -> bool:
    """A server may be built without libxml."""
    return source.run("select from pg_config where name = 'CONFIGURE' and setting like '%libxml%'") != []
