"""The stream as a whole: large transactions, heartbeats, going on from any position."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from landbridge.change import DELETE, INSERT, Transaction
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import backlog, beats, stream
from landbridge.model import dump
from landbridge.spool import SpoolReader
from tests.engines.capture import COPIES, RUN, VERSIONS, Source, full, wait_for
from tests.engines.conftest import MakeSource
from tests.packing import joined, unpacked
from tests.support import postgres_connection, rows


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture
def source(postgres_server: postgres.Server, make_source: MakeSource) -> Source:
    return make_source(postgres_server)


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Runs a script; none outlives the test."""
    running: list[subprocess.Popen[bytes]] = []

    def run(script: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", script, *arguments]
        running.append(subprocess.Popen(command, cwd=Path(__file__).parents[2]))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(params=VERSIONS)
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


@pytest.mark.parametrize(("memory", "far"), [("64kB", 1 << 60), ("1GB", 1 << 60), ("64kB", 0)])
def test_a_large_transaction_comes_in_parts(
    source: Source, memory: str, far: int, blocks: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little memory the server sends it before it is committed; but not in bulk."""
    monkeypatch.setattr(backlog, "_FAR", far)
    source.run("create table t (id int primary key, pad text)")
    source.run(f"alter database \"{source.database}\" set logical_decoding_work_mem = '{memory}'")
    since = source.prepare("t")
    source.run("insert into t select i, repeat('p', 100) from generate_series(1, 200000) i")
    source.run("insert into t values (0, repeat('b', 5000000)), (-1, repeat('b', 5000000)), (-2, '')")
    found = full(source.follow(since, 60))
    ends = [place for place, part in enumerate(found) if part.last]
    large, wide = found[: ends[0] + 1], found[ends[0] + 1 :]
    assert len(ends) == 2
    assert 20 <= len(large) <= 22
    assert max(len(part.changes) for part in large) <= 10_000
    assert [int(change[3][0]) for part in large for change in part.changes] == list(range(1, 200001))
    assert [change[3][0] for part in wide for change in part.changes] == [b"0", b"-1", b"-2"]
    assert max(sum(len(change[3][1]) for change in part.changes) for part in wide) <= 10_000_000
    assert len(wide) > 1
    assert (len(blocks) > 10) is (memory == "64kB" and far > 0), (
        "the second one is near the end, and left to a walsender"
    )
    assert since < large[0].position == large[-2].position < large[-1].position
    assert large[-1].position < wide[0].position < wide[-1].position


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
        rest = joined(each.follow(position))
        assert rest == [one for one in joined(whole) if one.position > position]


def test_a_heartbeat_comes_when_nothing_happens_also_read_only(each: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "_BEAT", 0.5)
    each.run("create table t (id int primary key)")
    since = each.prepare("t")
    each.run(f'alter database "{each.database}" set default_transaction_read_only = on')
    began = time.monotonic()
    with each.log.stream(RUN, since, each.tables) as changes:
        found = [beat for beat, _ in zip(changes, range(4), strict=False)]
    assert 1 < time.monotonic() - began < 8
    assert all(before.position < after.position for before, after in pairwise(found))
    assert all(not beat.changes and beat.last for beat in found)
    dated = [beat.committed for beat in found if beat.committed]
    assert len(dated) >= 2
    assert all(abs(committed - time.time()) < 10 for committed in dated)
    assert since < found[0].position
    assert found[-1].position <= each.log.here()


def test_a_heartbeat_that_is_read_late_says_so(each: Source) -> None:
    each.run("create table t (id int primary key)")
    since = each.prepare("t")
    for content in ("1000.5", "of somebody else"):
        each.run(f"select pg_logical_emit_message(false, 'landbridge', '{content}')")
    with each.log.stream(RUN, since, each.tables) as changes:
        late, unknown = [beat for beat, _ in zip(changes, range(2), strict=False)]
    assert (late.committed, unknown.committed) == (1000.5, 0.0)


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


def test_after_a_heartbeat_nothing_before_it_comes(
    source: Source, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Our own messages, a stranger's and keepalives between the commits of a writer that pauses now and then."""
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    writer = start(WRITER, source.dsn)
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


CAPTURE = """
import sys, time
from pathlib import Path
from landbridge.endpoints.postgres.log import backlog, beats, stream
from landbridge.endpoints.postgres.changes import ChangeLog
from landbridge.endpoints.postgres.connection import Database
from landbridge.model import TableMap, load
from landbridge.plan import EndpointRef
from landbridge.spool import SpoolMissing, SpoolWriter
import json
reference, tables, run, since, folder, far = sys.argv[1:]
beats._BEAT, stream._PART_CHANGES, stream._LOOK = 0.1, 7, 0.1
backlog._FAR, backlog._NEAR, backlog._FIRST, backlog._MESSAGES = int(far), int(far) // 4, 50, 50
try:
    spool = SpoolWriter.open(Path(folder), run)
except SpoolMissing:
    spool = SpoolWriter.create(Path(folder), run, since)
log = ChangeLog(Database(EndpointRef.model_validate_json(reference)))
tables, flushed = [load(TableMap, table) for table in json.loads(tables)], 0
while True:
    spool.rewind()
    with log.stream(run, spool.tail, tables, packed=True) as changes:
        for transaction in changes:
            spool.append(transaction)
            if time.monotonic() - flushed > 0.02:
                spool.flush()
                flushed = time.monotonic()
                changes.confirm(spool.tail)
"""

WRITERS = """
import random, sys, psycopg2
chance = random.Random(int(sys.argv[2]))
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute("set deadlock_timeout = '20ms'")
for number in range(250):
    try:
        for _ in range(chance.choice([1, 1, 1, 3, 12])):
            low = chance.randrange(400)
            cursor.execute(chance.choice([
                "insert into t select i, 'n', repeat('x', 3000) from generate_series(%(low)s, %(low)s + 9) i"
                " on conflict do nothing",
                "update t set v = v || 'u' where id between %(low)s and %(low)s + 5",
                "update t set id = -id where id = %(low)s and not exists (select from t where id = -%(low)s)",
                "update t set id = -id where id = -%(low)s and not exists (select from t where id = %(low)s)",
                "delete from t where id = %(low)s",
                "savepoint s; delete from t where id < %(low)s; rollback to s",
            ]), {"low": low})
        connection.commit() if chance.random() < 0.9 else connection.rollback()
    except psycopg2.Error:
        connection.rollback()
"""


@pytest.mark.parametrize("far", [1 << 60, 20_000], ids=["one by one", "in bulk"])
def test_capture_killed_again_and_again_under_writers_loses_nothing(
    source: Source, tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"], far: int
) -> None:
    source.run("create table t (id int primary key, v text, big text); alter table t alter big set storage external")
    since = source.prepare("t")
    tables = json.dumps([dump(table) for table in source.tables])
    capture = (CAPTURE, source.ref.model_dump_json(), tables, RUN, since, str(tmp_path), str(far))
    bulk = 0
    writers = [start(WRITERS, source.dsn, str(seed)) for seed in range(3)]
    kills = 0
    while any(writer.poll() is None for writer in writers) or kills < 3:
        process = start(*capture)
        wait_for(lambda: source.reader() or source.run(COPIES, source.database), 30)
        time.sleep(0.3)
        bulk += len(source.run(COPIES, source.database))
        process.kill()
        process.wait()
        kills += 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert bool(bulk) is (far < 1 << 60)
    goal = source.log.here()
    start(*capture)
    reader = SpoolReader(tmp_path, RUN, since)
    spooled: list[Transaction] = []
    wait_for(lambda: spooled.extend(map(unpacked, reader.read(1 << 20, 0.1))) or reader.position >= goal, 60)
    assert len(full(spooled)) > 100
    assert replayed(spooled) == dict(source.run("select id::text, (v, length(big))::text from t"))


def replayed(transactions: Sequence[Transaction]) -> dict[str, str]:
    """What the changes make of an empty table; each must find what it changes, and no insert may find its row."""
    there: dict[bytes, tuple[bytes, bytes]] = {}
    for operation, _, old, new in (change for transaction in transactions for change in transaction.changes):
        if operation == INSERT:
            assert new[0] not in there
            there[new[0]] = new[1:]
        elif operation == DELETE:
            del there[old[0]]
        else:
            before = there.pop(new[0] if old is None else old[0])
            assert new[0] not in there
            there[new[0]] = tuple(was if now is ... else now for was, now in zip(before, new[1:], strict=True))
    return {key.decode(): f"({v.decode()},{len(big)})" for key, (v, big) in there.items()}
