"""The stream of changes from real MySQL and MariaDB servers, against what the servers themselves say."""

import contextlib
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pymysql
import pytest

from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.mysql.catalog import Describer
from landbridge.endpoints.mysql.changes import ChangeLog
from landbridge.endpoints.mysql.connection import Database
from landbridge.endpoints.mysql.expressions import canonical
from landbridge.errors import PositionLost, SchemaDrift, Transient, Unsupported
from landbridge.model import DELETE, INSERT, TRUNCATE, UPDATE, ColumnMap, Position, TableMap, Transaction
from landbridge.plan import EndpointRef
from tests.support import mysql_connection, rows

SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A database on a server, and the log of it."""

    server: mysql.Server
    name: str
    connection: Any

    @property
    def database(self) -> Database:
        server = self.server
        ref = EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user, tls="disable")
        return Database(ref)

    @property
    def log(self) -> ChangeLog:
        return ChangeLog(self.database)

    @property
    def mariadb(self) -> bool:
        return Database.is_mariadb(self.connection)

    def run(self, *statements: str) -> None:
        for statement in statements:
            rows(self.connection, statement)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.connection, sql)

    def plan(self, *names: str) -> list[TableMap]:
        found = {table.name.name: table for table in Describer(self.database).describe([self.name]).tables}
        return [_planned(number, found[name]) for number, name in enumerate(names)]

    def read(self, since: Position, tables: list[TableMap], until: Position | None = None) -> list[Transaction]:
        """All transactions up to the log's end, without heartbeats."""
        end = until or self.log.here()
        found = []
        with self.log.stream("test", since, tables) as stream:
            for transaction in stream:
                if transaction.changes:
                    found.append(transaction)
                if transaction.last and transaction.position >= end:
                    return found
        raise AssertionError("the stream ended")

    def changes(self, since: Position, tables: list[TableMap]) -> list[Any]:
        return [change for transaction in self.read(since, tables) for change in transaction.changes]


def _planned(number: int, table: Any) -> TableMap:
    columns = tuple(ColumnMap(source=column, target=column) for column in table.columns if not column.generated)
    return TableMap(number=number, source=table, target=table, columns=columns)


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    server = request.getfixturevalue(request.param)
    name = mysql_database(server)
    with contextlib.closing(mysql_connection(server, name)) as connection:
        yield Source(server=server, name=name, connection=connection)


# --- values ----------------------------------------------------------------------------------------------------------

COMMON = {
    "tinyint": ["-128", "0", "127"],
    "tinyint unsigned": ["0", "255"],
    "smallint": ["-32768", "32767"],
    "smallint unsigned": ["65535"],
    "mediumint": ["-8388608", "-1", "8388607"],
    "mediumint unsigned": ["0", "16777215"],
    "int": ["-2147483648", "2147483647"],
    "int unsigned": ["4294967295"],
    "int(5) unsigned zerofill": ["7", "123456"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "bigint unsigned": ["0", "18446744073709551615"],
    "tinyint(1)": ["0", "1"],
    "bit(1)": ["b'0'", "b'1'"],
    "bit(13)": ["b'0'", "b'1000000000001'"],
    "bit(64)": ["b'1'", "18446744073709551615"],
    "decimal(12,2)": ["0", "-0.01", "9999999999.99", "-9999999999.99", "12.3"],
    "decimal(1,0)": ["-9", "0", "9"],
    "decimal(3,3)": ["-0.999", "0.001"],
    "decimal(9,9)": ["0.123456789", "-0.000000001"],
    "decimal(18,9)": ["123456789.987654321", "-1"],
    "decimal(65,30)": ["12345678901234567890123456789012345.123456789012345678901234567891", "-1e-30"],
    "decimal(65,0) unsigned": ["99999999999999999999999999999999999999999999999999999999999999999"],
    "decimal(20,10) unsigned zerofill": ["1.5"],
    "date": ["'0000-00-00'", "'2024-00-10'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'", "'0001-01-01'"],
    "datetime": ["'0000-00-00 00:00:00'", "'2024-00-10 01:02:03'", "'9999-12-31 23:59:59'", "'2024-02-29 00:00:00'"],
    "datetime(1)": ["'2024-01-02 03:04:05.6'", "'2024-01-02 03:04:05'"],
    "datetime(2)": ["'2024-01-02 03:04:05.06'"],
    "datetime(3)": ["'2024-01-02 03:04:05.067'"],
    "datetime(4)": ["'2024-01-02 03:04:05.0678'"],
    "datetime(5)": ["'2024-01-02 03:04:05.06789'"],
    "datetime(6)": ["'2024-01-02 03:04:05.067891'", "'0000-00-00 00:00:00.000001'"],
    "timestamp null": ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    "timestamp(1) null": ["'2024-03-31 01:02:03.4'"],
    "timestamp(3) null": ["'2024-03-31 01:02:03.456'", "'0000-00-00 00:00:00'"],
    "timestamp(6) null": ["'2024-03-31 01:02:03.456789'", "'1970-01-01 00:00:01.000001'"],
    "time": ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"],
    "time(1)": ["'-00:00:00.1'", "'01:02:03.9'"],
    "time(2)": ["'-01:00:00.01'", "'-00:00:59.99'"],
    "time(3)": ["'-00:00:00.125'", "'100:00:00.001'"],
    "time(4)": ["'-00:00:00.0001'", "'-02:03:04.9999'"],
    "time(5)": ["'-00:00:00.00001'"],
    "time(6)": ["'-838:59:58.999999'", "'-00:00:00.000001'", "'838:59:58.999999'"],
    "year": ["0", "1901", "2155", "2024"],
    "float unsigned": ["0", "3.4e38", "0.1"],
    "float(7,2)": ["-99999.99", "0.1"],
    "double(10,3)": ["-1234567.125"],
    "char(10)": ["''", "'a'", "'a  '", "'äöü😀'", r"'tab\t\\'"],
    "char(200)": ["'x'", "repeat('😀', 200)"],
    "varchar(20)": ["''", "'a  '", r"'\0\n\r\t\\\''", "'é中😀'"],
    "varchar(300)": ["repeat('é', 300)"],
    "varchar(20) character set latin1": ["'äö€'", "x'818d8f909d'", "'abc'"],
    "varchar(20) character set latin2": ["'Łódź'"],
    "varchar(20) character set koi8r": ["'Привет'"],
    "varchar(20) character set swe7": ["'[\\]{}ÅÄÖ'"],
    "varchar(20) character set gbk": ["'中文a字'", "x'a2a1'"],
    "varchar(20) character set big5": ["'中文a字'", "x'a145'"],
    "varchar(20) character set sjis": ["'日本語ｱ表'"],
    "varchar(20) character set cp932": ["'日本語ｱ①～'"],
    "varchar(20) character set euckr": ["'한국어a'"],
    "varchar(20) character set ujis": ["'日本語ｱ'", "x'8fb0a1'"],
    "varchar(20) character set eucjpms": ["'日本語ｱ①'"],
    "varchar(20) character set ucs2": ["'a中é'", "''"],
    "char(20) character set ucs2": ["'a中  '"],
    "varchar(20) character set utf16": ["'a中😀'"],
    "char(5) character set utf16": ["'a😀'"],
    "varchar(20) character set utf16le": ["'a中😀'"],
    "varchar(20) character set utf32": ["'a中😀'"],
    "varchar(20) character set utf8mb3": ["'a中é'"],
    "varchar(20) character set ascii": ["'abc'"],
    "tinytext": ["'x'", "repeat('y', 255)"],
    "text": ["repeat('é', 20000)"],
    "mediumtext": ["repeat('z', 70000)"],
    "longtext character set utf16": ["repeat('ü', 70000)"],
    "binary(4)": ["x'00000000'", "x'41000000'", "x'00000001'", "x'41424344'", "x'2020'"],
    "binary(255)": ["x'01'"],
    "varbinary(4)": ["''", "x'0000'", "x'20'", "x'ff0920'"],
    "varbinary(300)": ["repeat(x'00', 300)"],
    "tinyblob": ["x'00'"],
    "blob": ["''", "x'00ff5c090a0d'"],
    "mediumblob": ["repeat(x'ab', 70000)"],
    "longblob": ["x'de'"],
    "enum('a','b''c','ü,','')": ["'a'", "'b''c'", "'ü,'", "''", "4"],
    "enum('ä','ö') character set latin1": ["'ö'"],
    "set('x','y','ü') character set utf8mb4": ["''", "'x'", "'ü,x'", "7"],
    "set('ä','z') character set latin1": ["'z,ä'"],
    "json": ["'{\"a\": [1, 2.5, null, true], \"é\": \"\\\\u0000\"}'", "'[]'", "'\"x\"'", "'1.0'"],
}  # fmt: skip

MANY = "'" + "','".join(f"l{number}" for number in range(300)) + "'"
LONG_SET = "'" + "','".join(f"m{number}" for number in range(64)) + "'"
COMMON |= {f"enum({MANY})": ["'l0'", "'l299'"], f"set({LONG_SET})": ["'m0,m63'", "18446744073709551615"]}

ON_MARIADB = {
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426614174000'",
             "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'018f4e5e-1234-7abc-8def-000000000001'"],
    "inet6": ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.128'", "'::192.0.2.1'", "'1:0:0:2:0:0:0:3'"],
    "inet4": ["'0.0.0.0'", "'255.255.255.0'"],
    "varchar(300) compressed": ["''", "'short'", "repeat('é', 300)"],
    "text compressed character set latin1": ["repeat('ä', 5000)"],
    "mediumblob compressed": ["repeat(x'00ff', 50000)", "x''"],
    "varbinary(200) compressed": ["repeat(x'07', 200)"],
}  # fmt: skip

LOOSE = "set session sql_mode = 'ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'"


def test_every_type_reads_as_the_server_prints_it(source: Source) -> None:
    types = COMMON | (ON_MARIADB if source.mariadb else {"varchar(20) character set gb18030": ["'中文😀a'"]})
    columns = [f"c{number} {_nullable(type)}" for number, type in enumerate(types)]
    source.run(LOOSE, f"create table t (id int primary key, {', '.join(columns)}) row_format=dynamic")
    since, tables = source.log.here(), source.plan("t")
    values = list(types.values())
    for row in range(max(map(len, values)) + 1):
        fields = [each[row] if row < len(each) else "null" for each in values]
        source.run(f"insert into t values ({row}, {', '.join(fields)})")
    found = {change[3][0]: change[3] for change in source.changes(since, tables)}
    wanted = _as_selected(source, tables[0])
    assert found.keys() == wanted.keys()
    assert _differences(["int", *types], found, wanted) == []


def _nullable(type: str) -> str:
    return type if type.startswith("timestamp") else f"{type} null" if "set " not in type else type


def _differences(types: list[str], found: dict[bytes, Any], wanted: dict[bytes, Any]) -> list[tuple[Any, ...]]:
    return [
        (type, seen, real)
        for key in wanted
        for type, seen, real in zip(types, found[key], wanted[key], strict=True)
        if seen != real and not (type.startswith(("float", "double")) and seen and float(seen) == float(real))
    ]


def _as_selected(source: Source, table: TableMap) -> dict[bytes, tuple[bytes | None, ...]]:
    fields = table.source_side.fields
    expressions = [f"if(`{field.name}` is null, null, hex(concat({canonical(field)}, '')))" for field in fields]
    found = source.ask(f"select {', '.join(expressions)} from `{table.source.name.name}`")
    texts = [tuple(None if text is None else bytes.fromhex(text) for text in row) for row in found]
    return {row[0]: row for row in texts}


# --- transactions ----------------------------------------------------------------------------------------------------


def test_changes_come_by_transaction_in_commit_order(source: Source) -> None:
    source.run("create table a (id int primary key, v varchar(9))", "create table b (id int primary key, a int)")
    since, tables = source.log.here(), source.plan("a", "b")
    source.run("insert into a values (1, 'x'), (2, null)")
    source.run("begin", "insert into b values (7, 1)", "update a set v = 'y' where id = 2", "delete from b", "commit")
    source.run("begin", "insert into a values (3, 'never')", "rollback")
    source.run("update a set id = id + 10, v = 'k' where id = 1", "update a set v = v", "delete from a where id = 2")
    assert [transaction.changes for transaction in source.read(since, tables)] == [
        [(INSERT, 0, None, (b"1", b"x")), (INSERT, 0, None, (b"2", None))],
        [(INSERT, 1, None, (b"7", b"1")), (UPDATE, 0, None, (b"2", b"y")), (DELETE, 1, (b"7",), None)],
        [(UPDATE, 0, (b"1",), (b"11", b"k"))],
        [(DELETE, 0, (b"2",), None)],
    ]


def test_savepoints_undo_what_follows_them(source: Source) -> None:
    source.run("create table a (id int primary key) engine = innodb")
    since, tables = source.log.here(), source.plan("a")
    source.run("begin", "insert into a values (1)", "savepoint s", "insert into a values (2)", "rollback to s")
    source.run("insert into a values (3)", "savepoint `t`", "insert into a values (4)", "release savepoint t", "commit")
    assert [change[3] for change in source.changes(since, tables)] == [(b"1",), (b"3",), (b"4",)]


def test_a_table_without_transactions_keeps_what_a_rollback_undoes(source: Source) -> None:
    if not source.mariadb:
        pytest.skip("the server forbids it: GTIDs are enforced")
    source.run("create table a (id int primary key)", "create table m (id int primary key) engine = myisam")
    since, tables = source.log.here(), source.plan("a", "m")
    assert [table.source.transactional for table in tables] == [True, False]
    source.run("begin", "insert into a values (1)", "insert into m values (1)", "update m set id = 2", "rollback")
    source.run("insert into m values (5)")
    found = [[change[1:] for change in transaction.changes] for transaction in source.read(since, tables)]
    assert found == [[(1, None, (b"1",))], [(1, (b"1",), (b"2",))], [(1, None, (b"5",))]]


def test_a_trigger_that_writes_to_a_table_without_transactions(source: Source) -> None:
    engine = "myisam" if source.mariadb else "innodb"
    source.run(
        "create table film (id int primary key, title varchar(9))",
        f"create table film_text (id int primary key, title varchar(9)) engine = {engine}",
        "create trigger i after insert on film for each row insert into film_text values (new.id, new.title)",
        "create trigger u after update on film for each row update film_text set title = new.title where id = old.id",
    )
    since, tables = source.log.here(), source.plan("film", "film_text")
    source.run("begin", "insert into film values (1, 'a')", "update film set title = 'b'", "commit")
    found = source.changes(since, tables)
    assert [change for change in found if change[1] == 0] == [(0, 0, None, (b"1", b"a")), (1, 0, None, (b"1", b"b"))]
    assert [change for change in found if change[1] == 1] == [(0, 1, None, (b"1", b"a")), (1, 1, None, (b"1", b"b"))]


def test_keys_and_generated_columns(source: Source) -> None:
    source.run(
        "create table k (g int as (b * 2) virtual, b int, t varchar(9), s int as (b + 1) stored, a varchar(3),"
        " h text, primary key (a, b), unique (h(20)))"
    )
    since, tables = source.log.here(), source.plan("k")
    source.run("insert into k (a, b, t) values ('x', 1, 'y')", "update k set t = 'z'", "update k set a = 'X'")
    source.run("delete from k")
    assert tables[0].key == (2, 0)
    assert source.changes(since, tables) == [
        (INSERT, 0, None, (b"1", b"y", b"x", None)),
        (UPDATE, 0, None, (b"1", b"z", b"x", None)),
        (UPDATE, 0, (b"x", b"1"), (b"1", b"z", b"X", None)),
        (DELETE, 0, (b"X", b"1"), None),
    ]


def test_hidden_columns_of_the_server(source: Source) -> None:
    if source.mariadb:
        source.run("create table h (id int primary key, t text, unique (t))")
    else:
        source.run("create table h (id int primary key, t text, index ((id * 2)), v int invisible)")
    since, tables = source.log.here(), source.plan("h")
    source.run("insert into h (id, t) values (1, 'x')", "update h set t = 'y'")
    more = () if source.mariadb else (None,)
    assert source.changes(since, tables) == [(0, 0, None, (b"1", b"x", *more)), (1, 0, None, (b"1", b"y", *more))]


def test_a_table_without_key_carries_whole_rows(source: Source) -> None:
    source.run("set session sql_require_primary_key = off") if not source.mariadb else None
    source.run("create table n (a int, b varchar(9))")
    since, tables = source.log.here(), source.plan("n")
    source.run("insert into n values (1, 'x'), (1, 'x')", "update n set b = null limit 1", "delete from n where b = 'x'")
    assert source.changes(since, tables)[2:] == [
        (UPDATE, 0, (b"1", b"x"), (b"1", None)),
        (DELETE, 0, (b"1", b"x"), None),
    ]


def test_row_images_without_all_columns(source: Source) -> None:
    source.run("create table p (id int primary key, a int, b text, c int default 5)")
    since, tables = source.log.here(), source.plan("p")
    source.run("set session binlog_row_image = minimal", "insert into p (id, a) values (1, 2)")
    source.run("update p set a = 3", "update p set id = 9", "delete from p")
    source.run("set session binlog_row_image = noblob", "insert into p values (2, 2, 'x', 2)", "update p set a = 4")
    inserted, updated, moved, deleted, *noblob = source.changes(since, tables)
    assert inserted == (INSERT, 0, None, (b"1", b"2", ..., ...))
    assert updated == (UPDATE, 0, None, (b"1", b"3", ..., ...))
    assert moved == (UPDATE, 0, (b"1",), (b"9", ..., ..., ...))
    assert deleted == (DELETE, 0, (b"9",), None)
    assert noblob[-1] == (UPDATE, 0, None, (b"2", b"4", ..., b"2"))


def test_a_table_without_key_needs_whole_row_images(source: Source) -> None:
    source.run("create table n (a int not null unique, b text)")
    since, tables = source.log.here(), source.plan("n")
    source.run("insert into n values (1, 'x')", "set session binlog_row_image = minimal", "update n set a = 2")
    with pytest.raises(Unsupported, match="does not carry the row before it"):
        source.changes(since, tables)


def test_points_in_time_are_in_utc_whatever_the_session_says(source: Source) -> None:
    source.run("create table z (id int primary key, a timestamp null, b datetime)", "set session time_zone = '+05:00'")
    since, tables = source.log.here(), source.plan("z")
    source.run("insert into z values (1, '2024-06-01 03:00:00', '2024-06-01 03:00:00')")
    assert source.changes(since, tables)[0][3] == (b"1", b"2024-05-31 22:00:00+00", b"2024-06-01 03:00:00")


def test_commit_times_and_positions_grow(source: Source) -> None:
    source.run("create table a (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    before = time.time()
    for number in range(3):
        source.run(f"insert into a values ({number})")
    found = source.read(since, tables)
    assert all(before - 1 <= transaction.committed <= time.time() + 1 for transaction in found)
    positions = [since, *(transaction.position for transaction in found), source.log.here()]
    assert positions[:-1] == sorted(set(positions[:-1]))
    assert positions[-2] <= positions[-1]


# --- the log ----------------------------------------------------------------------------------------------------------


def test_resuming_at_any_transaction_gives_the_rest(source: Source) -> None:
    source.run("create table a (id int primary key, v int)", "create table other (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    for number in range(6):
        source.run("begin", f"insert into a values ({number}, 0)", f"insert into other values ({number})", "commit")
        source.run(f"insert into other values ({number + 100})", "update a set v = v + 1", "flush binary logs")
    source.run("analyze table a", "create table late (id int)")
    whole = source.read(since, tables)
    assert len(whole) == 12
    assert len({transaction.position.split(":")[0] for transaction in whole}) == 6
    last = whole[-1].position
    for number, transaction in enumerate(whole[:-1]):
        assert source.read(transaction.position, tables, until=last) == whole[number + 1 :]
    assert source.read(last, tables) == []


def test_an_idle_source_reaches_the_end_of_its_log_by_heartbeats(source: Source) -> None:
    source.run("create table a (id int primary key)")
    tables = source.plan("a")
    since = source.log.here()
    source.run("flush binary logs")
    with source.log.stream("test", since, tables) as stream:
        beats, began = iter(stream), time.monotonic()
        first = next(beats)
        while first.position < source.log.here():
            first = next(beats)
        second = next(beats)
    assert (first.changes, second.changes, first.last, second.last) == ([], [], True, True)
    assert first.position > since
    assert abs(second.committed - time.time()) < 2
    assert time.monotonic() - began < 5


def test_heartbeats_come_while_only_other_tables_change(source: Source) -> None:
    source.run("create table a (id int primary key)", "create table other (id int primary key auto_increment)")
    since, tables = source.log.here(), source.plan("a")
    stop = threading.Event()

    def write() -> None:
        with contextlib.closing(mysql_connection(source.server, source.name)) as connection:
            while not stop.is_set():
                rows(connection, "insert into other () values ()")
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with source.log.stream("test", since, tables) as stream:
            beats = iter(stream)
            times = []
            positions = []
            for _ in range(3):
                positions.append(next(beats).position)
                times.append(time.monotonic())
    finally:
        stop.set()
        writer.join()
    assert since < positions[0] < positions[1] < positions[2]
    assert times[2] - times[0] < 4


def test_a_large_transaction_comes_in_parts_and_little_memory(source: Source) -> None:
    source.run("create table big (id int primary key, v varchar(100), w int)")
    since, tables = source.log.here(), source.plan("big")
    digits = "(select 0 d union all select 1 union all select 2 union all select 3 union all select 4)"
    source.run("begin", f"insert into big select 1, 'x', 0 from {digits} x where d = 0")
    numbers = " + ".join(f"{5**power} * t{power}.d" for power in range(6))
    froms = ", ".join(f"{digits} t{power}" for power in range(6))
    source.run(f"insert into big select n + 2, repeat('x', 50), 1 from (select {numbers} n from {froms}) s")
    source.run("update big set w = 2", "commit")
    tracemalloc.start()
    operations, parts, end = [0, 0], [], source.log.here()
    with source.log.stream("test", since, tables) as stream:
        for transaction in stream:
            parts.append((transaction.last, transaction.position, len(transaction.changes)))
            for change in transaction.changes:
                operations[change[0]] += 1
            if transaction.last and transaction.position >= end:
                break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert operations == [15626, 15626]
    assert [last for last, _, _ in parts] == [False] * (len(parts) - 1) + [True]
    assert all(count < 12_000 for _, _, count in parts)
    positions = [position for _, position, _ in parts]
    assert since < positions[0] and positions == sorted(positions)
    assert len(parts) == 4
    assert peak < 10 << 20


def test_rows_of_more_than_sixteen_megabytes(source: Source) -> None:
    (before,) = source.ask("select @@global.max_allowed_packet")[0]
    source.run("create table huge (id int primary key, v longtext)", "set global max_allowed_packet = 100 << 20")
    since, tables = source.log.here(), source.plan("huge")
    try:
        with contextlib.closing(mysql_connection(source.server, source.name)) as connection:
            for size in (0xFFFFFF - 100, 0xFFFFFF, 20 << 20, 2 * 0xFFFFFF):
                rows(connection, f"insert into huge values ({size}, repeat('x', {size}))")
    finally:
        source.run(f"set global max_allowed_packet = {before}")
    found = source.changes(since, tables)
    assert [(int(new[0]), len(new[1])) for _, _, _, new in found] == [(n, n) for n in sorted(int(x[3][0]) for x in found)]
    assert len(found) == 4


def test_logs_with_and_without_checksums(source: Source) -> None:
    source.run("create table a (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    source.run("insert into a values (1)", "set global binlog_checksum = 'NONE'")
    middle = source.log.here()
    try:
        source.run("insert into a values (2)")
        assert [change[3] for change in source.changes(since, tables)] == [(b"1",), (b"2",)]
    finally:
        source.run("set global binlog_checksum = 'CRC32'")
    source.run("insert into a values (3)")
    assert [change[3] for change in source.changes(since, tables)] == [(b"1",), (b"2",), (b"3",)]
    assert [change[3] for change in source.changes(middle, tables)] == [(b"2",), (b"3",)]


def test_a_purged_position_is_lost(source: Source) -> None:
    source.run("create table a (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    source.run("flush binary logs", "flush binary logs")
    name = source.log.here().split(":")[2]
    for _ in range(50):  # MariaDB keeps a log until a background thread has noted that it is not needed
        source.run(f"purge binary logs to '{name}'")
        if len(source.ask("show binary logs")) == 1:
            break
        time.sleep(0.1)
    with pytest.raises(PositionLost, match="no longer has the position"):
        source.changes(since, tables)


def test_a_position_past_the_end_of_the_log_is_lost(source: Source) -> None:
    source.run("create table a (id int primary key)")
    number, offset, file = source.log.here().split(":")
    beyond = Position(f"{number}:{int(offset) + 100_000:012d}:{file}")
    with pytest.raises(PositionLost):
        source.read(beyond, source.plan("a"), until=source.log.here())


def test_a_position_inside_of_a_transaction_is_refused(source: Source) -> None:
    source.run("create table a (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    source.run("insert into a values (1)")
    (file, offset) = since.split(":")[2], int(since.split(":")[1])
    events = source.ask(f"show binlog events in '{file}' from {offset}")
    inside = next(end for _, _, kind, _, end, _ in events if kind in ("Gtid", "Table_map"))
    with pytest.raises(PositionLost, match="transaction"):
        source.changes(Position(f"{since.split(':')[0]}:{inside:012d}:{file}"), tables)


def test_a_lost_connection_is_transient(source: Source) -> None:
    source.run("create table a (id int primary key)")
    with source.log.stream("test", source.log.here(), source.plan("a")) as stream:
        transactions = iter(stream)
        next(transactions)
        dumps = "select id from information_schema.processlist where command like 'Binlog Dump%%'"
        for (session,) in source.ask(dumps):
            with contextlib.suppress(pymysql.Error):
                source.run(f"kill {session}")
        with pytest.raises(Transient):
            for _ in range(9):
                next(transactions)


def test_two_streams_do_not_throw_each_other_out(source: Source) -> None:
    source.run("create table a (id int primary key)")
    tables = source.plan("a")
    with source.log.stream("x", source.log.here(), tables) as one, source.log.stream("y", source.log.here(), tables) as two:
        first, second = iter(one), iter(two)
        next(first), next(second)
        registered = source.ask("show slave hosts" if source.mariadb else "show replicas")
        assert len({row[0] for row in registered}) >= 2
        source.run("insert into a values (1)")
        for stream in (first, second):
            assert any(next(stream).changes for _ in range(5))


# --- statements -------------------------------------------------------------------------------------------------------

HARMLESS = (
    "create table `t2` (`t` int primary key, foreign key (`t`) references t (id))",
    "create table copied as select * from t",
    "create table alike like t",
    "create temporary table t (x int)",
    "insert into t values (5)",
    "drop temporary table t",
    "create index i on t (v)",
    "alter table t add index j (v), add unique key u (id, v), auto_increment = 50, comment = 'x; drop table t'",
    "alter table t rename index j to `t`",
    "drop index i on t",
    "alter table t engine = innodb",
    "analyze table t",
    "optimize table t",
    "create view w as select * from t",
    "create trigger g before insert on t for each row set new.v = 1",
    "drop trigger g",
    "drop view w",
    "create procedure q() begin delete from t; end",
    "drop procedure q",
    "alter table copied add column t int, rename to copied2",
    "rename table copied2 to copied3, alike to copied2",
    "truncate table copied2",
    "truncate table `copied3` -- t",
    "drop table if exists copied2, /* t, */ copied3",
    "create table if not exists t (other int)",
)


def test_ddl_that_leaves_the_planned_tables_as_they_are(source: Source) -> None:
    source.run("create table t (id int primary key auto_increment, v int)")
    since, tables = source.log.here(), source.plan("t")
    source.run(*HARMLESS, "insert into t (id, v) values (1, 2)")
    assert source.changes(since, tables) == [(INSERT, 0, None, (b"1", b"2"))]


DRIFTING = {
    "alter table t add column w int": "ALTER TABLE",
    "alter table {db}.t modify v bigint, add index (v)": "ALTER TABLE",
    "/* c */ alter table `t` drop primary key, add primary key (id, v)": "ALTER TABLE",
    "drop index `PRIMARY` on t": "DROP INDEX",
    "rename table other to x, t to y": "RENAME TABLE",
    "alter table t rename to y": "ALTER TABLE",
    "drop table if exists other, t": "DROP TABLE",
    "create or replace table t (id int primary key)": "CREATE TABLE",
    "drop database {db}": "DROP DATABASE",
}


@pytest.mark.parametrize("statement", DRIFTING)
def test_ddl_that_changes_a_planned_table_is_a_stop(source: Source, statement: str) -> None:
    if "replace" in statement and not source.mariadb:
        pytest.skip("MariaDB only")
    source.run("create table t (id int primary key, v int not null)", "create table other (id int)")
    since, tables = source.log.here(), source.plan("t")
    source.run("insert into t values (1, 1)", statement.format(db=source.name))
    with pytest.raises(SchemaDrift, match=DRIFTING[statement]) as raised:
        source.changes(since, tables)
    assert f"{source.name}.t" in raised.value.found
    source.run(f"create database if not exists {source.name}")


def test_a_table_renamed_into_a_planned_name_is_a_stop(source: Source) -> None:
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    source.run("create table _t_new (id int primary key)", "rename table t to _t_old, _t_new to t")
    with pytest.raises(SchemaDrift, match="RENAME TABLE"):
        source.changes(since, tables)


def test_truncate_is_a_change(source: Source) -> None:
    source.run("create table t (id int primary key)", "create table u (id int primary key)")
    since, tables = source.log.here(), source.plan("u", "t")
    source.run("insert into t values (1)", "truncate table t", "insert into t values (1)", f"truncate {source.name}.`t`")
    found = [(operation, table) for operation, table, _, _ in source.changes(since, tables)]
    assert found == [(INSERT, 1), (TRUNCATE, 1), (INSERT, 1), (TRUNCATE, 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "alter table t add column x int first",
        "alter table t modify v int after w",
        "alter table t modify v int unsigned",
        "alter table t modify v bigint",
        "alter table t modify w varchar(9) character set latin1",
        "alter table t modify w varchar(10)",
        "alter table t modify e enum('b','a')",
        "alter table t modify d decimal(9,3)",
        "alter table t modify ts timestamp(3) null",
    ],
)
def test_a_table_altered_behind_the_logs_back_is_a_stop(source: Source, statement: str) -> None:
    source.run(
        "create table t (id int primary key, v int, w varchar(9), e enum('a','b'), d decimal(9,2), ts timestamp null)"
        " character set utf8mb4"
    )
    since, tables = source.log.here(), source.plan("t")
    source.run("set session sql_log_bin = off", statement, "set session sql_log_bin = on", "insert into t (id) values (1)")
    with pytest.raises(SchemaDrift, match=f"{source.name}.t"):
        source.changes(since, tables)


def test_changes_logged_as_statements_are_refused(source: Source) -> None:
    source.run("create table t (id int primary key)", "create database if not exists elsewhere_x")
    source.run("create table if not exists elsewhere_x.beat (id int)")
    since, tables = source.log.here(), source.plan("t")
    source.run("set session binlog_format = statement", "insert into elsewhere_x.beat values (1)")
    assert source.changes(since, tables) == []
    source.run("insert into t values (1)")
    with pytest.raises(Unsupported, match="as a statement") as raised:
        source.changes(since, tables)
    assert "binlog_format" in raised.value.mend
    source.run("drop database elsewhere_x")


def test_compressed_transactions_are_refused(source: Source) -> None:
    if source.mariadb:
        pytest.skip("MySQL only")
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    source.run("set session binlog_transaction_compression = on", "insert into t values (1)")
    with pytest.raises(Unsupported, match="compressed") as raised:
        source.changes(since, tables)
    assert "binlog_transaction_compression = OFF" in raised.value.mend


def test_partial_json_is_refused(source: Source) -> None:
    if source.mariadb:
        pytest.skip("MySQL only")
    source.run("create table t (id int primary key, j json)", "create table other (id int primary key, j json)")
    since, tables = source.log.here(), source.plan("t")
    source.run("set session binlog_row_value_options = partial_json", "set session binlog_row_image = minimal")
    for name in ("other", "t"):
        source.run(f"insert into {name} values (1, json_object('a', repeat('x', 500), 'b', 1))")
        if name == "t":
            assert len(source.changes(since, tables)) == 1
        source.run(f"update {name} set j = json_set(j, '$.b', 2)")
    with pytest.raises(Unsupported, match="partial update of JSON"):
        source.changes(since, tables)


def test_compressed_events_are_refused(source: Source) -> None:
    if not source.mariadb:
        pytest.skip("MariaDB only")
    source.run("create table t (id int primary key, v text)", "create table other (id int primary key, v text)")
    since, tables = source.log.here(), source.plan("t")
    try:
        source.run("set global log_bin_compress = on", "insert into other values (1, repeat('x', 5000))")
        assert source.changes(since, tables) == []
        source.run("insert into t values (1, repeat('x', 5000))")
    finally:
        source.run("set global log_bin_compress = off")
    with pytest.raises(Unsupported, match="compressed"):
        source.changes(since, tables)


def test_tables_described_without_names_are_refused(source: Source) -> None:
    source.run("create table t (id int primary key)", "create table other (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    try:
        source.run("set global binlog_row_metadata = minimal", "insert into other values (1)")
        assert source.changes(since, tables) == []
        source.run("insert into t values (1)")
    finally:
        source.run("set global binlog_row_metadata = full")
    with pytest.raises(Unsupported, match="without the names") as raised:
        source.changes(since, tables)
    assert "binlog_row_metadata = FULL" in raised.value.mend


def test_prepared_transactions(source: Source) -> None:
    source.run("create table t (id int primary key)", "create table other (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    source.run("xa start 'a'", "insert into other values (1)", "xa end 'a'", "xa prepare 'a'", "xa commit 'a'")
    source.run("xa start 'b'", "insert into t values (1)", "xa end 'b'", "xa commit 'b' one phase")
    source.run("xa start 'c'", "insert into other values (2)", "xa end 'c'", "xa prepare 'c'", "xa rollback 'c'")
    source.run("insert into t values (2)")
    assert [change[3] for change in source.changes(since, tables)] == [(b"1",), (b"2",)]
    source.run("xa start 'd'", "insert into t values (3)", "xa end 'd'", "xa prepare 'd'")
    try:
        with pytest.raises(Unsupported, match="prepared XA"):
            source.changes(since, tables)
    finally:
        source.run("xa rollback 'd'")


def test_every_kind_of_gtid_begins_a_transaction(source: Source) -> None:
    if source.mariadb:
        pytest.skip("MySQL only")
    source.run("create table t (id int primary key)")
    since, tables = source.log.here(), source.plan("t")
    try:
        source.run("set global gtid_mode = on_permissive", "set gtid_next = 'ANONYMOUS'", "insert into t values (1)")
        source.run("set gtid_next = 'AUTOMATIC:tagged'", "insert into t values (2)", "set gtid_next = 'AUTOMATIC'")
        source.run("insert into t values (3)")
        transactions = source.read(since, tables)
    finally:
        source.run("set gtid_next = 'AUTOMATIC'", "flush binary logs", "set global gtid_mode = on")
    assert [change[3] for each in transactions for change in each.changes] == [(b"1",), (b"2",), (b"3",)]
    assert all(abs(transaction.committed - time.time()) < 5 for transaction in transactions)


# --- where a stream begins --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _session(source: Source, *statements: str) -> Iterator[Any]:
    with contextlib.closing(mysql_connection(source.server, source.name)) as connection:
        for statement in statements:
            rows(connection, statement)
        yield connection


def test_settle_waits_for_writers_that_are_open(source: Source) -> None:
    source.run("create table t (id int primary key)")
    log, tables = source.log, source.plan("t")
    with _session(source, "begin", "insert into t values (1)") as writer:
        since = log.prepare("test", tables)
        with pytest.raises(Transient, match=f"session {writer.thread_id()}"):
            log.settle(since, 0.5)
        timer = threading.Timer(0.6, lambda: rows(writer, "commit"))
        timer.start()
        log.settle(since, 20)
        timer.join()
    assert source.ask("select count(*) from t") == [(1,)]
    assert [change[3] for change in source.changes(since, tables)] == [(b"1",)]


def test_settle_does_not_wait_for_readers_and_new_writers(source: Source) -> None:
    source.run("create table t (id int primary key)", "insert into t values (1)")
    log = source.log
    reader = _session(source, "set transaction isolation level repeatable read", "begin", "select * from t")
    with reader, _session(source, "begin", "insert into t values (2)") as old:
        waiting = threading.Thread(target=log.settle, args=(log.here(), 20))
        waiting.start()
        time.sleep(0.6)
        with _session(source, "begin", "insert into t values (3)"):
            rows(old, "rollback")
            waiting.join(5)
            assert not waiting.is_alive()


def test_settle_waits_for_prepared_transactions(source: Source) -> None:
    source.run("create table t (id int primary key)")
    source.run("xa start 'p'", "insert into t values (1)", "xa end 'p'", "xa prepare 'p'")
    try:
        with pytest.raises(Transient, match="XA transaction"):
            source.log.settle(source.log.here(), 0.3)
    finally:
        source.run("xa rollback 'p'")
    source.log.settle(source.log.here(), 10)
    source.log.release("test")
