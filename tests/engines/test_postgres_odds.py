"""What the stream holds beside plain rows: odd identities, generated columns, others' messages; and a reader that waits."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from landbridge.change import DELETE, INSERT, UPDATE
from landbridge.endpoints.postgres import changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.checks import Checker
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.log import beats
from landbridge.model import TableMap
from tests.engines.capture import RUN, Source, full, until
from tests.engines.conftest import MakeSource


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture(params=["14", "18"])
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


def test_an_index_that_has_the_key_is_as_good_as_the_key(each: Source) -> None:
    each.run(
        "create table t (id int primary key, o int not null, big text); alter table t alter big set storage external"
    )
    each.run("create unique index wide on t (o, id); alter table t replica identity using index wide")
    each.run("insert into t values (1, 10, repeat('x', 9000))")
    since = each.prepare("t")
    each.run("update t set o = 11")
    each.run("update t set id = 2")
    each.run("update t set big = 'small'")
    each.run("delete from t")
    assert each.changes(since) == [
        (UPDATE, 0, None, (b"1", b"11", ...)),
        (UPDATE, 0, (b"1",), (b"2", b"11", ...)),
        (UPDATE, 0, None, (b"2", b"11", b"small")),
        (DELETE, 0, (b"2",), None),
    ]


@pytest.mark.parametrize("identity", ["default", "full"])
def test_a_key_changes_beside_large_values_that_stay(each: Source, identity: str) -> None:
    """One of them is part of the key: it is sent with the old key, and taken from there."""
    each.run("create table t (a int, k text, big text, primary key (a, k))")
    each.run(f"alter table t alter k set storage external, alter big set storage external, replica identity {identity}")
    key, big = b"k" * 2200, b"x" * 9000
    each.run("insert into t values (1, repeat('k', 2200), repeat('x', 9000))")
    since = each.prepare("t")
    each.run("update t set a = 2")
    each.run("update t set a = 3, big = 'small'")
    each.run("update t set k = 'small'")
    kept = ... if identity == "default" else big
    assert each.changes(since) == [
        (UPDATE, 0, (b"1", key), (b"2", key, kept)),
        (UPDATE, 0, (b"2", key), (b"3", key, b"small")),
        (UPDATE, 0, (b"3", key), (b"3", b"small", b"small")),
    ]


def test_generated_columns_are_the_targets_own(each: Source) -> None:
    virtual = ", v int generated always as (id * 3) virtual" if each.connection.info.server_version >= 180000 else ""
    each.run(f"create table t (s int generated always as (id * 2) stored{virtual}, id int primary key, note text)")
    since = each.prepare("t")
    each.run("insert into t (id, note) values (1, 'one')")
    each.run("update t set id = 2")
    if not virtual:  # the server refuses the application's own update then, and a check says so before
        each.run("alter table t replica identity full")
    each.run("update t set note = 'two'")
    each.run("delete from t")
    assert each.changes(since) == [
        (INSERT, 0, None, (b"1", b"one")),
        (UPDATE, 0, (b"1",), (b"2", b"one")),
        (UPDATE, 0, None, (b"2", b"two")),
        (DELETE, 0, (b"2",), None),
    ]


def test_the_whole_row_with_a_generated_column_still_lets_the_application_write(each: Source) -> None:
    each.run("create table t (s int generated always as (a * 2) stored, a int, note text)")
    each.run("alter table t replica identity full; insert into t (a, note) values (1, 'one')")
    since = each.prepare("t")
    each.run("update t set note = 'two'")
    each.run("delete from t")
    assert each.changes(since) == [(UPDATE, 0, (b"1", b"one"), (b"1", b"two")), (DELETE, 0, (b"1", b"two"), None)]


def test_the_whole_row_with_a_virtual_column_is_refused_before(
    postgres_server: postgres.Server, postgres_database: Callable[..., str]
) -> None:
    source = Source(postgres_server, postgres_database(postgres_server))
    virtual = "v int generated always as (id * 3) virtual"
    source.run(f"create table t (id int primary key, {virtual}); alter table t replica identity full")
    source.run(f"create table fine (id int primary key, {virtual})")
    source.run(f"create table keyless (id int, {virtual}); alter table keyless replica identity full")
    database = Database(source.ref)
    tables = [
        TableMap(number=number, source=table, target=table, columns=(), plain=True)
        for number, table in enumerate(Describer(database).describe(["public"]).tables)
    ]
    found = [each for each in Checker(database).check_source(tables, "hook: true") if each.name == "replica-identity"]
    assert sorted(each.mend for each in found) == [
        'ALTER TABLE "public"."keyless" ADD PRIMARY KEY (...), REPLICA IDENTITY DEFAULT;',
        'ALTER TABLE "public"."t" REPLICA IDENTITY DEFAULT;',
    ]
    source.connection.close()


def test_messages_of_others_are_nothing(each: Source) -> None:
    each.run("create table t (id int primary key)")
    since = each.prepare("t")
    emit = "select pg_logical_emit_message({}, '{}', repeat('m', 100000))"
    each.run(emit.format("false", "theirs"))
    each.run(emit.format("true", "landbridge"))
    many = "insert into t select i from generate_series(10, 3000) i"
    each.transaction(
        "insert into t values (1)", emit.format("true", "theirs"), emit.format("false", "landbridge"), many,
        emit.format("true", "landbridge"), emit.format("false", "theirs"), "insert into t values (2)",
    )  # fmt: skip
    (only,) = full(each.follow(since))
    assert [int(new[0]) for _, _, _, new in only.changes if new] == [1, *range(10, 3001), 2]


def test_transactions_of_other_tables_cost_nothing(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "_BEAT", 1.0)
    each.run("create table t (id int primary key); create table other (id int)")
    since = each.prepare("t")
    for _ in range(300):
        each.run("insert into other values (1)")
    each.transaction("insert into other select i from generate_series(1, 5000) i")
    each.run("insert into t values (1)")
    found = each.follow(since)
    assert [change for one in found for change in one.changes] == [(INSERT, 0, None, (b"1",))]
    assert len(found) < 10


@pytest.mark.parametrize("unread", ["1", "repeat('x', 1000)"])
def test_a_reader_that_waits_for_apply_is_not_thrown_out(
    start_postgres: Callable[..., postgres.Server], monkeypatch: Any, unread: str
) -> None:
    """As capture does when the spool is full: nothing is read for longer than the timeout, but it tells where it is."""
    monkeypatch.setattr(changes, "_KEEPALIVE", "2s")
    source = Source(start_postgres(None, "wal_sender_timeout=2s"), "postgres")
    source.run("create table t (id int primary key, pad text)")
    since = source.prepare("t")
    with source.log.stream(RUN, since, source.tables) as opened:
        sent = iter(opened)
        source.run(f"insert into t select i, {unread} from generate_series(1, 30000) i")
        reader = source.reader()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            time.sleep(0.5)
            opened.confirm(since)
        assert source.reader() == reader
        found = full(list(until(sent, source.log.here())))
    assert sum(len(one.changes) for one in found) == 30_000
    source.connection.close()
