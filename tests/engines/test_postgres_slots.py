"""The slot: made, confirmed, taken over, let go; and what ends the stream."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import LogicalReplicationConnection

from landbridge.change import INSERT, Transaction
from landbridge.endpoints.postgres import changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import beats, stream
from landbridge.errors import Busy, PositionLost, SchemaDrift, Transient, Unsupported
from tests.engines.capture import RUN, VERSIONS, Source, full, until, wait_for
from tests.engines.conftest import MakeSource
from tests.support import postgres_connection, rows


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


def test_the_source_forgets_only_what_was_confirmed(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    before = source.slot()[1]
    for number in range(5):
        source.run("insert into t values (%s)", number)
    goal = source.log.here()
    with source.log.stream(RUN, since, source.tables) as opened:
        found = list(until(opened, goal))
        follow_for(opened, 1.5)
        assert source.slot()[1] == before
        third = full(found)[2].position
        opened.confirm(third)
        wait_for(lambda: source.slot()[1] == int(third, 16))
        newest = follow_for(opened, 0.2)
        opened.confirm(newest)
        wait_for(lambda: source.slot()[1] == int(newest, 16))
        monkeypatch.setattr(opened._beats, "_emit", lambda: None)
        source.run("select pg_switch_wal()")
        assert follow_for(opened, 1.5) > newest  # by a keepalive, whose end the driver would confirm by itself
        assert source.slot()[1] == int(newest, 16)
    with pytest.raises(PositionLost, match="has gone on"):
        source.follow(third)


def follow_for(opened: Any, seconds: float) -> str:
    """The last position that was yielded in that time."""
    deadline = time.monotonic() + seconds
    last = ""
    for one in opened:
        last = one.position
        if time.monotonic() > deadline:
            return last
    raise AssertionError("the stream ended")


def test_a_stalled_reader_is_not_thrown_out(start_postgres: Callable[..., postgres.Server]) -> None:
    server = start_postgres(None, "wal_sender_timeout=1s")
    source = Source(server, "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    with source.log.stream(RUN, since, source.tables) as changes_:
        stream_ = iter(changes_)
        source.run("insert into t values (1)")
        while not next(stream_).changes:
            pass
        time.sleep(3)
        source.run("insert into t values (2)")
        while not next(stream_).changes:
            pass
    source.connection.close()


FOLLOWER = """
import sys
from landbridge.endpoints.postgres.changes import ChangeLog
from landbridge.endpoints.postgres.connection import Database
from landbridge.plan import EndpointRef
reference, run, since = sys.argv[1:]
with ChangeLog(Database(EndpointRef.model_validate_json(reference))).stream(run, since, []) as changes:
    for transaction in changes:
        pass
"""


def follower(source: Source, since: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", FOLLOWER, source.ref.model_dump_json(), RUN, since]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_slot_held_by_a_dead_process_is_taken_over(source: Source, how: signal.Signals) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    process = follower(source, since)
    held = wait_for(source.reader)
    os.kill(process.pid, how)
    source.run("insert into t values (1)")
    try:
        assert source.changes(since) == [(INSERT, 0, None, (b"1",))]
        assert source.run("select from pg_stat_activity where pid = %s", held) == []
    finally:
        process.kill()
        process.wait()


def test_a_slot_read_by_somebody_else_is_left_to_them(source: Source) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    other = psycopg2.connect(
        host=source.server.host,
        port=source.server.port,
        user=source.server.user,
        dbname=source.database,
        application_name="somebody",
        connection_factory=LogicalReplicationConnection,
    )
    name = changes._name(RUN)
    other.cursor().start_replication(slot_name=name, options={"proto_version": "1", "publication_names": name})
    with pytest.raises(Busy, match="somebody"):
        source.follow(since)
    with pytest.raises(Busy, match="somebody"):
        source.log.release(RUN)
    other.close()
    wait_for(lambda: source.reader() is None)
    source.log.release(RUN)


def leftovers(source: Source) -> list[tuple[Any, ...]]:
    return source.run("select slot_name from pg_replication_slots where database = current_database()") + source.run(
        "select pubname from pg_publication"
    )


def test_release_leaves_nothing_and_may_be_repeated(source: Source) -> None:
    source.run("create table t (id int primary key)")
    source.log.release(RUN)
    since = source.prepare("t")
    assert len(leftovers(source)) == 2
    process = follower(source, since)
    wait_for(source.reader)
    os.kill(process.pid, signal.SIGSTOP)
    source.run(f'alter database "{source.database}" set default_transaction_read_only = on')
    try:
        source.log.release(RUN)
        source.log.release(RUN)
        assert leftovers(source) == []
    finally:
        process.kill()
        process.wait()


def test_prepare_replaces_what_an_older_attempt_left(source: Source) -> None:
    source.run("create table t (id int primary key); create table u (id int primary key)")
    source.prepare("u")
    source.run("insert into t values (1)")
    since = source.prepare("t")
    source.run("insert into t values (2); insert into u values (3)")
    assert source.changes(since) == [(INSERT, 0, None, (b"2",))]


def test_names_of_slots_do_not_meet() -> None:
    runs = ["shop", "Shop", "a-b", "a_b", "ü", "x" * 60, "x" * 59 + "y", "20250101-ab12"]
    names = [changes._name(run) for run in runs]
    assert len(set(names)) == len(names)
    assert names[0] == "landbridge_shop"
    assert all(len(name) <= 63 and name.isascii() and name == name.lower() for name in names)


# --- open transactions ------------------------------------------------------------------------------------------------


def test_an_open_writer_that_blocks_the_slot_is_named(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_SLOT_PATIENCE", 1)
    each.run("create table t (id int primary key)")
    each.plan("t")
    writer = postgres_connection(each.server, each.database, application_name="nightly batch")
    rows(writer, "begin; insert into t values (1)")
    pid = writer.info.backend_pid
    with pytest.raises(Transient, match=rf"pid {pid} \(nightly batch\), open for \d+ s"):
        each.log.prepare(RUN, each.tables)
    rows(writer, "commit")
    since = each.log.prepare(RUN, each.tables)
    writer.close()
    assert each.changes(since) == []


def test_a_prepared_transaction_is_named_and_decoded_when_it_commits(
    each: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_SLOT_PATIENCE", 1)
    each.run("create table t (id int primary key)")
    each.plan("t")
    each.run("begin; insert into t values (1); prepare transaction 'two phases'")
    with pytest.raises(Transient, match="prepared transaction two phases"):
        each.log.prepare(RUN, each.tables)
    each.run("commit prepared 'two phases'")
    since = each.log.prepare(RUN, each.tables)
    each.run("begin; insert into t values (2); prepare transaction 'later'")
    each.run("insert into t values (3)")
    with pytest.raises(Transient, match="prepared transaction later"):
        each.log.settle(since, 0.1)
    each.run("commit prepared 'later'")
    each.log.settle(since, 5)
    assert each.changes(since) == [(INSERT, 0, None, (b"3",)), (INSERT, 0, None, (b"2",))]


def test_settle_waits_for_this_databases_writers(source: Source, postgres_database: Callable[..., str]) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    writer = postgres_connection(source.server, source.database, application_name="slow")
    neighbour = postgres_connection(source.server, postgres_database(source.server))
    rows(neighbour, "begin; create table x ()")
    rows(writer, "begin; insert into t values (1)")
    with pytest.raises(Transient, match=rf"pid {writer.info.backend_pid} \(slow\)"):
        source.log.settle(since, 0.2)
    rows(writer, "commit; begin; insert into t values (2)")
    with pytest.raises(Transient):
        source.log.settle(since, 0.2)
    rows(writer, "rollback")
    source.log.settle(since, 0)
    writer.close()
    neighbour.close()


# --- what is not followed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        ("alter table t add column c int", "c is new"),
        ("alter table t drop column b", "b is gone"),
        ("alter table t rename column b to d", "b is gone; d is new"),
        ("alter table t alter b type bigint", "b is bigint, was integer"),
        ("alter table t alter a type varchar(30)", r"a is character varying\(30\), was character varying\(20\)"),
        ("alter table t drop constraint t_pkey, add primary key (id, a)", r"primary key is \(a, id\), was \(id\)"),
        ("alter table t rename to t2; create view t as select * from t2", r"public\.t2, which is not in this run"),
    ],
)
def test_a_changed_table_stops_the_stream(source: Source, alter: str, said: str) -> None:
    source.run("create table t (id int primary key, a varchar(20), b int)")
    since = source.prepare("t")
    source.run("insert into t values (1, 'a', 2)")
    source.run(alter)
    source.run("insert into t (id, a) values (2, 'b')")
    found: list[Transaction] = []
    with source.log.stream(RUN, since, []) as opened:
        opened._decoder._tables = {table.source.name: table for table in source.tables}
        with pytest.raises(SchemaDrift, match=said):
            found.extend(opened)
    assert [one.changes for one in full(found)] == [[(INSERT, 0, None, (b"1", b"a", b"2"))]]


@pytest.mark.parametrize(
    "alter", ["drop table t", "alter table t rename to t2", "alter publication landbridge_r1 drop table t"]
)
def test_a_table_that_is_no_longer_published_stops_the_stream(source: Source, alter: str) -> None:
    source.run("create table t (id int primary key); create table u (id int primary key)")
    since = source.prepare("t", "u")
    source.run(alter)
    with pytest.raises(SchemaDrift, match=r"no longer has public\.t:"), source.log.stream(RUN, since, source.tables):
        pass


def test_a_table_that_is_replaced_while_the_stream_runs_stops_it(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_WATCH", 0)
    source.run("create table t (id int primary key); create table t_new (id int primary key)")
    since = source.prepare("t")
    with source.log.stream(RUN, since, source.tables) as opened:
        follow = iter(opened)
        next(follow)
        source.run("alter table t rename to t_old; alter table t_new rename to t; insert into t values (1)")
        with pytest.raises(SchemaDrift, match=r"no longer has public\.t:"):
            list(follow)


def test_an_identity_that_does_not_name_the_row_is_refused(each: Source) -> None:
    each.run("create table t (id int primary key, other int not null unique)")
    each.run("alter table t replica identity using index t_other_key")
    since = each.prepare("t")
    each.run("insert into t values (1, 10)")
    assert each.changes(since) == [(INSERT, 0, None, (b"1", b"10"))]
    each.run("update t set id = 2")  # the stream tells nothing of the old id
    with pytest.raises(Unsupported, match=r"public\.t .* replica identity") as caught:
        each.follow(since)
    assert 'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT' in caught.value.mend


def test_a_partition_with_an_identity_of_its_own_is_refused(each: Source) -> None:
    each.run("create table m (id int primary key, o int not null) partition by range (id)")
    each.run("create table m_a partition of m for values from (1) to (9); create unique index o on m_a (o)")
    each.run("alter table m_a replica identity using index o")
    since = each.prepare("m")
    each.run("insert into m values (1, 10); update m set id = 2")
    with pytest.raises(Unsupported, match="replica identity"):
        each.follow(since)


def test_a_table_without_a_key_needs_the_whole_old_row(each: Source) -> None:
    each.run("create table k (a int not null unique, b int); alter table k replica identity using index k_a_key")
    since = each.prepare("k")
    each.run("insert into k values (1, 2); delete from k")
    with pytest.raises(Unsupported, match=r"public\.k") as caught:
        each.follow(since)
    assert 'ALTER TABLE "public"."k" REPLICA IDENTITY FULL' in caught.value.mend


def test_a_slot_that_is_gone_or_invalidated_is_a_lost_position(start_postgres: Callable[..., postgres.Server]) -> None:
    server = start_postgres(None, "max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=32MB")
    source = Source(server, "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    for _ in range(4):
        source.run(
            "insert into t select 1 where false; select pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()"
        )
        source.run("checkpoint")
    with pytest.raises(PositionLost, match="invalidated"):
        source.follow(since)
    source.log.release(RUN)
    with pytest.raises(PositionLost, match="is gone"):
        source.follow(since)
    source.connection.close()


def test_a_server_that_goes_away_is_transient(start_postgres: Callable[..., postgres.Server]) -> None:
    source = Source(start_postgres(None), "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    with source.log.stream(RUN, since, source.tables) as opened:
        follow = iter(opened)
        next(follow)
        source.run("select pg_terminate_backend(active_pid) from pg_replication_slots")
        with pytest.raises(Transient):
            list(follow)
        source.server.stop()
    with pytest.raises(Transient):
        source.log.here()


def test_the_source_can_shut_down_though_not_all_is_confirmed(start_postgres: Callable[..., postgres.Server]) -> None:
    """A walsender stays until its reader has confirmed everything, so the reader has to leave by itself."""
    source = Source(start_postgres(None), "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    with source.log.stream(RUN, since, source.tables) as opened:
        follow = iter(opened)
        opened.confirm(next(follow).position)
        source.run("insert into t values (1)")
        os.kill(source.server.pid, signal.SIGINT)  # the fast shutdown
        with pytest.raises(Transient):
            list(follow)
    wait_for(lambda: postgres.running(source.server.folder) is None)
