"""Rows formatted by the source server, parsed by the target server: nothing added, nothing lost, no byte changed."""

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.expressions import line
from landbridge.endpoints.mysql.read.sessions import query, reading
from landbridge.endpoints.mysql.read.wire import Values
from landbridge.endpoints.mysql.snapshot import SnapshotReader as MysqlReader
from landbridge.endpoints.mysql.sums import Viewer as MysqlViewer
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.load import Loader
from landbridge.endpoints.postgres.sums import Viewer as PostgresViewer
from landbridge.errors import RowRejected, Transient
from landbridge.model import EVERYTHING, Bounds, Copied, Field, Relation, Sum, TableName
from landbridge.pipe import BLOCKS, copy
from tests.engines import every_kind
from tests.engines.every_kind import KEY, NAME, Sample, mysql_quote, postgres_quote
from tests.support import mysql_connection, postgres_connection, rows

MYSQL_SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A database of the MySQL family and an empty one of PostgreSQL, by our endpoints and by the plain drivers."""

    source: MysqlDatabase
    target: PostgresDatabase
    schema: str
    source_driver: Any
    target_driver: Any
    samples: tuple[Sample, ...]

    @property
    def relations(self) -> tuple[Relation, Relation]:
        return every_kind.relations(self.samples, self.schema, "public")

    def load(self, source: Relation, target: Relation, bounds: Bounds = EVERYTHING) -> Copied:
        reader, loader = MysqlReader(self.source), Loader(self.target)
        with self.target.engine().begin() as connection:
            return copy(
                lambda sink: reader.read(source, bounds, sink), lambda blocks: loader.load(connection, target, blocks)
            )

    def sums(self, source: Relation, target: Relation, bounds: Bounds = EVERYTHING) -> tuple[Any, Any]:
        with MysqlViewer(self.source).view() as left, PostgresViewer(self.target).view() as right:
            return left.sum(source, bounds), right.sum(target, bounds)


@pytest.fixture(params=MYSQL_SERVERS)
def lane(
    request: pytest.FixtureRequest, postgres_target_server: Any, postgres_database: Any, mysql_database: Any
) -> Iterator[Lane]:
    server = request.getfixturevalue(request.param)
    schema, database = mysql_database(server), postgres_database(postgres_target_server)
    source, target = mysql_connection(server, schema), postgres_connection(postgres_target_server, database)
    yield Lane(
        source=every_kind.mysql_endpoint(server),
        target=every_kind.postgres_endpoint(postgres_target_server, database),
        schema=schema,
        source_driver=source,
        target_driver=target,
        samples=every_kind.MYSQL if request.param == "mysql_server" else every_kind.MARIADB,
    )
    source.close()
    target.close()


def test_every_kind_arrives_as_it_was(lane: Lane) -> None:
    count = every_kind.fill_source(lane.source_driver, lane.samples)
    every_kind.make_target(lane.target_driver, lane.samples)
    copied = lane.load(*lane.relations)
    assert copied.rows == count
    theirs, ours = _read_source(lane), _read_target(lane)
    assert len(theirs) == count
    for place, name in enumerate((KEY, *(s.name for s in lane.samples))):
        assert [row[place] for row in theirs] == [row[place] for row in ours], name


def test_both_servers_find_the_same_texts_and_sums(lane: Lane) -> None:
    count = every_kind.fill_source(lane.source_driver, lane.samples)
    every_kind.make_target(lane.target_driver, lane.samples)
    lane.load(*lane.relations)
    source, target = lane.relations
    with MysqlViewer(lane.source).view() as left, PostgresViewer(lane.target).view() as right:
        theirs, ours = sorted(left.rows(source, EVERYTHING)), sorted(right.rows(target, EVERYTHING))
    assert len(theirs) == count
    by_value = {place for place, field in enumerate(source.fields) if isinstance(field.kind, kinds.Float)}
    by_value |= {place for place, field in enumerate(source.fields) if field.kind == kinds.Json()}
    for left_row, right_row in zip(theirs, ours, strict=True):
        for place, (theirs_text, ours_text) in enumerate(zip(left_row, right_row, strict=True)):
            if place not in by_value:
                assert theirs_text == ours_text, source.fields[place].name
            elif theirs_text is not None:
                assert _value(source.fields[place].kind, theirs_text) == _value(source.fields[place].kind, ours_text)
    exact = tuple(s for s in lane.samples if not isinstance(s.kind, kinds.BY_VALUE))
    theirs_sum, ours_sum = lane.sums(*every_kind.relations(exact, lane.schema, "public"))
    assert theirs_sum.rows == count
    assert theirs_sum == ours_sum


def _read_source(lane: Lane) -> list[tuple[Any, ...]]:
    """By the plain driver, every value as the server's own text or bytes."""
    driver = lane.source_driver
    driver.decoders, driver.use_unicode = {}, False
    columns = ", ".join(_raw_source(s) for s in lane.samples)
    found = rows(driver, f"select {mysql_quote(KEY)}, {columns} from {mysql_quote(NAME)}")
    return sorted((_values(lane, row) for row in found), key=itemgetter(0))


def _raw_source(sample: Sample) -> str:
    column = mysql_quote(sample.name)
    return f"{column} + 0e0" if sample.name in ("float", "float(7,3)", "double(20,2)") else column


def _read_target(lane: Lane) -> list[tuple[Any, ...]]:
    casts = {"bytea": "", "real": "::float8::text"}
    columns = ", ".join(postgres_quote(s.name) + casts.get(s.target, "::text") for s in lane.samples)
    found = rows(lane.target_driver, f"select {postgres_quote(KEY)}::text, {columns} from {postgres_quote(NAME)}")
    return sorted((_values(lane, row) for row in found), key=itemgetter(0))


def _values(lane: Lane, row: tuple[Any, ...]) -> tuple[Any, ...]:
    some = (None if value is None else _value(s.kind, value) for s, value in zip(lane.samples, row[1:], strict=True))
    return (int(row[0]), *some)


def _value(kind: kinds.Kind, value: Any) -> Any:
    """What a text or bytes of either side means."""
    if isinstance(kind, kinds.Bytes):
        return bytes(value)
    if isinstance(kind, kinds.Bit):
        bits = value if isinstance(value, str) else "".join(f"{byte:08b}" for byte in value)
        return int(bits, 2)
    text = value.decode() if isinstance(value, bytes) else value
    return _READ.get(type(kind), str)(text)


def _seconds(text: str) -> tuple[str, Decimal]:
    date, _, clock = text.removesuffix("+00").rpartition(" ")
    hours, minutes, seconds = clock.split(":")
    return date, int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)


def _address(text: str) -> str:
    import ipaddress

    return str(ipaddress.ip_interface(text).ip)


_READ: dict[type, Callable[[str], Any]] = {
    kinds.Int: int,
    kinds.Decimal: Decimal,
    kinds.Year: int,
    kinds.Bool: lambda text: {"0": False, "false": False, "1": True, "true": True}[text],
    kinds.Float: lambda text: struct.pack(">d", float(text)),
    kinds.Json: json.loads,
    kinds.Time: lambda text: _seconds(" " + text),
    kinds.Timestamp: _seconds,
    kinds.TimestampTz: _seconds,
    kinds.Inet: _address,
}


@dataclass(frozen=True, kw_only=True)
class Small:
    """A table of one key and some columns, made on both sides."""

    source: Relation
    target: Relation


def _small(lane: Lane, key: str, *columns: tuple[str, kinds.Kind, str]) -> Small:
    """columns: native type of the source, kind, type of the target; named a, b, ... The key has its own native type."""
    names = [chr(ord("a") + place) for place in range(len(columns))]
    theirs = ", ".join(f"{name} {native}" for name, (native, _, _) in zip(names, columns, strict=True))
    ours = ", ".join(f"{name} {target}" for name, (_, _, target) in zip(names, columns, strict=True))
    primary = f", primary key ({key})" if key else ""
    rows(lane.source_driver, f"create table t ({theirs}{primary}) character set utf8mb4")
    rows(lane.target_driver, f"create table public.t ({ours}{primary})")
    sides = []
    for place, schema in ((0, lane.schema), (2, "public")):
        fields = tuple(
            Field(name=name, kind=column[1], native=column[place]) for name, column in zip(names, columns, strict=True)
        )
        keys = tuple(names.index(name) for name in key.split(", ")) if key else ()
        sides.append(Relation(number=0, name=TableName(schema=schema, name="t"), fields=fields, key=keys))
    return Small(source=sides[0], target=sides[1])


INT = ("int", kinds.Int(bits=32), "integer")
TEXT = ("longtext", kinds.Text(), "text")
BLOB = ("longblob", kinds.Bytes(), "bytea")


@pytest.fixture
def short_packets(lane: Lane) -> Iterator[Lane]:
    """The server's max_allowed_packet, past which a function's result is NULL, for sessions that begin from now on."""
    before = rows(lane.source_driver, "select @@global.max_allowed_packet")[0][0]
    rows(lane.source_driver, "set global max_allowed_packet = 1048576")
    yield lane
    rows(lane.source_driver, f"set global max_allowed_packet = {before}")


def test_a_row_too_long_for_the_server_to_format_is_carried_and_compared(short_packets: Lane) -> None:
    lane = short_packets
    table = _small(lane, "a", INT, TEXT, BLOB)
    rows(lane.source_driver, "insert into t values (1, 'short', x'00'), (2, null, repeat(x'00ff', 400000))")
    rows(lane.source_driver, "insert into t values (3, repeat('\\\\', 800000), x''), (4, repeat('ü', 300000), null)")
    rows(lane.source_driver, "insert into t values (5, repeat('x', 700000), repeat('y', 700000)), (6, '', x'5c')")
    assert lane.load(table.source, table.target).rows == 6
    theirs, ours = lane.sums(table.source, table.target)
    assert theirs.rows == 6
    assert theirs == ours
    with MysqlViewer(lane.source).view() as left, PostgresViewer(lane.target).view() as right:
        assert sorted(left.rows(table.source, EVERYTHING)) == sorted(right.rows(table.target, EVERYTHING))
    driver = lane.source_driver
    driver.decoders, driver.use_unicode = {}, False
    found = [(int(a), None if b is None else b.decode(), c) for a, b, c in rows(driver, "select * from t order by a")]
    arrived = rows(lane.target_driver, "select a, b, c from public.t order by a")
    assert found == [(a, b, None if c is None else bytes(c)) for a, b, c in arrived]
    # Only the last byte of the last blob differs, in a row that the source's server cannot hash.
    rows(lane.target_driver, "update public.t set c = substr(c, 1, octet_length(c) - 1) || '\\x7a' where a = 5")
    theirs, ours = lane.sums(table.source, table.target)
    assert theirs.rows == ours.rows
    assert theirs.checksum != ours.checksum


LENGTHS = (
    0,
    1,
    249,
    250,
    251,
    252,
    65534,
    65535,
    65536,
    262143,
    262144,
    16777210,
    16777211,
    16777212,
    16777216,
    33554427,
)
"""Around each border of a length's coding, of our buffer, and of the protocol's packets."""


@pytest.mark.parametrize("lane", ["mysql_server"], indirect=True)
def test_values_of_every_length_come_off_the_wire_whole(lane: Lane) -> None:
    """Its default packet of 64 MiB lets values through that take several packets."""
    with reading(lane.source) as connection:
        for lengths in ((length, 3, length) for length in LENGTHS):
            parts = [f"select concat('<', repeat('{place}', {length}), '>')" for place, length in enumerate(lengths)]
            values = Values(connection, " union all ".join([*parts, "select null", "select ''", "select '~'"]))
            whole = b"".join(values)
            expected = b"".join(b"<" + b"%d" % place * length + b">" for place, length in enumerate(lengths)) + b"~"
            assert whole == expected, lengths
            assert (values.rows, values.nulls) == (5, 1)
        many = Values(connection, "with recursive s(n) as (select 1 union all select n + 1 from s where n < 900)"
                      " select repeat(char(65 + x.n % 26), (x.n * 900 + y.n) % 700) from s x, s y")  # fmt: skip
        assert sum(map(len, many)) == sum((x * 900 + y) % 700 for x in range(1, 901) for y in range(1, 901))
        assert many.rows == 810_000


@pytest.mark.parametrize("what", ["query", "connection"])
def test_an_end_amid_the_rows_is_an_error(lane: Lane, what: str) -> None:
    """The server has sent rows already when it stops; the load must not take them for all there are."""
    table = _many(lane)
    killed: list[Any] = []

    def read(sink: Callable[[bytes], None]) -> Any:
        def push(block: bytes) -> None:
            if not killed:
                killed.append(_kill_reader(lane, table, what))
            sink(block)

        return MysqlReader(lane.source).read(table.source, EVERYTHING, push)

    loader = Loader(lane.target)
    with pytest.raises(Transient), lane.target.engine().begin() as connection:
        copy(read, lambda blocks: loader.load(connection, table.target, blocks))
    assert killed
    assert rows(lane.target_driver, "select count(*) from public.t") == [(0,)]
    assert lane.load(table.source, table.target).rows == 64


def _many(lane: Lane) -> Small:
    """64 rows of a megabyte each, more than the sockets between us can hold."""
    table = _small(lane, "a", INT, TEXT)
    rows(lane.source_driver, "insert into t values (1, repeat('x', 1000000)), (2, repeat('x', 1000000))")
    for _ in range(5):
        rows(lane.source_driver, "insert into t select a + (select max(a) from (select a from t) m), b from t")
    return table


def _kill_reader(lane: Lane, table: Small, what: str) -> Any:
    start = f"select {line(table.source, mariadb=True)}"[:40].replace("\\", "\\\\").replace("%", "\\%") + "%"
    query = "select id from information_schema.processlist where info like %s and db is null"
    session = rows(lane.source_driver, query, (start,))[0][0]
    return rows(lane.source_driver, f"kill {what} {session}")


def test_a_refusal_stops_the_reading_at_once(lane: Lane) -> None:
    table = _many(lane)
    seen = 0

    def read(sink: Callable[[bytes], None]) -> Any:
        def push(block: bytes) -> None:
            nonlocal seen
            seen += 1
            sink(block)

        return MysqlReader(lane.source).read(table.source, EVERYTHING, push)

    def load(blocks: Iterable[bytes]) -> int:
        next(iter(blocks))
        raise RowRejected("this one", mend="")

    with pytest.raises(RowRejected):
        copy(read, load)
    assert seen <= BLOCKS + 3


REFUSED = {
    "a zero date": (("date", kinds.Date(), "date"), "'0000-00-00'", "DatetimeFieldOverflow"),
    "a partial date": (
        ("datetime(3)", kinds.Timestamp(fsp=3), "timestamp(3)"),
        "'2024-00-10'",
        "DatetimeFieldOverflow",
    ),
    "a NUL character": (TEXT, "'secret\\0text'", "CharacterNotInRepertoire"),
    "a duplicate": (INT, "42", "UniqueViolation"),
    "too long": (
        ("varchar(10)", kinds.Text(length=10), "character varying(3)"),
        "'secret'",
        "StringDataRightTruncation",
    ),
    "null": (INT, "null", "NotNullViolation"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("lane", ["mariadb_server"], indirect=True)
def test_a_refused_row_is_named_without_its_data(lane: Lane, what: str) -> None:
    column, value, state = REFUSED[what]
    table = _small(lane, "a", INT, column)
    rows(lane.source_driver, "set sql_mode = ''")
    rows(lane.source_driver, f"insert into t values (1, null), (2, null), (3, {value})")
    if what == "a duplicate":
        rows(lane.target_driver, "insert into public.t values (-1, 42)")
        rows(lane.target_driver, "alter table public.t add unique (b)")
    if what == "null":
        rows(lane.target_driver, "alter table public.t alter b set not null")
    with pytest.raises(RowRejected) as raised:
        lane.load(table.source, table.target)
    assert state in raised.value.found
    assert "public.t" in raised.value.found
    assert not any(part in str(raised.value) for part in ("secret", "42)", "0000-00-00", "2024-00-10"))
    assert ("column b" in raised.value.found) == (what != "a duplicate" and what != "a NUL character")
    assert f"row {1 if what == 'null' else 3} " in raised.value.found
    assert rows(lane.target_driver, "select count(*) from public.t where a > 0") == [(0,)]


@pytest.mark.parametrize("lane", ["mariadb11_server", "mysql_server"], indirect=True)
def test_rows_come_over_tls_as_well(lane: Lane) -> None:
    table = _small(lane, "a", INT, TEXT)
    rows(lane.source_driver, "insert into t values (1, repeat('x', 3000000)), (2, 'y')")
    secure = MysqlDatabase(lane.source.ref.model_copy(update={"tls": "require"}))
    with reading(secure) as connection:
        assert dict(query(connection, "show status like 'ssl_cipher'"))[b"Ssl_cipher"]
    blocks: list[bytes] = []
    assert MysqlReader(secure).read(table.source, EVERYTHING, blocks.append).rows == 2
    assert b"".join(blocks) == b"1\t" + b"x" * 3000000 + b"\n2\ty\n"


def test_an_empty_table_is_read_as_no_rows(lane: Lane) -> None:
    table = _small(lane, "a", INT, TEXT)
    assert MysqlReader(lane.source).segments(table.source, 1) == (EVERYTHING,)
    assert lane.load(table.source, table.target).rows == 0
    assert lane.sums(table.source, table.target) == (Sum(rows=0, checksum=0),) * 2
