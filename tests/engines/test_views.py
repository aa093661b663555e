"""Views: equal sums mean equal rows, and a snapshot's position is exact while others write."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import pytest

from landbridge import kinds
from landbridge.endpoints.mysql.expressions import hashed as mysql_hashed
from landbridge.endpoints.mysql.read import sessions as mysql_sessions
from landbridge.endpoints.mysql.snapshot import SnapshotReader as MysqlReader
from landbridge.endpoints.mysql.sums import Viewer as MysqlViewer
from landbridge.endpoints.mysql.sums import hash_of
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.expressions import hashed as postgres_hashed
from landbridge.endpoints.postgres.read import sessions as postgres_sessions
from landbridge.endpoints.postgres.snapshot import SnapshotReader as PostgresReader
from landbridge.endpoints.postgres.sums import Viewer as PostgresViewer
from landbridge.errors import Transient
from landbridge.model import EVERYTHING, Bounds, Field, ForeignKey, Relation, Sum, Table, TableName
from tests.engines import every_kind
from tests.engines.every_kind import KEY, NAME, mysql_endpoint, postgres_endpoint, postgres_quote
from tests.engines.test_load_lane import Lane, lane  # noqa: F401 - a fixture
from tests.support import mysql_connection, postgres_connection, rows

MYSQL_SERVERS = ("mariadb_server", "mariadb11_server", "mysql_server")
TEXT = kinds.Text()


@pytest.mark.parametrize("lane", ["mariadb11_server", "mysql_server"], indirect=True)
def test_a_change_of_any_column_changes_the_sum(lane: Lane) -> None:  # noqa: F811
    every_kind.fill_source(lane.source_driver, lane.samples)
    every_kind.make_target(lane.target_driver, lane.samples)
    source, target = lane.relations
    lane.load(source, target)
    table, key = postgres_quote(NAME), postgres_quote(KEY)
    rows(lane.target_driver, f"create table backup as select * from public.{table} where {key} = 1")

    def total() -> Sum:
        with PostgresViewer(lane.target).view() as view:
            return view.sum(target, Bounds(low=("0",), high=("2",)))

    before = total()
    assert before.rows == 2
    for sample in lane.samples:
        column = postgres_quote(sample.name)
        for change in (sample.other, "null"):
            rows(lane.target_driver, f"update public.{table} set {column} = {change} where {key} = 1")
            after = total()
            assert after.rows == before.rows
            assert after.checksum != before.checksum, (sample.name, change)
            restore = f"update public.{table} t set {column} = b.{column} from backup b where b.{key} = t.{key}"
            rows(lane.target_driver, restore)
        assert total() == before, sample.name


TRICKY = (None, "", "\\N", "\t", "a", "a\t", "\ta", "\t1", "1", "1\t1", "\n", "\\", "\t\t", "2", "a\t1\t1", "ü", "N")


def _tricky(connection: Any, schema: str, text: str) -> Relation:
    """Every pair of texts that could be taken for another pair if fields were joined carelessly. The key is apart."""
    rows(connection, f"create table tricky (id int primary key, a {text}, b {text}, c int)")
    with connection.cursor() as cursor:
        for number, (one, other) in enumerate(product(TRICKY, TRICKY)):
            cursor.execute("insert into tricky values (%s, %s, %s, null)", (number, one, other))
    one, other = (Field(name=name, kind=TEXT, native="text") for name in "ab")
    third = Field(name="c", kind=kinds.Int(bits=32), native="integer")
    return Relation(number=0, name=TableName(schema=schema, name="tricky"), fields=(one, third, other), key=())


@pytest.mark.parametrize("name", MYSQL_SERVERS)
def test_different_rows_have_different_hashes_and_equal_ones_the_same(
    request: pytest.FixtureRequest, mysql_database: Any, postgres_target_server: Any, postgres_database: Any, name: str
) -> None:
    server = request.getfixturevalue(name)
    schema, database = mysql_database(server), postgres_database(postgres_target_server)
    with closing(mysql_connection(server, schema)) as connection:
        relation = _tricky(connection, schema, "varchar(20) character set utf8mb4")
        theirs = [n for (n,) in rows(connection, f"select {mysql_hashed(relation)} from tricky order by id")]
        total = rows(connection, f"select sum({mysql_hashed(relation)}) from tricky")[0][0]
    assert theirs == [hash_of(relation, (_bytes(a), None, _bytes(b))) for a, b in product(TRICKY, TRICKY)]
    assert len(set(theirs)) == len(TRICKY) ** 2
    with MysqlViewer(mysql_endpoint(server)).view() as view:
        assert view.sum(relation, EVERYTHING) == Sum(rows=len(TRICKY) ** 2, checksum=sum(theirs) % 2**64)
        assert total == sum(theirs), "a sum of doubles would have lost digits"
    with closing(postgres_connection(postgres_target_server, database)) as connection:
        relation = _tricky(connection, "public", "text")
        ours = [n for (n,) in rows(connection, f"select {postgres_hashed(relation)} from tricky order by id")]
        plain = replace(relation, plain=True)
        own = [n for (n,) in rows(connection, f"select {postgres_hashed(plain)} from tricky order by id")]
    assert [n % 2**64 for n in ours] == theirs
    assert len(set(own)) == len(TRICKY) ** 2


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


DAMAGE = {
    "columns swapped in a row": "update tricky set a = b, b = a where id = 7",
    "values shifted by a row": "update tricky t set b = o.b from tricky o where o.id = (t.id + 1) % 289",
    "two rows' values swapped": "update tricky t set b = o.b from tricky o where t.id in (1, 2) and o.id = 3 - t.id",
    "a row lost": "delete from tricky where id = 17",
    "a row in another's place": "update tricky t set a = o.a, b = o.b from tricky o where t.id = 5 and o.id = 100",
    "null for an empty text": "update tricky set a = null where a = '' and b = 'ü'",
    "a blank at the end": "update tricky set a = a || ' ' where id = 250",
    "a row too many": "insert into tricky values (289, null, null, null)",
}


@pytest.mark.parametrize("plain", [False, True])
def test_damage_shows_in_the_sum(postgres_target_server: Any, postgres_database: Any, plain: bool) -> None:
    database = postgres_database(postgres_target_server)
    endpoint = postgres_endpoint(postgres_target_server, database)
    number = Field(name="id", kind=kinds.Int(bits=32), native="integer")
    with closing(postgres_connection(postgres_target_server, database)) as connection:
        relation = _tricky(connection, "public", "text")
        relation = replace(relation, fields=(*relation.fields, number), key=(3,), plain=plain)
        rows(connection, "create table backup as select * from tricky")
        with PostgresViewer(endpoint).view() as view:
            before = view.sum(relation, EVERYTHING)
        seen = {before}
        for what, sql in DAMAGE.items():
            rows(connection, sql)
            with PostgresViewer(endpoint).view() as view:
                found = view.sum(relation, EVERYTHING)
            assert found not in seen, what
            seen.add(found)
            rows(connection, "delete from tricky; insert into tricky select * from backup")
        with PostgresViewer(endpoint).view() as view:
            assert view.sum(relation, EVERYTHING) == before


def test_sums_of_ranges_make_the_whole(mysql_server: Any, mysql_database: Any) -> None:
    schema = mysql_database(mysql_server)
    with closing(mysql_connection(mysql_server, schema)) as connection:
        relation = _tricky(connection, schema, "varchar(20) character set utf8mb4")
    number = Field(name="id", kind=kinds.Int(bits=32), native="int")
    relation = replace(relation, fields=(*relation.fields, number), key=(3,))
    cuts = [None, ("3",), ("100",), ("101",), None]
    with MysqlViewer(mysql_endpoint(mysql_server)).view() as view:
        parts = [view.sum(relation, Bounds(low=low, high=high)) for low, high in pairwise(cuts)]
        whole = view.sum(relation, EVERYTHING)
    assert sum(part.rows for part in parts) == whole.rows == len(TRICKY) ** 2
    assert sum(part.checksum for part in parts) % 2**64 == whole.checksum


# --- exact positions --------------------------------------------------------------------------------------------------


class Writers:
    """Sessions that insert rows, some at a time, each transaction's rows with one number, until they are stopped."""

    def __init__(self, connect: Callable[[], Any], count: int = 3) -> None:
        self._stop = threading.Event()
        self._writing = threading.Semaphore(0)
        self._connect = connect
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(count)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            assert self._writing.acquire(timeout=60), "a writer could not begin"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        with closing(self._connect()) as connection:
            while not self._stop.is_set():
                rows(connection, "begin")
                rows(connection, f"insert into written (writer) values ({number}), ({number})")
                rows(connection, f"insert into noise values ({number})")
                rows(connection, f"insert into written (writer) values ({number})")
                rows(connection, "commit")
                self._writing.release()


@pytest.fixture(params=MYSQL_SERVERS)
def written(request: pytest.FixtureRequest, mysql_database: Any) -> Iterator[tuple[Any, str, Any]]:
    server = request.getfixturevalue(request.param)
    schema = mysql_database(server)
    with closing(mysql_connection(server, schema)) as connection:
        rows(connection, "create table written (id bigint auto_increment primary key, writer int)")
        rows(connection, "create table noise (writer int)")
        yield server, schema, connection


def _commits_up_to(connection: Any, start: tuple[str, int], position: str) -> int:
    _, offset, file = position.split(":", 2)
    assert file == start[0], "the log did not turn over"
    found = rows(connection, f"show binlog events in '{file}' from {start[1]}")
    return sum(1 for _, _, kind, _, end, _ in found if kind == "Xid" and end <= int(offset))


def _log_end(connection: Any) -> tuple[str, int]:
    mariadb = "MariaDB" in connection.get_server_info()
    found = rows(connection, "show master status" if mariadb else "show binary log status")[0]
    return str(found[0]), int(found[1])


def _written(schema: str, *, keyed: bool = True) -> Relation:
    fields = (
        Field(name="id", kind=kinds.Int(bits=64), native="bigint"),
        Field(name="writer", kind=kinds.Int(bits=32), native="int"),
    )
    return Relation(number=0, name=TableName(schema=schema, name="written"), fields=fields, key=(0,) if keyed else ())


def test_mysql_views_are_exact_under_load(written: tuple[Any, str, Any]) -> None:
    server, schema, connection = written
    start, relation, endpoint = _log_end(connection), _written(schema), mysql_endpoint(server)
    with Writers(lambda: mysql_connection(server, schema, autocommit=False)):
        for _ in range(8):
            with MysqlViewer(endpoint).view(exact=True) as view:
                time.sleep(0.05)
                assert view.position is not None
                found = view.sum(relation, EVERYTHING).rows
                assert found == 3 * _commits_up_to(connection, start, view.position)
                assert sum(1 for _ in view.rows(relation, EVERYTHING)) == found
    assert found > 0


def test_mysql_tables_without_a_key_are_read_at_an_exact_position(written: tuple[Any, str, Any]) -> None:
    server, schema, connection = written
    start, relation, endpoint = _log_end(connection), _written(schema, keyed=False), mysql_endpoint(server)
    with Writers(lambda: mysql_connection(server, schema, autocommit=False)):
        for _ in range(4):
            time.sleep(0.1)
            read = MysqlReader(endpoint).read(relation, EVERYTHING, lambda _: None)
            assert read.rows == 3 * _commits_up_to(connection, start, read.position)
    assert read.rows > 0


def test_mysql_reads_of_a_segment_err_high(written: tuple[Any, str, Any]) -> None:
    server, schema, connection = written
    start, relation, endpoint = _log_end(connection), _written(schema), mysql_endpoint(server)
    with Writers(lambda: mysql_connection(server, schema, autocommit=False)):
        for _ in range(8):
            read = MysqlReader(endpoint).read(relation, EVERYTHING, lambda _: None)
            assert read.rows <= 3 * _commits_up_to(connection, start, read.position)
            again = MysqlReader(endpoint).read_keys(relation, [(b"1",), (b"3",), (b"999999999",)])
            assert {row[0] for row in again.rows} <= {b"1", b"3"}
            assert again.position >= read.position
    found = [
        tuple(str(n).encode() for n in row) for row in rows(connection, "select * from written order by id limit 700")
    ]
    asked = [(key,) for key, _ in found] + [(b"999999999",)]
    assert len(found) > 3
    assert sorted(MysqlReader(endpoint).read_keys(relation, asked).rows) == sorted(found)


def test_a_long_statement_holds_up_a_mysql_view_and_is_named(
    mysql_server: Any, mysql_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_sessions, "PATIENCE", 1.0)
    schema = mysql_database(mysql_server)
    slow = mysql_connection(mysql_server, schema)
    session = rows(slow, "select connection_id()")[0][0]
    thread = threading.Thread(target=lambda: rows(slow, "select sleep(8)"))
    thread.start()
    try:
        time.sleep(2.5)
        with pytest.raises(Transient, match=str(session)), MysqlViewer(mysql_endpoint(mysql_server)).view(exact=True):
            pass
        with closing(mysql_connection(mysql_server, schema)) as other:
            rows(other, "create table still_open_for_writes (a int)")
            rows(other, f"kill query {session}")
    finally:
        thread.join()
        slow.close()


VERSIONS = ("15", "16", "17", "18")


@contextmanager
def _postgres_source(server: postgres.Server, database: str) -> Iterator[Any]:
    with closing(postgres_connection(server, database)) as connection:
        rows(connection, "create table written (id bigserial primary key, writer int)")
        rows(connection, "create table noise (writer int)")
        rows(connection, "select pg_create_logical_replication_slot('seen', 'test_decoding')")
        try:
            yield connection
        finally:
            rows(connection, "select pg_drop_replication_slot('seen')")


def _rows_up_to(connection: Any, position: str) -> int:
    """Rows of `written` that the log's transactions up to a position inserted; a COMMIT stands at its record's end."""
    log = rows(connection, "select lsn - '0/0'::pg_lsn, data from pg_logical_slot_peek_changes('seen', null, null)")
    total = pending = 0
    for end, data in log:
        pending += data.startswith("table public.written: INSERT")
        if data.startswith("COMMIT"):
            total += pending if int(end) <= int(position, 16) else 0
            pending = 0
    return total


@pytest.mark.parametrize("version", VERSIONS)
def test_postgres_views_are_exact_under_load(postgres_version: Any, postgres_database: Any, version: str) -> None:
    server = postgres_version(version)
    database = postgres_database(server)
    endpoint, relation = postgres_endpoint(server, database), _written("public")
    with _postgres_source(server, database) as connection, Writers(lambda: postgres_connection(server, database)):
        for _ in range(5):
            with PostgresViewer(endpoint).view(exact=True) as view:
                time.sleep(0.05)
                assert view.position is not None
                found = view.sum(relation, EVERYTHING).rows
                assert found == _rows_up_to(connection, view.position)
                assert sum(1 for _ in view.rows(relation, EVERYTHING)) == found
        read = PostgresReader(endpoint).read(_written("public", keyed=False), EVERYTHING, lambda _: None)
        assert read.rows == _rows_up_to(connection, read.position) > found > 0
        read = PostgresReader(endpoint).read(relation, EVERYTHING, lambda _: None)
        assert found < read.rows <= _rows_up_to(connection, read.position)
        again = PostgresReader(endpoint).read_keys(relation, [(b"1",), (b"3",), (b"999999999",)])
        assert sorted(row[0] for row in again.rows) == [b"1", b"3"]
        assert again.position >= read.position
        assert rows(connection, "select count(*) from pg_replication_slots where slot_name <> 'seen'") == [(0,)]


def test_an_open_writer_holds_up_a_postgres_view_and_is_named(
    postgres_server: Any, postgres_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_sessions, "PATIENCE", 1.0)
    database = postgres_database(postgres_server)
    endpoint = postgres_endpoint(postgres_server, database)
    with closing(postgres_connection(postgres_server, database)) as writer:
        rows(writer, "create table t (a int primary key)")
        rows(writer, "begin; insert into t values (1)")
        session = str(writer.info.backend_pid)
        with pytest.raises(Transient, match=session), PostgresViewer(endpoint).view(exact=True):
            pass
        with PostgresViewer(endpoint).view() as view:  # a target's view waits for nobody
            assert view.position is None
        rows(writer, "commit")
    with PostgresViewer(endpoint).view(exact=True) as view:
        assert view.position is not None


def test_what_is_written_later_is_not_in_a_view(postgres_server: Any, postgres_database: Any) -> None:
    database = postgres_database(postgres_server)
    endpoint, relation = postgres_endpoint(postgres_server, database), _written("public")
    with closing(postgres_connection(postgres_server, database)) as connection:
        rows(connection, "create table written (id bigint primary key, writer int); insert into written values (1, 1)")
        with PostgresViewer(endpoint).view() as plain, PostgresViewer(endpoint).view(exact=True) as exact:
            rows(connection, "insert into written values (2, 2); update written set writer = 9")
            assert list(plain.rows(relation, EVERYTHING)) == list(exact.rows(relation, EVERYTHING)) == [(b"1", b"1")]


def test_rows_that_point_nowhere_are_counted_by_key(postgres_server: Any, postgres_database: Any) -> None:
    database = postgres_database(postgres_server)
    with closing(postgres_connection(postgres_server, database)) as connection:
        rows(connection, 'create table parent (a int, "B" int, primary key (a, "B")); insert into parent values (1, 1)')
        rows(connection, 'create table child (id int, x int, "Y" int)')
        rows(connection, "insert into child values (1, 1, 1), (2, 1, 2), (3, null, 5), (4, 2, null), (5, 3, 3)")
    here, there = TableName(schema="public", name="child"), TableName(schema="public", name="parent")
    good = ForeignKey(name="both", columns=("x", "Y"), target=there, target_columns=("a", "B"))
    own = ForeignKey(name="own", columns=("x",), target=here, target_columns=("id",))
    table = Table(name=here, columns=(), foreign_keys=(good, own))
    with PostgresViewer(postgres_endpoint(postgres_server, database)).view() as view:
        assert view.orphans(table) == {"both": 2, "own": 0}
