"""XA transactions: prepared at one place of the log, committed at another, maybe by another stream."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pymysql
import pytest
from pymysql.constants import ER

from landbridge.change import INSERT, UPDATE
from landbridge.errors import PositionLost
from tests.engines.binlog_source import SERVERS, Source, opened
from tests.support import mysql_connection, rows

ODD = "'o''d', x'ff0a', 77"
XIDS = ("'a'", "'b'", "'p'", "'gone'", "'large'", "'small'", "'only other'", ODD)


@pytest.fixture(params=SERVERS)
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        found.run("create table t (id int primary key, v int)", "create table other (id int primary key)")
        yield found
        for xid in XIDS:
            with contextlib.suppress(pymysql.Error):
                found.run(f"xa rollback {xid}")


def prepare(source: Source, xid: str, *statements: str) -> None:
    """In a session that ends: it could do nothing else before the transaction's end."""
    with contextlib.closing(mysql_connection(source.server, source.name)) as connection:
        for statement in (f"xa start {xid}", *statements, f"xa end {xid}", f"xa prepare {xid}"):
            rows(connection, statement)


def finish(source: Source, statement: str) -> None:
    """Once the server has noted the end of the session that prepared it."""
    for _ in range(100):
        try:
            return source.run(statement)
        except pymysql.Error as error:
            if error.args[0] != ER.XAER_NOTA:
                raise
        time.sleep(0.02)
    raise AssertionError("the session did not end")


def test_rows_count_where_they_are_committed(source: Source) -> None:
    source.run("insert into t values (8, 8), (20, 20)")  # what is undone below locks only the gap between them
    since, tables = source.log.here(), source.plan("t")
    prepare(source, "'a'", "insert into t values (1, 1)")
    prepare(source, ODD, "insert into t values (2, 2)", "savepoint s", "insert into t values (9, 9)", "rollback to s")
    prepare(source, "'gone'", "insert into t values (3, 3)")
    source.run("insert into t values (4, 4)")
    finish(source, f"xa commit {ODD}")
    source.run("update t set v = 5 where id = 2")
    finish(source, "xa rollback 'gone'")
    finish(source, "xa commit 'a'")
    source.run("xa start 'one'", "insert into t values (6, 6)", "xa end 'one'", "xa commit 'one' one phase")
    prepare(source, "'a'", "insert into t values (7, 7)")  # the name once more
    finish(source, "xa commit 'a'")
    assert [transaction.changes for transaction in source.read(since, tables)] == [
        [(INSERT, 0, None, (b"4", b"4"))],
        [(INSERT, 0, None, (b"2", b"2"))],
        [(UPDATE, 0, None, (b"2", b"5"))],
        [(INSERT, 0, None, (b"1", b"1"))],
        [(INSERT, 0, None, (b"6", b"6"))],
        [(INSERT, 0, None, (b"7", b"7"))],
    ]


def test_a_stream_that_begins_between_preparation_and_commit(source: Source) -> None:
    """At any transaction, in another log file, with the same name used before for something else."""
    since, tables = source.log.here(), source.plan("t")
    prepare(source, "'a'", "insert into t values (0, 0)")
    finish(source, "xa rollback 'a'")
    source.run("insert into t values (10, 10)")
    prepare(source, "'a'", "insert into t values (1, 1)", "insert into other values (1)")
    prepare(source, "'b'", "insert into t values (2, 2)")
    source.run("insert into t values (11, 11)", "flush binary logs", "insert into t values (12, 12)")
    finish(source, "xa commit 'a'")
    prepare(source, "'only other'", "insert into other values (2)")
    source.run("insert into t values (13, 13)", "flush binary logs")
    finish(source, "xa commit 'only other'")
    finish(source, "xa commit 'b'")
    whole = source.read(since, tables)
    assert [transaction.changes[0][3] for transaction in whole] == [
        (b"%d" % number, b"%d" % number) for number in (10, 11, 12, 1, 13, 2)
    ]
    for number, transaction in enumerate(whole[:-1]):
        assert source.read(transaction.position, tables, until=whole[-1].position) == whole[number + 1 :]


def test_a_large_prepared_transaction_comes_only_once_it_is_committed(source: Source) -> None:
    source.run("create table n (d int)", "insert into n values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
    since, tables = source.log.here(), source.plan("t")
    number = "a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d"
    froms = "n a, n b, n c, n d, n e where e.d < 2"
    prepare(source, "'large'", f"insert into t select {number}, 1 from {froms}")
    assert source.read(since, tables) == []
    finish(source, "xa commit 'large'")
    (found,) = source.read(since, tables)
    assert len(found.changes) == 20_000
    prepare(source, "'small'", "delete from t")
    finish(source, "xa rollback 'small'")
    assert source.read(found.position, tables) == []


def test_a_log_that_no_longer_has_what_was_prepared(source: Source) -> None:
    prepare(source, "'p'", "insert into t values (1, 1)")
    source.run("flush binary logs", "insert into t values (2, 2)")
    since, tables = source.log.here(), source.plan("t")
    files = [row[0] for row in source.ask("show binary logs")]
    finish(source, "xa commit 'p'")
    assert len(source.changes(since, tables)) == 1
    for _ in range(50):  # MariaDB purges once a background thread has noted that it may
        source.run(f"purge binary logs to '{files[-1]}'")
        if len(source.ask("show binary logs")) == 1:
            with pytest.raises(PositionLost, match="no longer has the rows"):
                source.changes(since, tables)
            return
        time.sleep(0.1)
    raise AssertionError("the server keeps its logs")
