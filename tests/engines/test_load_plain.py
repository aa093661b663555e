"""PostgreSQL to PostgreSQL: the engine's own text passes through, whatever the types."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from landbridge import kinds
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.load import Loader
from landbridge.endpoints.postgres.snapshot import SnapshotReader
from landbridge.endpoints.postgres.sums import Viewer
from landbridge.model import EVERYTHING, Field, Relation, TableName
from landbridge.pipe import copy
from tests.engines.every_kind import postgres_endpoint
from tests.support import postgres_connection, rows

PRELUDE = """
    create type public."my Mood" as enum ('sad', 'it''s "ok"', 'tab	');
    create type public.pair as (a int, b text);
    create domain public.short as varchar(20) check (length(value) > 0);
"""

TYPES: dict[str, tuple[str, ...]] = {
    "smallint": ("-32768", "32767"),
    "bigint": ("-9223372036854775808", "9223372036854775807"),
    "numeric": ("'NaN'", "'Infinity'", "-1e-20", "1.00", "1e400", "0.1000"),
    "numeric(10,3)": ("1", "-0.001"),
    "real": ("'NaN'", "'-Infinity'", "0.1", "1e-45", "'-0'"),
    "double precision": ("'NaN'", "0.1", "5e-324", "'-0'", "1e15", "0.30000000000000004"),
    "boolean": ("true", "false"),
    "money": ("-12345.67", "0"),
    "date": ("'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'", "'2024-02-29'"),
    "time without time zone": ("'24:00'", "'00:00:00.000001'"),
    "time with time zone": ("'12:00+05:30'", "'23:59:60-12'"),
    "timestamp without time zone": ("'infinity'", "'4713-01-01 BC'", "'294276-12-31 23:59:59.999999'"),
    "timestamp with time zone": ("'infinity'", "'2024-10-27 02:30 Europe/Berlin'", "'1900-01-01 00:00:00.1 Europe/Paris'"),
    "interval": ("'1 year -3 days 04:05:06.7'", "'-178000000 years'", "'0'"),
    "text": (r"E'tab\t\\N\n\r\\.\b\v\f'", "''", r"'\N'", "'☃😀'", r"'\.'", "repeat('long text ', 200000)"),
    "character varying(30)": ("' blanks  '", "''"),
    "character(10)": ("' a '", "''"),
    '"char"': ("'x'", r"'\377'"),
    "name": ("'a name'",),
    "bytea": (r"'\x'", r"'\x000a0d095c'", "decode(repeat('00ff5c', 300000), 'hex')"),
    "uuid": ("'6ccd780c-baba-1026-9564-5b8c656024db'",),
    "json": ("""'{"b":1,  "a": [1,2], "b": 2}'""", "'null'"),
    "jsonb": ("""'{"b":1.50, "a": "\\u2603 \\\\ \\t"}'""", "'null'"),
    "inet": ("'10.0.0.1/8'", "'::1'", "'::ffff:1.2.3.4'"),
    "cidr": ("'10.0.0.0/8'",),
    "macaddr": ("'08:00:2b:01:02:03'",),
    "bit(5)": ("B'00101'",),
    "bit varying": ("B''", "B'101'"),
    "point": ("'(0.1,-5e-324)'",),
    "polygon": ("'((0,0),(0,1),(1,1))'",),
    "tsvector": ("'''a b'':1A c:2'",),
    "tsquery": ("'a & !b'",),
    "int4range": ("'empty'", "'[1,5)'"),
    "numrange": ("'[1.50,)'",),
    "int4multirange": ("'{[1,3),[5,7)}'",),
    "integer[]": ("'{}'", "'{1,null,3}'", "'[2:3]={7,8}'", "'{{1,2},{3,4}}'"),
    "text[]": (r"""array['a,b', 'q"', '\', '', null, 'NULL', E'\t{}']""",),
    "bytea[]": (r"array['\x00'::bytea, '\x5c']",),
    "timestamp with time zone[]": ("array['2024-01-01 00:00:00.5 UTC'::timestamptz, null]",),
    'public."my Mood"': ("'sad'", "'it''s \"ok\"'", "E'tab\\t'"),
    'public."my Mood"[]': ("array['sad', E'tab\\t']::public.\"my Mood\"[]",),
    "public.pair": (r"row(1, 'a,b\')", "row(null, '')"),
    "public.pair[]": (r"array[row(1, 'a\"')::public.pair, null]",),
    "public.short": ("'domain'",),
    "xid8": ("'18446744073709551615'",),
    "pg_lsn": ("'16/B374D848'",),
    "regclass": ("'pg_class'",),
    "oid": ("4294967295",),
}  # fmt: skip
VERSIONS = ("15", "16", "17", "18")


def _relation() -> Relation:
    fields = [Field(name="id", kind=kinds.Int(bits=32), native="integer")]
    fields += [
        Field(name=f"c{n} {native}", kind=kinds.Other(native=native), native=native) for n, native in enumerate(TYPES)
    ]
    return Relation(number=0, name=TableName(schema="public", name='t "%s'), fields=tuple(fields), key=(0,), plain=True)


def _make(connection: Any) -> None:
    columns = ", ".join(f'"{f.name.replace(chr(34), chr(34) * 2)}" {f.native}' for f in _relation().fields)
    rows(connection, PRELUDE)
    rows(connection, f'create table public."t ""%s" ({columns}, primary key (id))')


def _fill(connection: Any) -> int:
    longest = max(map(len, TYPES.values()))
    for number in range(longest):
        values = ", ".join(f"{values[number % len(values)]}" for values in TYPES.values())
        rows(connection, f'insert into public."t ""%s" values ({number}, {values})')
    rows(connection, 'insert into public."t ""%s" (id) values (-1)')
    return longest + 1


@pytest.fixture(params=VERSIONS)
def pair(
    request: pytest.FixtureRequest,
    postgres_version: Callable[..., postgres.Server],
    postgres_target_server: postgres.Server,
    postgres_database: Callable[..., str],
) -> Iterator[tuple[Any, Any, Any, Any]]:
    server = postgres_version(request.param)
    left, right = postgres_database(server), postgres_database(postgres_target_server)
    with (
        closing(postgres_connection(server, left)) as source,
        closing(postgres_connection(postgres_target_server, right)) as target,
    ):
        yield postgres_endpoint(server, left), source, postgres_endpoint(postgres_target_server, right), target


def test_every_type_arrives_as_it_was(pair: tuple[Any, Any, Any, Any]) -> None:
    source, source_driver, target, target_driver = pair
    _make(source_driver)
    _make(target_driver)
    count, relation = _fill(source_driver), _relation()
    reader, loader = SnapshotReader(source), Loader(target)
    with target.engine().begin() as connection:
        copied = copy(
            lambda sink: reader.read(relation, EVERYTHING, sink),
            lambda blocks: loader.load(connection, relation, blocks),
        )
    assert copied.rows == count
    select = 'select t::text, md5(t::text) from public."t ""%s" t order by id'
    for driver in (source_driver, target_driver):
        rows(driver, "set extra_float_digits = 3; set lc_monetary = 'C'; set timezone = 'Asia/Tokyo'")
    assert rows(source_driver, select) == rows(target_driver, select)
    with Viewer(source).view() as left, Viewer(target).view() as right:
        assert left.sum(relation, EVERYTHING) == right.sum(relation, EVERYTHING)
        assert left.sum(relation, EVERYTHING).rows == count
        assert sorted(left.rows(relation, EVERYTHING)) == sorted(right.rows(relation, EVERYTHING))
        assert sum(1 for _ in left.rows(relation, EVERYTHING)) == count


@pytest.mark.parametrize("pair", ["18"], indirect=True)
def test_a_change_of_any_column_changes_the_sum(pair: tuple[Any, Any, Any, Any]) -> None:
    endpoint, driver, _, _ = pair
    _make(driver)
    _fill(driver)
    relation = _relation()

    def total() -> int:
        with Viewer(endpoint).view() as view:
            return view.sum(relation, EVERYTHING).checksum

    seen = {total()}
    for field in relation.fields[1:]:
        rows(driver, f'update public."t ""%s" set "{field.name.replace(chr(34), chr(34) * 2)}" = null where id = 0')
        found = total()
        assert found not in seen, field.name
        seen.add(found)


def test_row_security_is_an_error_and_never_hides_rows(postgres_server: Any, postgres_database: Any) -> None:
    database = postgres_database(postgres_server)
    with closing(postgres_connection(postgres_server, database)) as driver:
        rows(driver, 'create table public."t ""%s" (id int primary key); insert into public."t ""%s" values (1), (2)')
        rows(
            driver,
            'create policy only_one on public."t ""%s" using (id = 1); '
            'alter table public."t ""%s" enable row level security',
        )
        rows(driver, "drop role if exists reads_some; create role reads_some login")
        rows(driver, 'grant select on public."t ""%s" to reads_some')
        try:
            endpoint = postgres_endpoint(postgres_server, database)
            endpoint = type(endpoint)(endpoint.ref.model_copy(update={"user": "reads_some"}))
            relation = Relation(number=0, name=_relation().name, fields=_relation().fields[:1], key=(0,), plain=True)
            with pytest.raises(Exception, match="row-level security"):
                SnapshotReader(endpoint).read(relation, EVERYTHING, lambda _: None)
        finally:
            rows(driver, "drop owned by reads_some; drop role reads_some")
