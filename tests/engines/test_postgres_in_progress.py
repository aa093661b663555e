"""Transactions that are sent before they end: told when they commit, whole, and nothing of what was rolled back."""

import random
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from landbridge.change import DELETE, INSERT, TRUNCATE, Change
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import beats, in_progress
from landbridge.errors import SchemaDrift
from tests.engines.capture import RUN, Source, full, until, wait_for
from tests.engines.conftest import MakeSource
from tests.support import postgres_connection, rows

SOME = "insert into t select i, repeat('x', 300) from generate_series({}, {}) i"
"""More than the server keeps of a transaction (logical_decoding_work_mem is 64 kB), so that it sends it at once."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)


@pytest.fixture(params=["14", "18"])
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    made = make_source(postgres_version(request.param))
    made.run("create table t (id int primary key, pad text)")
    return made


def inserted(changes: list[Change]) -> list[int]:
    assert {change[0] for change in changes} <= {INSERT}
    return [int(new[0]) for _, _, _, new in changes if new is not None]


def test_what_is_not_committed_is_not_told(each: Source, blocks: list[bytes]) -> None:
    since = each.prepare("t")
    other = postgres_connection(each.server, each.database)
    each.run("begin; " + SOME.format(1, 2000))
    with each.log.stream(RUN, since, each.tables) as opened:
        rows(other, "insert into t values (-1, 'small')")
        goal = each.log.here()
        assert inserted([c for one in until(opened, goal) for c in one.changes]) == [-1]
        assert len(blocks) > 1
        each.run(SOME.format(2001, 4000) + "; commit")
        rows(other, "insert into t values (-2, 'small')")
        found = full(list(until(opened, each.log.here())))
    assert inserted([change for one in found for change in one.changes]) == [*range(1, 4001), -2]
    assert [one.last for one in found].count(True) == 2
    other.close()


def test_savepoints_rolled_back_leave_no_trace(each: Source, blocks: list[bytes]) -> None:
    since = each.prepare("t")
    each.transaction(
        SOME.format(1, 500),
        "savepoint a",
        SOME.format(501, 1000),
        "savepoint b",
        SOME.format(1001, 1500),
        "release b",
        SOME.format(1501, 2000),
        "rollback to a",
        SOME.format(2001, 2500),
        "savepoint c",
        "savepoint d",
        SOME.format(2501, 3000),
        "rollback to d",
        SOME.format(3001, 3500),
        "release c",
        "truncate t",
        SOME.format(1, 500),
    )
    each.run("begin; " + SOME.format(9000, 9999) + "; rollback")
    each.run("delete from t where id = 1")
    found = each.changes(since)
    border = found.index((TRUNCATE, 0, None, None))
    assert inserted(found[:border]) == [*range(1, 501), *range(2001, 2501), *range(3001, 3501)]
    assert inserted(found[border + 1 : -1]) == list(range(1, 501))
    assert found[-1] == (DELETE, 0, (b"1",), None)
    assert blocks


def test_a_shape_that_was_rolled_back_stops_nothing(each: Source, blocks: list[bytes]) -> None:
    """The server describes the table as the open transaction has it, and again when that is gone."""
    since = each.prepare("t")
    altered = "alter table t add column more int; insert into t select i, 'x', 1 from generate_series(501, 1500) i"
    with each.log.stream(RUN, since, each.tables) as opened:
        for statement in ("begin", SOME.format(1, 500), "savepoint s", altered, SOME.format(1501, 2000)):
            each.run(statement)
        sent = iter(opened)
        while len(blocks) < 3:
            next(sent)
        each.run("rollback to s")
        each.run(SOME.format(2001, 2500))
        each.run("commit")
        found = [change for one in until(sent, each.log.here()) for change in one.changes]
    assert inserted(found) == [*range(1, 501), *range(2001, 2501)]


def test_a_shape_that_was_committed_stops_the_stream_before_anything_is_told(each: Source, blocks: list[bytes]) -> None:
    since = each.prepare("t")
    altered = "alter table t add column more int; insert into t select i, 'x', 1 from generate_series(501, 1500) i"
    each.transaction(SOME.format(1, 500), altered)
    found: list[Any] = []
    with pytest.raises(SchemaDrift, match="more is new"), each.log.stream(RUN, since, each.tables) as opened:
        found += until(opened, each.log.here())
    assert blocks
    assert full(found) == []


def test_two_at_once_come_in_the_order_of_their_commits(each: Source, blocks: list[bytes]) -> None:
    since = each.prepare("t")
    other = postgres_connection(each.server, each.database)
    each.run("begin")
    rows(other, "begin")
    for number in range(0, 4000, 500):
        each.run(SOME.format(number, number + 499))
        rows(other, SOME.format(10_000 + number, 10_000 + number + 499))
    rows(other, "commit")
    each.run("commit")
    found = full(each.follow(since))
    assert inserted([change for one in found for change in one.changes]) == [*range(10_000, 14_000), *range(4000)]
    assert len(set(blocks)) == 2
    assert blocks != sorted(blocks)
    other.close()


def test_the_connection_breaks_while_one_is_open(each: Source, blocks: list[bytes]) -> None:
    since = each.prepare("t")
    each.run("begin; " + SOME.format(1, 1000))
    with each.log.stream(RUN, since, each.tables) as opened:
        sent = iter(opened)
        while not blocks:
            next(sent)
    each.run(SOME.format(1001, 2000) + "; commit")
    found = full(each.follow(since))
    assert inserted([change for one in found for change in one.changes]) == list(range(1, 2001))
    assert full(each.follow(found[-1].position)) == []


def test_whoever_reads_is_heard_while_only_parts_come(each: Source, blocks: list[bytes]) -> None:
    """No commit and no pause of the server's, and still something is yielded again and again."""
    since = each.prepare("t")
    with each.log.stream(RUN, since, each.tables) as opened:
        each.run("begin")
        sent, seen = iter(opened), 0
        for number in range(0, 10_000, 1000):
            each.run(SOME.format(number, number + 999))
            began = time.monotonic()
            while time.monotonic() - began < 0.11:
                assert next(sent).changes == []
                seen += 1
        each.run("rollback")
    assert seen >= 10
    assert len(blocks) > 10


def test_nothing_is_left_on_disk(each: Source, blocks: list[bytes], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    since = each.prepare("t")
    each.run("begin; " + SOME.format(1, 1000))
    with each.log.stream(RUN, since, each.tables) as opened:
        sent = iter(opened)
        while not blocks:
            next(sent)
        each.run("commit")
        assert len([c for one in until(sent, each.log.here()) for c in one.changes]) == 1000
    assert list(tmp_path.iterdir()) == []


def test_transactions_at_random_are_what_the_table_holds(each: Source, blocks: list[bytes]) -> None:
    """Savepoints nested and rolled back while the stream is read; the changes replayed give the table."""
    since = each.prepare("t")
    writer = threading.Thread(target=write_at_random, args=(each, random.Random(7)))
    there: set[bytes] = set()
    with each.log.stream(RUN, since, each.tables) as opened:
        writer.start()
        goal = None
        for one in opened:
            replay(one.changes, there)
            if goal is None and not writer.is_alive():
                goal = each.log.here()
            if goal is not None and one.last and one.position >= goal:
                break
    assert there == {key.encode() for (key,) in each.run("select id::text from t")}
    assert len(there) > 500
    assert len(set(blocks)) > 5


def replay(changes: list[Change], there: set[bytes]) -> None:
    for operation, _, old, new in changes:
        if operation == INSERT:
            assert new is not None
            assert new[0] not in there
            there.add(new[0])
        else:
            assert old is not None
            there.remove(old[0])


def write_at_random(source: Source, chance: random.Random) -> None:
    low = 0
    for _ in range(12):
        source.run("begin")
        depth = 0
        for _ in range(12):
            action = chance.choice(["more", "more", "delete", "save", "back", "keep"])
            if action == "more":
                low += 200
                source.run(SOME.format(low, low + 199))
            elif action == "delete":
                source.run("delete from t where id %% 17 = %s", chance.randrange(17))
            elif action == "save":
                depth += 1
                source.run(f"savepoint s{depth}")
            elif depth:
                source.run(f"rollback to s{depth}" if action == "back" else f"release s{depth}")
                depth -= action == "keep"
        source.run(chance.choice(["commit", "commit", "rollback"]))


def test_a_prepared_transaction_comes_once_when_it_is_committed(each: Source, blocks: list[bytes]) -> None:
    """A small one and one that is sent before; the stream begins again between the two steps, and after them."""
    since = each.prepare("t")
    each.run("begin; insert into t values (-1, 'small'); prepare transaction 'small'")
    each.run("begin; " + SOME.format(1, 1000) + "; prepare transaction 'large'")
    each.run("begin; " + SOME.format(5001, 6000) + "; prepare transaction 'never'")
    each.run("insert into t values (-2, 'between')")
    before = full(each.follow(since))
    assert [inserted(one.changes) for one in before] == [[-2]]
    each.run("rollback prepared 'never'")
    each.run("commit prepared 'large'")
    each.run("commit prepared 'small'")
    after = full(each.follow(before[-1].position))
    assert [inserted(one.changes) for one in after] == [list(range(1, 1001)), [-1]]
    assert blocks
    assert full(each.follow(after[0].position)) == after[1:]
    assert full(each.follow(after[-1].position)) == []
    assert full(each.follow(since)) == before + after


def test_a_prepared_transaction_comes_once_over_a_killed_capture(each: Source, blocks: list[bytes]) -> None:
    """What was confirmed lies between PREPARE and COMMIT PREPARED; the server must still have all of it."""
    since = each.prepare("t")
    each.run("begin; " + SOME.format(1, 1000) + "; prepare transaction 'large'")
    each.run("insert into t values (-2, 'between')")
    goal = each.log.here()
    with each.log.stream(RUN, since, each.tables) as opened:
        for one in until(opened, goal):
            opened.confirm(one.position)
        wait_for(lambda: (each.slot() or (0, 0))[1] >= int(goal, 16))
    each.run("checkpoint; select pg_switch_wal(); checkpoint")
    each.run("commit prepared 'large'")
    found = full(each.follow(goal))
    assert [inserted(one.changes) for one in found] == [list(range(1, 1001))]
    assert len(set(blocks)) == 1


def test_memory_does_not_grow_with_the_transaction(each: Source, blocks: list[bytes], monkeypatch: Any) -> None:
    monkeypatch.setattr(in_progress, "PART_BYTES", 1 << 20)
    since = each.prepare("t")
    each.run(SOME.format(1, 60_000))  # 18 MB
    goal, seen = each.log.here(), 0
    tracemalloc.start()
    with each.log.stream(RUN, since, each.tables) as opened:
        for one in until(opened, goal, 60):
            seen += len(one.changes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == 60_000
    assert len(set(blocks)) == 1
    assert peak < 8 << 20
