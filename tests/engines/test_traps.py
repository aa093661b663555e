"""
The binlog's traps: what a reader that many build on makes of them on the same server, beside what is right. Where it
is right one day, the test says so: then its trap is one no longer. All traps and their tests are in docs/traps.md.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.change import UPDATE
from landbridge.endpoints.mysql.log import binlog
from landbridge.model import Position
from tests.engines.binlog_source import SERVERS, Source, on_mariadb, on_mysql, opened
from tests.engines.test_mysql_metadata import metadata

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the library


@pytest.fixture(params=SERVERS[1:])
def source(request: pytest.FixtureRequest, mysql_database: Callable[..., str]) -> Iterator[Source]:
    with opened(request.getfixturevalue(request.param), mysql_database) as found:
        found.run("create table t (id int primary key, v text)")
        yield found


def by_library(source: Source, since: Position, **more: Any) -> Any:
    """The rows as the library hands them out, from a file and offset unless told otherwise; or what it raises."""
    from pymysqlreplication import BinLogStreamReader
    from pymysqlreplication.row_event import PartialUpdateRowsEvent, UpdateRowsEvent, WriteRowsEvent

    file, offset = binlog.place(since)
    place = {} if "auto_position" in more else {"log_file": file, "log_pos": offset}
    server = source.server
    try:
        reader = BinLogStreamReader(
            connection_settings={"host": server.host, "port": server.port, "user": server.user},
            server_id=3_000_000_000, resume_stream=True, blocking=False, only_schemas=[source.name],
            only_events=[WriteRowsEvent, UpdateRowsEvent, PartialUpdateRowsEvent], **place, **more,
        )  # fmt: skip
    except ValueError as error:
        return error
    try:
        return [row.get("values") or row["after_values"] for event in reader for row in event.rows]
    except ValueError as error:
        return error
    finally:
        reader.close()


def new(source: Source, since: Position, *tables: str) -> list[Any]:
    return [change[3] for change in source.changes(since, source.plan(*tables))]


def test_compressed_transactions(source: Source) -> None:
    """It drops them without a word."""
    since = source.log.here()
    switch = "global log_bin_compress" if source.mariadb else "session binlog_transaction_compression"
    source.run(f"set {switch} = on")
    try:
        source.run("insert into t values (1, repeat('x', 1000)), (2, 'y')")
    finally:
        source.run(f"set {switch} = off")
    assert by_library(source, since) == []
    assert new(source, since, "t") == [(b"1", b"x" * 1000), (b"2", b"y")]


def test_values_that_are_not_what_they_seem(source: Source) -> None:
    """Wrong: negative times with a fraction, trailing zeros of BINARY, the year 0, the zero timestamp."""
    source.run(
        "set session sql_mode = ''",
        "create table k (id int primary key, t time(3), b binary(4), y year, z timestamp null)",
    )
    since = source.log.here()
    source.run("insert into k values (1, '-01:00:00.250', x'61000000', 0, '0000-00-00 00:00:00')")
    (theirs,) = by_library(source, since)
    assert str(theirs["t"]) != "-1 day, 22:59:59.750000"  # as the server says it, by the driver
    assert source.ask("select cast(t as char) from k") == [("-01:00:00.250",)]
    assert (theirs["b"], theirs["y"], theirs["z"].year) == (b"a", 1900, 1970)
    ours = (b"1", b"-01:00:00.250", b"\\x61000000", b"0000", b"0000-00-00 00:00:00+00")
    assert new(source, since, "k") == [ours]


def test_metadata_below_full(source: Source) -> None:
    """Unsigned reads as signed, ENUM and SET as nothing."""
    source.run("create table u (id int primary key, n int unsigned, e enum('a', 'b'), s set('p', 'q'))")
    since = source.log.here()
    with metadata(source, "minimal"):
        source.run("insert into u values (1, 4000000000, 'b', 'p,q')")
    (theirs,) = by_library(source, since)
    assert list(theirs.values()) == [1, -294967296, None, None]
    assert new(source, since, "u") == [(b"1", b"4000000000", b"b", b"p,q")]


def test_columns_that_it_does_not_know(source: Source) -> None:
    """VECTOR and COMPRESSED end its stream, also for all other tables."""
    kind, value, ours = (
        ("varchar(900) compressed", "repeat('x', 800)", b"x" * 800)
        if source.mariadb
        else ("vector(2)", "string_to_vector('[1,2.5]')", b"[1,2.5]")
    )
    source.run(f"create table c (id int primary key, v {kind})")
    since = source.log.here()
    source.run(f"insert into c values (1, {value})", "insert into t values (1, 'after')")
    assert isinstance(by_library(source, since), ValueError)
    assert new(source, since, "t", "c") == [(b"1", ours), (b"1", b"after")]


@on_mysql
def test_partial_documents(source: Source) -> None:
    """Of several differences it has the first one."""
    long = "long enough that a difference is worth it"
    source.run(
        "create table j (id int primary key, d json)",
        f"""insert into j values (1, '{{"a": "{long}", "b": "{long}"}}')""",
    )
    since = source.log.here()
    source.run(
        "set session binlog_row_value_options = partial_json", "update j set d = json_set(d, '$.a', 1, '$.b', 2)"
    )
    (theirs,) = by_library(source, since)
    assert "$.a" in str(vars(theirs["d"]))
    assert "$.b" not in str(vars(theirs["d"]))
    assert source.changes(since, source.plan("j")) == [(UPDATE, 0, None, (b"1", b'{"a": 1, "b": 2}'))]


@on_mysql
def test_names_of_transactions_with_tags(source: Source) -> None:
    """It cannot begin at a set that has one."""
    since = source.log.here()
    source.run("set gtid_next = 'automatic:trap'", "insert into t values (1, 'x')", "set gtid_next = 'automatic'")
    ((executed,),) = source.ask("select @@global.gtid_executed")
    assert ":trap:" in executed
    assert isinstance(by_library(source, since, auto_position=executed), ValueError)
    assert new(source, since, "t") == [(b"1", b"x")]
    with source.log.stream("test", since, source.plan("t")) as stream:
        told = next(each.passed for each in stream if each.changes)
    assert ":trap:" in told


@on_mariadb
def test_mariadb_by_file_and_offset(source: Source) -> None:
    """Told that the server is MariaDB it forgets the offset and begins at the oldest event that there is."""
    source.run("flush binary logs")
    source.run(
        f"purge binary logs to '{binlog.place(source.log.here())[0]}'"
    )  # what other tests left would take it minutes
    source.run("insert into t values (1, 'long ago')")
    since = source.log.here()
    source.run("insert into t values (2, 'now')")
    theirs = by_library(source, since, is_mariadb=True)
    assert isinstance(theirs, ValueError) or [row["id"] for row in theirs] == [1, 2]
    assert new(source, since, "t") == [(b"2", b"now")]
