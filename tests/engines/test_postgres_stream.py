"""The stream as a whole: large transactions, heartbeats, going on from any position."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres import stream
from tests.engines.capture import RUN, VERSIONS, Source, full
from tests.support import postgres_connection, rows


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(stream, "_BEAT", 0.1)


@pytest.fixture
def source(postgres_server: postgres.Server, postgres_database: Callable[..., str]) -> Iterator[Source]:
    made = Source(postgres_server, postgres_database(postgres_server))
    yield made
    made.connection.close()


@pytest.fixture(params=VERSIONS)
def each(
    request: pytest.FixtureRequest,
    postgres_version: Callable[..., postgres.Server],
    postgres_database: Callable[..., str],
) -> Iterator[Source]:
    if postgres.find(request.param) is None:
        pytest.skip(f"no PostgreSQL {request.param} on this machine")
    server = postgres_version(request.param)
    made = Source(server, postgres_database(server))
    yield made
    made.connection.close()


def test_a_large_transaction_comes_in_parts(source: Source) -> None:
    source.run("create table t (id int primary key, pad text)")
    since = source.prepare("t")
    source.run("insert into t select i, repeat('p', 100) from generate_series(1, 200000) i")
    source.run("insert into t values (0, repeat('b', 5000000)), (-1, repeat('b', 5000000)), (-2, '')")
    found = full(source.follow(since, 60))
    large, wide = found[:20], found[20:]
    assert [len(part.changes) for part in large] == [10_000] * 20
    assert [part.last for part in large] == [False] * 19 + [True]
    assert [int(change[3][0]) for part in large for change in part.changes] == list(range(1, 200001))
    assert [[change[3][0] for change in part.changes] for part in wide] == [[b"0", b"-1"], [b"-2"]]
    assert [part.last for part in wide] == [False, True]
    assert since < large[0].position == large[18].position < large[19].position < wide[0].position < wide[1].position


def test_from_each_position_exactly_the_rest_follows(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_PART_CHANGES", 3)
    each.run("create table t (id int primary key); create table other (id int)")
    since = each.prepare("t")
    for number in range(6):
        each.run("insert into t select i from generate_series(%s, %s) i", 10 * number, 10 * number + number)
        each.run("insert into other values (1)")
        if number % 2:
            each.run("select pg_logical_emit_message(false, 'landbridge', 'x'), pg_switch_wal()")
    whole = each.follow(since)
    borders = [since, *(transaction.position for transaction in whole if transaction.last)]
    assert len(borders) > 7
    for position in borders:
        rest = full(each.follow(position))
        assert rest == full([one for one in whole if one.position > position])


def test_a_heartbeat_comes_when_nothing_happens_also_read_only(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BEAT", 0.5)
    each.run("create table t (id int primary key)")
    since = each.prepare("t")
    each.run(f'alter database "{each.database}" set default_transaction_read_only = on')
    began = time.monotonic()
    with each.log.stream(RUN, since, each.tables) as changes:
        beats = [beat for beat, _ in zip(changes, range(4), strict=False)]
    assert 1 < time.monotonic() - began < 8
    assert all(before.position < after.position for before, after in pairwise(beats))
    assert all(not beat.changes and beat.last and abs(beat.committed - time.time()) < 10 for beat in beats)
    assert since < beats[0].position
    assert beats[-1].position <= each.log.here()


WRITER = """
import sys, time, psycopg2
connection = psycopg2.connect(sys.argv[1])
connection.autocommit = True
cursor = connection.cursor()
for number in range(150):
    cursor.execute("insert into t values (%s); create temp table if not exists x as select 1", (number,))
    cursor.execute("select pg_logical_emit_message(false, 'landbridge', 'x')")
    time.sleep(0.01 if number % 40 else 1.2)
"""


def test_after_a_heartbeat_nothing_before_it_comes(source: Source) -> None:
    """Our own messages, a stranger's and keepalives between the commits of a writer that pauses now and then."""
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    dsn = f"host={source.server.host} port={source.server.port} user={source.server.user} dbname={source.database}"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, dsn])
    last, seen, beats = since, [], 0
    with source.log.stream(RUN, since, source.tables) as changes:
        for transaction in changes:
            assert transaction.position > last
            last = transaction.position
            seen += [int(change[3][0]) for change in transaction.changes]
            beats += not transaction.changes
            if len(seen) == 150:
                break
    assert seen == list(range(150))
    assert beats > 100
    assert writer.wait(20) == 0


def test_a_neighbour_database_does_not_hold_the_position_back(
    source: Source, postgres_database: Callable[..., str]
) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    neighbour = postgres_connection(source.server, postgres_database(source.server))
    rows(neighbour, "create table big as select i, repeat('x', 500) as pad from generate_series(1, 20000) i")
    neighbour.close()
    found = source.follow(since)
    assert full(found) == []
    assert found[-1].position >= since
