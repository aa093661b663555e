"""The stream of changes from real MySQL and MariaDB servers: transactions, and the log as such."""

import contextlib
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pymysql
import pytest

from landbridge.change import DELETE, INSERT, UPDATE
from landbridge.endpoints.mysql import changes
from landbridge.endpoints.mysql.changes import ChangeLog
from landbridge.endpoints.mysql.connection import Database
from landbridge.errors import PositionLost, Terminal, Transient
from landbridge.model import Position
from landbridge.plan import EndpointRef
from tests.engines.binlog_source import SERVERS, Source, on_mariadb, opened
from tests.support import mysql_connection, rows


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        yield found


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


@on_mariadb
def test_a_table_without_transactions_keeps_what_a_rollback_undoes(source: Source) -> None:
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
    source.run(
        "insert into n values (1, 'x'), (1, 'x')", "update n set b = null limit 1", "delete from n where b = 'x'"
    )
    assert source.changes(since, tables)[2:] == [
        (UPDATE, 0, (b"1", b"x"), (b"1", None)),
        (DELETE, 0, (b"1", b"x"), None),
    ]


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
    assert abs(second.committed - time.time()) < 20
    assert time.monotonic() - began < 20


def test_a_heartbeat_amid_a_backlog_is_as_old_as_that(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "HEARTBEAT", 0.0)
    source.run("create table a (id int primary key)", "create table other (id int primary key auto_increment)")
    since, tables = source.log.here(), source.plan("a")
    source.run("set timestamp = 1500000000", "insert into other () values ()", "set timestamp = default")
    end = source.log.here()
    with source.log.stream("test", since, tables) as stream:
        beats = iter(stream)
        seen = []
        while (last := next(beats)).position < end or last.committed == 1_500_000_000:
            seen.append(last)
    assert 1_500_000_000 in [beat.committed for beat in seen]
    assert abs(last.committed - time.time()) < 20


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
    assert times[2] - times[0] < 20


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
    assert [since, *positions] == sorted([since, *positions])
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
    assert [(int(new[0]), len(new[1])) for _, _, _, new in found] == [
        (n, n) for n in sorted(int(x[3][0]) for x in found)
    ]
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


def test_a_log_that_was_begun_anew_is_not_taken_for_the_one_that_was_read(source: Source) -> None:
    """As after RESET, or where the server was restored from an older copy: the place is there, its past is not."""
    source.run("create table a (id int primary key)")
    since, tables = source.log.here(), source.plan("a")
    source.run("insert into a values (1)")
    with source.log.stream("test", since, tables) as stream:
        (told,) = islice((each for each in stream if each.changes), 1)
    with source.log.stream("test", told.position, tables, passed=told.passed) as stream:
        assert next(iter(stream)).position == told.position
    name, _, numbers = told.passed.rpartition(",")[2].partition(":")
    for other in (f"{name}:1-{int(numbers.rpartition('-')[2]) + 5}", "7-7:1-9" if source.mariadb else f"{'7' * 8}:1"):
        with (
            pytest.raises(PositionLost, match="is not the one that it was"),
            source.log.stream("test", told.position, tables, passed=f"{told.passed},{other}"),
        ):
            pass


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
            list(islice(transactions, 9))


def test_two_streams_do_not_throw_each_other_out(source: Source) -> None:
    source.run("create table a (id int primary key)")
    tables = source.plan("a")
    with (
        source.log.stream("x", source.log.here(), tables) as one,
        source.log.stream("y", source.log.here(), tables) as two,
    ):
        first, second = iter(one), iter(two)
        next(first), next(second)
        registered = source.ask("show slave hosts" if source.mariadb else "show replicas")
        assert len({row[0] for row in registered}) >= 2
        source.run("insert into a values (1)")
        for stream in (first, second):
            assert any(next(stream).changes for _ in range(5))


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


RIGHTS = {
    True: "replication slave, binlog monitor, process, select",
    False: "replication slave, replication client, process, xa_recover_admin, select",
}


def test_a_login_with_no_more_rights_than_needed(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.run("create table t (id int primary key)")
    tables, monitor = source.plan("t"), f"u{source.name[-20:]}"
    source.run(f"create user {monitor}@localhost identified by 'a b'", f"grant select on *.* to {monitor}@localhost")
    monkeypatch.setenv("CAPTURE_PASSWORD", "a b")
    log = ChangeLog(Database(_login(source, monitor)))
    try:
        denied = pytest.raises(Terminal, match="GRANT REPLICATION SLAVE")
        with denied, log.stream("test", source.log.here(), tables) as stream:
            next(iter(stream))
        source.run(f"grant {RIGHTS[source.mariadb]} on *.* to {monitor}@localhost")
        since = log.prepare("test", tables)
        log.settle(since, 5)
        source.run("insert into t values (1)")
        with log.stream("test", since, tables) as stream:
            assert next(iter(stream)).changes == [(INSERT, 0, None, (b"1",))]
    finally:
        source.run(f"drop user {monitor}@localhost")


def _login(source: Source, user: str, **more: Any) -> EndpointRef:
    given = {"password": "env:CAPTURE_PASSWORD", "tls": "disable"} | more
    return EndpointRef(engine="mysql", host=source.server.host, port=source.server.port, user=user, **given)


@pytest.mark.parametrize("source", SERVERS[1:], indirect=True)
def test_the_log_through_tls(source: Source) -> None:
    source.run("create table t (id int primary key, v longtext)")
    since, tables = source.log.here(), source.plan("t")
    source.run("insert into t values (1, repeat('x', 3000000))", "flush binary logs")
    log = ChangeLog(Database(_login(source, "root", password=None, tls="require")))
    with log.stream("test", since, tables) as stream:
        first, second = islice(stream, 2)
    assert [len(change[3][1]) for change in first.changes] == [3_000_000]
    assert second.changes == []
