"""Lines of canonical text that a server of the MySQL family parses: nothing added, nothing lost, nothing bent."""

import random
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from operator import itemgetter
from typing import Any

import pymysql
import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.load import Loader
from landbridge.endpoints.mysql.snapshot import SnapshotReader
from landbridge.endpoints.mysql.sums import Viewer
from landbridge.endpoints.mysql.texts import real
from landbridge.endpoints.mysql.write import infile
from landbridge.endpoints.postgres.snapshot import SnapshotReader as PostgresReader
from landbridge.errors import RowRejected, Transient
from landbridge.model import EVERYTHING, Field, Relation, TableName
from landbridge.pipe import copy
from landbridge.text import line
from tests.engines import every_kind
from tests.support import mysql_connection, postgres_connection, rows

SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")


@dataclass(frozen=True, kw_only=True)
class Target:
    database: Database
    schema: str
    plain: Any
    mysql: bool

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return rows(self.plain, statement)

    def table(self, *columns: tuple[str, kinds.Kind], key: str = "primary key", name: str = "t") -> Relation:
        """Made with columns a, b, c… of these types."""
        names = [chr(ord("a") + place) for place in range(len(columns))]
        typed = [f"{column} {native}" for column, (native, _) in zip(names, columns, strict=True)]
        self.sql(f"create table {name} ({', '.join([f'{typed[0]} {key}', *typed[1:]])}) character set utf8mb4")
        fields = tuple(
            Field(name=column, kind=kind, native=native.partition(" character set")[0])
            for column, (native, kind) in zip(names, columns, strict=True)
        )
        return Relation(number=0, name=TableName(schema=self.schema, name=name), fields=fields, key=(0,))

    def load(self, table: Relation, blocks: Iterable[bytes]) -> int:
        with self.database.engine().begin() as connection:
            return Loader(self.database).load(connection, table, blocks)


@pytest.fixture(params=SERVERS)
def target(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Target]:
    server = request.getfixturevalue(request.param)
    schema = mysql_database(server)
    plain = mysql_connection(server, schema)
    yield Target(
        database=every_kind.mysql_endpoint(server), schema=schema, plain=plain, mysql=request.param == "mysql_server"
    )
    plain.close()


@pytest.fixture(params=[True, False], ids=["infile", "insert"])
def lane(request: pytest.FixtureRequest, target: Target) -> Iterator[Target]:
    """With and without LOAD DATA LOCAL."""
    target.sql(f"set global local_infile = {int(request.param)}")
    yield target
    target.sql("set global local_infile = 1")


INT = ("int", kinds.Int(bits=32))
TEXT = ("longtext", kinds.Text())
BLOB = ("longblob", kinds.Bytes())


def test_every_kind_arrives_as_it_was(lane: Target, mysql_database: Callable[..., str], request: Any) -> None:
    samples = every_kind.MYSQL if lane.mysql else every_kind.MARIADB
    count = every_kind.fill_source(lane.plain, samples)
    source, _ = every_kind.relations(samples, lane.schema, "")
    there = TableName(schema=lane.schema, name="copied")
    lane.sql(f"create table copied like {every_kind.mysql_quote(every_kind.NAME)}")
    table = Relation(number=0, name=there, fields=source.fields, key=(0,))
    reader = SnapshotReader(lane.database)
    assert copy(lambda sink: reader.read(source, EVERYTHING, sink), lambda b: lane.load(table, b)).rows == count
    names = [field.name for field in source.fields]
    for name in names[1:]:  # compared by the server, byte by byte
        key, column = map(every_kind.mysql_quote, (names[0], name))
        same = f"hex(a.{column}) <=> hex(b.{column})" if name != "json" else f"a.{column} <=> b.{column}"
        found = lane.sql(
            f"select count(*) from {every_kind.mysql_quote(every_kind.NAME)} a join copied b on a.{key} = b.{key}"
            f" where {same}"
        )
        assert found == [(count,)], name
    with Viewer(lane.database).view() as view:
        left, right = (sorted(view.rows(r, EVERYTHING), key=itemgetter(0)) for r in (source, table))
        assert left == right
        assert len(left) == count


AWKWARD = (
    b"", b" ", b"\0", b"a\0b", b"\\", b"\\N", b"N", b"\t", b"\n", b"\r", b"\r\n", b"\\n", b"\\t\\", b"\x1a", b"\x08",
    b"\x0b\x0c", b"\\v\\f\x0b", b"'", b'"', b"`", b"%s", b";", "☃😀é".encode(), b"x" * 70_000, b"\\" * 70_000,
)  # fmt: skip


def test_awkward_texts_and_bytes_arrive_as_they_were(lane: Target) -> None:
    table = lane.table(INT, TEXT, BLOB)
    given: list[tuple[bytes, bytes | None, bytes | None]] = [
        (b"%d" % number, text, b"\\x" + text.hex().encode()) for number, text in enumerate(AWKWARD)
    ]
    given.append((b"-1", None, None))
    assert lane.load(table, [line(row) for row in given]) == len(given)
    found = lane.sql("select cast(a as char), cast(b as binary), c from t order by a")
    assert sorted(found) == sorted(
        (a.decode(), b, None if c is None else bytes.fromhex(c[2:].decode())) for a, b, c in given
    )


def test_other_engines_write_other_escapes(lane: Target, postgres_target_server: Any, postgres_database: Any) -> None:
    r"""PostgreSQL's \b, \f and \v, the latter two unknown here."""
    name = postgres_database(postgres_target_server)
    source = postgres_connection(postgres_target_server, name)
    texts = ["\b\f\v", "\\f\f", "\\\\v", "f\\", "\x0b"]
    rows(source, "create table t (a int primary key, b text)")
    rows(source, "insert into t select n, b from unnest(%s) with ordinality u (b, n)", (texts,))
    table = lane.table(INT, TEXT)
    there = Relation(number=0, name=TableName(schema="public", name="t"), fields=table.fields, key=(0,))
    reader = PostgresReader(every_kind.postgres_endpoint(postgres_target_server, name))
    copied = copy(lambda sink: reader.read(there, EVERYTHING, sink), lambda blocks: lane.load(table, blocks))
    assert copied.rows == len(texts)
    assert lane.sql("select b from t order by a") == [(text,) for text in texts]


def test_blocks_may_end_anywhere(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landbridge.endpoints.mysql.load._CHUNK", 100)
    table = target.table(INT, TEXT)
    texts = [b"\x0b\\f" * (number % 7) + "ü".encode() for number in range(200)]
    whole = b"".join(line((b"%d" % number, text)) for number, text in enumerate(texts)).replace(b"\x0b", b"\\v")
    blocks, sizes, place = [], cycle((1, 2, 3, 5, 7, 11, 150, 0)), 0
    while place < len(whole):
        size = next(sizes)
        blocks.append(whole[place : place + size])
        place += size
    assert target.load(table, blocks) == 200
    assert target.sql("select cast(b as binary) from t order by a") == [(text,) for text in texts]


def test_a_value_may_be_longer_than_a_packet(target: Target) -> None:
    """LOAD DATA is not bound by it; the INSERT lane is, and says so."""
    table = target.table(INT, TEXT, BLOB)
    size = 3 << 20
    lines = [b"1\t", b"x" * size, b"\t\\N\n2\t\\N\t\\\\x", b"61" * size, b"\n"]
    packet = target.sql("select @@global.max_allowed_packet")[0][0]
    target.sql("set global max_allowed_packet = 1048576")
    try:
        assert target.load(table, lines) == 2
        assert target.sql("select length(b), length(c) from t order by a") == [(size, None), (None, size)]
        target.sql("set global local_infile = 0")
        with pytest.raises(RowRejected, match=r"row 1 .* max_allowed_packet, 1048576"):
            target.load(table, lines)
    finally:
        target.sql("set global local_infile = 1")
        target.sql(f"set global max_allowed_packet = {packet}")


BENT: dict[str, tuple[tuple[str, kinds.Kind], bytes, str]] = {
    "a text that is too long": (("varchar(3)", kinds.Text(length=3)), b"secret", "1406"),
    "blanks that are too many": (("varchar(3)", kinds.Text(length=3)), b"s     ", "1265"),
    "a number that is too large": (("tinyint", kinds.Int(bits=8)), b"300", "1264"),
    "a number that is none": (("int", kinds.Int(bits=32)), b"secret", "1366"),
    "a number that is nothing": (("int", kinds.Int(bits=32)), b"", "1366"),
    "digits that are too many": (("decimal(5,2)", kinds.Decimal(precision=5, scale=2)), b"1.005", "1265"),
    "NaN": (("double", kinds.Float(bits=64)), b"NaN", "1265|1366"),
    "infinity": (("double", kinds.Float(bits=64)), b"Infinity", "1265|1366"),
    "an endless time": (("datetime", kinds.Timestamp()), b"infinity", "1292"),
    "a time before Christ": (("datetime", kinds.Timestamp()), b"0044-03-15 00:00:00 BC", "1292|1265"),
    "a date before Christ": (("date", kinds.Date()), b"0044-03-15 BC", "1292|1265"),
    "an instant out of range": (("timestamp null", kinds.TimestampTz()), b"1969-12-31 00:00:00+00", "1292"),
    "a zone": (("datetime", kinds.TimestampTz()), b"2001-02-03 04:05:06+01", "1292|1265"),
    "no such day": (("date", kinds.Date()), b"2023-02-32", "1292"),
    "an unknown label": (("enum('a','b')", kinds.Enum(labels=("a", "b"))), b"secret", "1265"),
    "an unknown label of a set": (("set('a','b')", kinds.Set(labels=("a", "b"))), b"a,secret", "1265"),
    "bits that are too many": (("bit(3)", kinds.Bit(length=3)), b"1000", "1406"),
    "no JSON": (("json", kinds.Json()), b"{secret", "3140|4025"),
    "bytes that are too many": (("varbinary(2)", kinds.Bytes(length=2)), b"\\x616263", "1406"),
    "no UTF-8": (("varchar(9)", kinds.Text(length=9)), b"\xff\xfe", "1366|1300"),
    "another charset's": (("varchar(9) character set latin1", kinds.Text(length=9)), "漢".encode(), "1366|3854"),
    "NULL": (("int not null", kinds.Int(bits=32)), b"", "1048|1263"),
    "half a geometry": (("geometry", kinds.Geometry()), b"010100000000000000", "1416"),
    "a duplicate": (("int unique", kinds.Int(bits=32)), b"0", "1062"),
}


def test_what_would_be_bent_is_refused_with_its_row(lane: Target) -> None:
    for number, (what, (column, value, error)) in enumerate(BENT.items()):
        table = lane.table(INT, column, name=f"t{number}")
        good = b"0" if what == "a duplicate" else b"\\N" if what != "NULL" else b"5"
        bad = b"\\N" if what == "NULL" else value.replace(b"\\", b"\\\\")
        lines = [b"1\t" + good, b"2\t" + (good if what != "a duplicate" else b"1"), b"3\t" + bad, b""]
        with pytest.raises(RowRejected) as refused:
            lane.load(table, [b"\n".join(lines)])
        assert re.search(rf"{lane.schema}.t{number}: row 3 .*error ({error})", str(refused.value)), what
        assert "secret" not in str(refused.value)
        assert lane.sql(f"select count(*) from t{number}") == [(0,)], what


def test_the_row_is_counted_over_all_chunks(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landbridge.endpoints.mysql.load._CHUNK", 1000)
    table = target.table(INT, ("varchar(5)", kinds.Text(length=5)))
    good = [b"%d\tx\n" % number for number in range(5000)]
    with pytest.raises(RowRejected, match=r"row 3002 of the segment was refused .*column b: error 1406"):
        target.load(table, [*good[:3001], b"9999\tsecret\n", *good[3001:]])


def test_a_table_of_another_shape_is_refused(target: Target) -> None:
    """Too few fields and too many are but warnings to LOAD DATA."""
    table = target.table(INT, TEXT)
    for wrong in (b"1\n", b"1\tx\ty\n"):
        with pytest.raises(Exception, match=r"zip|argument|refused"):
            target.load(table, [wrong])
        assert target.sql("select count(*) from t") == [(0,)]


def test_zero_is_no_request_for_a_number(lane: Target) -> None:
    table = lane.table(INT, TEXT, key="auto_increment primary key")
    assert lane.load(table, [b"0\tzero\n5\t\\N\n"]) == 2
    assert lane.sql("select a from t order by a") == [(0,), (5,)]


@pytest.mark.parametrize("when", [0, 1, 3])
def test_a_reader_that_fails_leaves_nothing_and_a_session_that_works(target: Target, when: int) -> None:
    table = target.table(INT, TEXT)

    def blocks() -> Iterator[bytes]:
        for number in range(when):
            yield b"%d\tx\n%d" % (number, number + 100)
            yield b"\tsome\n"
        raise Transient("the source is gone", mend="")

    with target.database.engine().connect() as connection:
        with pytest.raises(Transient, match="the source is gone"), connection.begin():
            Loader(target.database).load(connection, table, blocks())
        with connection.begin():
            assert Loader(target.database).load(connection, table, [b"7\tx\n"]) == 1
    assert target.sql("select a from t") == [(7,)]


def test_what_came_before_in_the_transaction_stays(target: Target) -> None:
    """The ledger's line, whatever lane the rows take after it."""
    table = target.table(INT, ("varchar(3)", kinds.Text(length=3)))
    target.sql("create table before_it (a int)")
    with target.database.engine().begin() as connection:
        connection.exec_driver_sql(f"insert into {target.schema}.before_it values (1)")
        with pytest.raises(RowRejected):
            Loader(target.database).load(connection, table, [b"1\tlong!\n"])
        assert Loader(target.database).load(connection, table, [b"2\tx\n"]) == 1
    assert target.sql("select a from before_it union all select a from t") == [(1,), (2,)]


def test_a_server_cannot_ask_for_a_file(target: Target, tmp_path: Any) -> None:
    """The session may LOAD DATA LOCAL, but nothing that the server asks for is ever opened."""
    (tmp_path / "lines").write_bytes(b"1\tstolen\n")
    target.table(INT, TEXT)
    with target.database.engine().connect() as connection:
        driver: Any = connection.connection.driver_connection
        with pytest.raises(RuntimeError, match="local_infile"), driver.cursor() as cursor:
            cursor.execute(f"load data local infile '{tmp_path}/lines' into table {target.schema}.t")
        connection.invalidate()
    assert target.sql("select count(*) from t") == [(0,)]


def test_the_numbers_are_read_in_any_language(target: Target) -> None:
    table = target.table(INT, TEXT)
    connection = target.database.open()
    rows(connection, "set lc_messages = 'de_DE'")
    taken = infile.load(connection, table, [b"1\tx\n1\ty\n2\tz\n"], mariadb=not target.mysql)
    assert (taken.records, taken.rows, taken.skipped, taken.warnings) == (3, 2, 1, 1)
    assert not taken.whole(3)
    with pytest.raises(pymysql.err.MySQLError):
        infile.load(connection, Relation(number=0, name=TableName(schema="no", name="no"), fields=table.fields, key=()),
                    [b"1\tx\n"], mariadb=not target.mysql)  # fmt: skip
    connection.close()


def test_zero_and_partial_dates_stay_what_they_are_within_the_family(lane: Target) -> None:
    stamp, moment = ("timestamp(2) null", kinds.TimestampTz(fsp=2)), ("datetime", kinds.Timestamp())
    table = lane.table(INT, ("date", kinds.Date()), moment, stamp)
    zero = b"0000-00-00\t0000-00-00 00:00:00\t0000-00-00 00:00:00.00+00"
    assert lane.load(table, [b"1\t" + zero + b"\n2\t2024-00-10\t2024-02-00 10:00:00\t\\N\n"]) == 2
    found = lane.sql("select cast(b as char), cast(c as char), cast(d as char) from t order by a")
    assert found == [
        ("0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.00"),
        ("2024-00-10", "2024-02-00 10:00:00", None),
    ]


def test_every_number_keeps_its_bits(target: Target) -> None:
    chance = random.Random(5)
    doubles = [struct.unpack(">d", chance.randbytes(8))[0] for _ in range(3000)]
    doubles = [value for value in doubles if value - value == 0] + [
        5e-324,
        1.7976931348623157e308,
        0.1,
        1e15,
        1e16,
        1e22,
    ]
    singles = [struct.unpack(">f", chance.randbytes(4))[0] for _ in range(3000)]
    singles = [value for value in singles if value - value == 0] + [1.401298464324817e-45, 3.4028234663852886e38]
    count = min(len(doubles), len(singles))
    pairs = list(zip(doubles[-count:], singles[-count:], strict=True))
    table = target.table(INT, ("double", kinds.Float(bits=64)), ("float", kinds.Float(bits=32)))
    lines = [line((b"%d" % place, real(d), real(s))) for place, (d, s) in enumerate(pairs)]
    assert target.load(table, lines) == count
    with Viewer(target.database).view() as view:
        found = sorted((int(a or b""), float(d or b""), float(s or b"")) for a, d, s in view.rows(table, EVERYTHING))
    assert [(d, s) for _, d, s in found] == pairs
