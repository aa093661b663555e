"""Rows in the log of a real PostgreSQL server read as its own expressions print them, for a target of another family."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from landbridge.change import INSERT, UPDATE, Value
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.snapshot import SnapshotReader
from landbridge.endpoints.postgres.sums import Viewer
from landbridge.kinds import DOCUMENTS
from landbridge.model import EVERYTHING, ColumnMap, Position, TableMap
from tests.engines.capture import RUN, Source

VALUES = {
    "smallint": ["-32768", "0", "32767"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "oid": ["4294967295"],
    "numeric": ["'NaN'", "'Infinity'", "1.50", "100", "0.000", "-1e-30", "1e40", "1200.0"],
    "numeric(12,3)": ["-999999999.999", "0", "1.5", "'NaN'"],
    "numeric(3,-2)": ["12345"],
    "real": ["0.1", "16777216", "3.4028234e38", "1.4e-45", "1.5e15", "-2e15", "'NaN'", "'-Infinity'", "-0.0", "1e10"],
    "double precision": ["0.1", "1e15", "123456789012345678", "5e-324", "'Infinity'", "-0.0", "1"],
    "boolean": ["true", "false"],
    "date": ["'0001-01-01'", "'9999-12-31'", "'0044-03-15 BC'", "'infinity'", "'10000-01-01'", "'2024-02-29'"],
    "timestamp": ["'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.12'", "'0044-03-15 BC'", "'-infinity'",
                  "'10000-01-01'", "'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'0044-03-15 01:02:03.5 BC'"],
    "timestamp(0)": ["'2024-01-02 03:04:05.6'", "'infinity'"],
    "timestamp(3)": ["'2024-01-02 03:04:05.6'", "'2024-01-02'"],
    "timestamptz": ["'2024-01-02 03:04:05+02'", "'2024-01-02 03:04:05.000001-11:30'", "'infinity'",
                    "'0044-03-15 12:00:00+00 BC'", "'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.5+00'",
                    "'10000-01-01 00:00:00+00'", "'0001-01-01 00:00:00+05'"],
    "timestamptz(2)": ["'2024-01-02 03:04:05.129+02'"],
    "time": ["'00:00:00'", "'24:00:00'", "'12:00:00.5'"],
    "time(0)": ["'23:59:59'"],
    "time(2)": ["'23:59:59.1'"],
    "text": ["''", r"E'tab\tline\nback\\slash\rN'", r"'\N'", "'☃😀'", "' x '", "repeat('long', 3000)"],
    "character(5)": ["'a'", "''", "' b '"],
    "character varying(5)": ["'a  '"],
    "bpchar": ["'a '"],
    '"char"': ["'x'"],
    "name": ["'n'"],
    "bytea": [r"'\x'", r"'\x00ff5c09'"],
    "json": ["""'{"b": 1,  "a":[1.50,null]}'""", "'null'"],
    "jsonb": ["""'{"b": 1,  "a":[1.50,null]}'"""],
    "uuid": ["'6CCD780C-BABA-1026-9564-5B8C656024DB'"],
    "public.mood": ["'sad'", """'it''s "ok"'"""],
    "bit(5)": ["B'00101'"],
    "bit varying": ["B''", "B'101'"],
    "inet": ["'1.2.3.4'", "'1.2.3.4/24'", "'2001:db8::1'", "'::ffff:1.2.3.4/100'", "'::/0'", "'0.0.0.0/0'"],
    "cidr": ["'10.0.0.0/8'", "'2001:db8::/32'"],
    "macaddr": ["'08:00:2B:01:02:03'"],
    "money": ["'1234.5'", "-7"],
    "interval": ["'1 year 2 mons -3 days 04:05:06.7'", "'-00:00:00.1'"],
    "timetz": ["'01:02:03.4+05:30'"],
    "tsvector": ["'a b:3'"],
    "int4range": ["'[1,5]'", "'empty'"],
    "tstzrange": ["'[2024-01-01 00:00+02,)'"],
    "point": ["'(1.5,2)'"],
    "pg_lsn": ["'1/A'"],
    "regclass": ["'pg_class'"],
    "public.positive": ["5"],
    "public.word": ["'x '"],
    "public.hstore": ["""'a=>1, "b c"=>"x\\\\ \\"y", d=>NULL'""", "''"],
    "public.vector(3)": ["'[1,2.5,0.1]'", "'[1e-10,16777217,123456.789]'"],
    "public.pair": ["row(1, 'a \"q\" \\ , (x)')", "row(null, null)", "row(2, '')", "row(3, ' sp ')"],
    "public.nested": ["row(row(1, 'x'), array[row(2, 'y\"')::public.pair, null], '2024-01-02', true)"],
    "public.lone": ["row(null)", "row('')", "row('NULL')"],
    "integer[]": ["'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'", "'{{{1},{2}}}'"],
    "text[]": [r"""array['', 'NULL', null, 'a,b', '{x}', 'q"\', ' ', E'\n\t', '☃', 'a;b']"""],
    "char(3)[]": ["array['a', 'bcd']"],
    "boolean[]": ["'{t,f,NULL}'"],
    "numeric(5,2)[]": ["'{1.5,NaN,NULL}'"],
    "real[]": ["'{0.1,NaN,Infinity,1e15}'"],
    "double precision[]": ["'{0.1,-Infinity,1e300}'"],
    "timestamp[]": ["'{2024-01-02 03:04:05.5,infinity,0044-03-15 BC}'"],
    "timestamptz[]": ["'{2024-01-02 03:04:05+02,infinity,0044-03-15 00:00+00 BC}'"],
    "date[]": ["'{2024-01-02,infinity}'"],
    "time[]": ["'{03:04:05.10}'"],
    "bytea[]": [r"array['\x00ff'::bytea]"],
    "jsonb[]": ["""array['{"a": [1, "x,y"]}'::jsonb, 'null', null]"""],
    "oid[]": ["'{1}'"],
    "uuid[]": ["'{6ccd780c-baba-1026-9564-5b8c656024db}'"],
    "inet[]": ["'{1.2.3.4,::1}'"],
    "box[]": ["array['(1,2),(3,4)'::box, null]"],
    "int4range[]": ["array['[1,5)'::int4range]"],
    "public.mood[]": ["array['sad', 'it''s \"ok\"']::public.mood[]"],
    "public.positive[]": ["array[1,2]::public.positive[]"],
    "public.pair[]": ["array[row(1, 'a'), row(null, 'b,c')]::public.pair[]"],
    "public.hstore[]": ["array['a=>1'::public.hstore]"],
}  # fmt: skip

TYPES = (
    "create extension hstore schema public",
    "create extension vector schema public",
    """create type public.mood as enum ('sad', 'it''s "ok"')""",
    "create domain public.positive as int check (value > 0)",
    "create domain public.word as character(4)",
    "create type public.pair as (a int, b text)",
    "create type public.nested as (p public.pair, q public.pair[], d timestamp)",
    "alter type public.nested add attribute e public.positive",
    "alter type public.nested alter attribute e type bool",
    "create type public.lone as (a text)",
)


@pytest.fixture
def source(postgres_server: Any, postgres_database: Callable[..., str]) -> Iterator[Source]:
    found = Source(postgres_server, postgres_database(postgres_server))
    for statement in TYPES:
        found.run(statement)
    yield found
    found.connection.close()


def planned(source: Source) -> TableMap:
    """As for a target of another family."""
    (table,) = Describer(Database(source.ref)).describe(["public"]).tables
    columns = tuple(ColumnMap(source=column, target=column) for column in table.columns)
    return TableMap(number=0, source=table, target=table, columns=columns, plain=False)


def _inserted(source: Source, since: Position) -> dict[Value, tuple[Value, ...]]:
    """The images of new rows by their first field."""
    return {new[0]: new for operation, _, _, new in source.changes(since) if operation == INSERT and new is not None}


def test_every_type_reads_as_the_server_prints_it(source: Source) -> None:
    columns = ", ".join(f"c{number} {native}" for number, native in enumerate(VALUES))
    source.run(f"create table public.t (id int primary key, {columns})")
    source.tables = [planned(source)]
    since = source.log.prepare(RUN, source.tables)
    count = max(map(len, VALUES.values())) + 1
    for number in range(count):
        values = (each[number] if number < len(each) else "null" for each in VALUES.values())
        source.run(f"insert into public.t values ({number}, {', '.join(values)})")
    found = _inserted(source, since)
    relation = source.tables[0].source_side
    with Viewer(Database(source.ref)).view() as view:
        wanted = {row[0]: row for row in view.rows(relation, EVERYTHING)}
        assert view.sum(relation, EVERYTHING).rows == count
    assert len(wanted) == count
    for key, row in wanted.items():
        for column, seen, real in zip(source.tables[0].columns, found[key], row, strict=True):
            native = column.source.native
            if isinstance(column.source.kind, DOCUMENTS) and real is not None:
                assert json.loads(seen) == json.loads(real), native
            else:
                assert seen == real, native


def test_values_at_random(source: Source) -> None:
    pick = random.Random(17)
    types = (
        "real",
        "double precision",
        "numeric",
        "timestamp",
        "timestamptz(4)",
        "time(3)",
        "inet",
        "text[]",
        "pair[]",
    )
    columns = ", ".join(f"c{number} public.{native}" if native == "pair[]" else f"c{number} {native}"
                        for number, native in enumerate(types))  # fmt: skip
    source.run(f"create table public.t (id int primary key, {columns})")
    source.tables = [planned(source)]
    since = source.log.prepare(RUN, source.tables)
    with source.connection.cursor() as cursor:
        marks = ", ".join("%s" for _ in types[:-1])
        for number in range(300):
            words = [None if pick.random() < 0.2 else _word(pick) for _ in range(pick.randrange(4))]
            values = (
                *(_number(pick) for _ in range(3)), *(_moment(pick) for _ in range(2)), _moment(pick)[11:],
                _address(pick), words,
            )  # fmt: skip
            pairs = "array[row(%s, %s), row(null, %s)]::public.pair[]"
            statement = f"insert into public.t values (%s, {marks}, {pairs})"
            cursor.execute(statement, (number, *values, number, _word(pick), _word(pick)))
    found = _inserted(source, since)
    with Viewer(Database(source.ref)).view() as view:
        wanted = {row[0]: row for row in view.rows(source.tables[0].source_side, EVERYTHING)}
    assert len(wanted) == 300
    for key, row in wanted.items():
        assert float(found[key][1]) == float(row[1] or b"")
        assert found[key][2:-2] == row[2:-2]
        assert [json.loads(text) for text in found[key][-2:]] == [json.loads(text or b"") for text in row[-2:]]


def _number(pick: random.Random) -> str:
    return f"{pick.randrange(-(10**9), 10**9)}e{pick.randrange(-30, 20)}"


def _moment(pick: random.Random) -> str:
    clock = f"{pick.randrange(24):02d}:{pick.randrange(60):02d}:{pick.randrange(60):02d}"
    day = f"{pick.randrange(1, 10000):04d}-{pick.randrange(1, 13):02d}-{pick.randrange(1, 29):02d}"
    return f"{day} {clock}{pick.choice(('', '.5', '.000001', '.120'))}"


def _address(pick: random.Random) -> str:
    if pick.random() < 0.5:
        return ".".join(str(pick.randrange(256)) for _ in range(4)) + f"/{pick.randrange(33)}"
    return ":".join(f"{pick.choice((0, 1, 0xFFFF)):x}" for _ in range(8)) + f"/{pick.randrange(129)}"


def _word(pick: random.Random) -> str:
    return "".join(pick.choice("a,;{}()\"\\ 'NULL\n\t☃é😀:/") for _ in range(pick.randrange(6)))


def test_keys_are_canonical_in_both_images_and_can_be_read_again(source: Source) -> None:
    source.run(
        "create table public.t (b boolean, t timestamptz, r real, f char(4), i inet, n numeric, v text,"
        " primary key (b, t, r, f, i, n))"
    )
    source.tables = [planned(source)]
    since = source.log.prepare(RUN, source.tables)
    source.run("insert into public.t values (true, '2024-01-01 00:00:00.5+01', 0.1, 'a', '::1', 1.50, 'x')")
    source.run("update public.t set t = '2024-01-02 00:00+00', b = false, v = 'y'")
    source.run("update public.t set v = null")
    source.run("delete from public.t")
    old = (b"1", b"2023-12-31 23:00:00.500000+00", b"0.10000000149011612", b"a", b"0000:" * 7 + b"0001", b"1.5")
    new = (b"0", b"2024-01-02 00:00:00.000000+00", *old[2:])
    changes = source.changes(since)
    assert [change[2:] for change in changes] == [
        (None, (*old, b"x")), (old, (*new, b"y")), (None, (*new, None)), (new, None),
    ]  # fmt: skip
    source.run("insert into public.t values (true, '2024-01-01 00:00:00.5+01', 0.1, 'a', '::1', 1.50, 'z')")
    reread = SnapshotReader(Database(source.ref)).read_keys(source.tables[0].source_side, [old, new])
    assert reread.rows == [(*old, b"z")]


def test_what_an_update_left_as_it_was_is_not_carried(source: Source) -> None:
    source.run("create table public.t (id int primary key, a text[], b boolean)")
    source.run("alter table public.t alter a set storage external")
    source.run("insert into public.t select 1, array_agg(repeat('x', 100)), true from generate_series(1, 100)")
    source.tables = [planned(source)]
    since = source.log.prepare(RUN, source.tables)
    source.run("update public.t set b = false")
    assert source.changes(since) == [(UPDATE, 0, None, (b"1", ..., b"0"))]


def test_a_change_is_plain_for_its_own_family(source: Source) -> None:
    source.run("create table public.t (b boolean primary key, a int[])")
    source.tables = [replace(planned(source), plain=True)]
    since = source.log.prepare(RUN, source.tables)
    source.run("insert into public.t values (true, '[0:1]={1,2}')")
    assert source.changes(since) == [(INSERT, 0, None, (b"t", b"[0:1]={1,2}"))]
