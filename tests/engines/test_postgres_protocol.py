"""What the stream says does not depend on the protocol's version or on the replica identity; and it outlives a stall."""

import time
from collections.abc import Callable, Iterator

import pytest

from landbridge.change import DELETE, UPDATE
from landbridge.endpoints.postgres import changes
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import beats
from tests.engines.capture import RUN, VERSIONS, Source, full, until

NEWEST = {"14": 2, "15": 3, "16": 4, "17": 4, "18": 4}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def each(
    version: str, postgres_version: Callable[..., postgres.Server], postgres_database: Callable[..., str]
) -> Iterator[Source]:
    server = postgres_version(version)
    made = Source(server, postgres_database(server))
    yield made
    made.connection.close()


def test_every_version_of_the_protocol_says_the_same(
    each: Source, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small transaction, one with a savepoint that is undone, a prepared one, a TRUNCATE, one too large to wait."""
    each.run("create table t (id int primary key, a text)")
    since = each.prepare("t")
    each.run("insert into t values (1, 'a'), (2, null)")
    each.transaction("update t set id = 3 where id = 1", "savepoint s", "delete from t", "rollback to s")
    each.run("begin; insert into t values (9, 'prepared'); prepare transaction 'p'")
    each.run("commit prepared 'p'")
    each.run("select pg_logical_emit_message(true, 'other', 'x'), pg_logical_emit_message(false, 'other', 'y')")
    each.transaction("truncate t", "insert into t select i, repeat('x', 300) from generate_series(10, 1000) i")
    assert changes._protocol(each.connection.info.server_version) == str(NEWEST[version])
    found = {}
    for protocol in range(2, NEWEST[version] + 1):
        monkeypatch.setattr(changes, "_protocol", lambda _, protocol=protocol: str(protocol))
        found[protocol] = [(one.position, one.changes) for one in full(each.follow(since))]
    said = found.pop(2)
    assert [len(one) for _, one in said] == [2, 1, 1, 992]
    assert all(one == said for one in found.values())


@pytest.mark.parametrize("version", ["14", "18"], indirect=True)
@pytest.mark.parametrize("identity", ["default", "using index k", "full"])
def test_a_large_value_that_stays_is_never_taken_for_another(each: Source, identity: str) -> None:
    """Under every identity that holds the key; what an update leaves out is not NULL, and not an old value."""
    each.run("create table t (id int primary key, o int not null, big text, n int)")
    each.run(f"create unique index k on t (id, o); alter table t replica identity {identity}")
    each.run("alter table t alter big set storage external; insert into t values (1, 7, repeat('x', 9000), 1)")
    each.run("insert into t values (2, 7, null, 1)")
    since = each.prepare("t")
    each.run("update t set n = 2")
    each.run("update t set id = 5, o = 8 where id = 1")
    each.run("delete from t where id = 5")
    large = b"x" * 9000 if identity == "full" else ...
    assert each.changes(since) == [
        (UPDATE, 0, None, (b"1", b"7", large, b"2")),
        (UPDATE, 0, None, (b"2", b"7", None, b"2")),
        (UPDATE, 0, (b"1",), (b"5", b"8", large, b"2")),
        (DELETE, 0, (b"5",), None),
    ]


@pytest.mark.parametrize("version", ["14", "18"], indirect=True)
def test_the_server_keeps_the_stream_while_nobody_reads_it(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while apply stands still and the spool is full: what is told of progress alone keeps the walsender."""
    monkeypatch.setattr(changes, "_KEEPALIVE", "500ms")
    each.run("create table t (id int primary key, a text)")
    since = each.prepare("t")
    with each.log.stream(RUN, since, each.tables) as opened:
        follow = iter(opened)
        next(follow)
        each.run("insert into t select i, repeat('x', 1000) from generate_series(1, 5000) i")  # fills every buffer
        reader = each.reader()
        for _ in range(15):
            opened.confirm(since)
            time.sleep(0.1)
        found = [len(one.changes) for one in until(follow, each.log.here())]
        assert sum(found) == 5000
        assert each.reader() == reader


@pytest.mark.parametrize("version", ["16", "17"], indirect=True)
def test_a_standby_may_have_the_slot(each: Source, version: str) -> None:
    each.run("create table t (id int primary key)")
    each.prepare("t")
    columns = each.run(
        "select attname from pg_attribute where attrelid = 'pg_replication_slots'::regclass and attname = 'failover'"
    )
    assert bool(columns) is (int(version) >= 17)
    if columns:
        assert each.run("select failover, two_phase from pg_replication_slots where slot_name like '%%r1'") == [
            (True, False)
        ]
