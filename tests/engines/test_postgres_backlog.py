"""What a slot is far behind with, read in bulk: the same as a walsender says, and nothing forgotten."""

import time
from collections.abc import Callable

import psycopg2
import pytest

from landbridge.change import Transaction, divided
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.log import backlog, beats, stream
from landbridge.endpoints.postgres.log.lsn import number
from landbridge.model import Position
from tests.engines.capture import COPIES, RUN, VERSIONS, Source, wait_for
from tests.engines.conftest import MakeSource
from tests.packing import joined, unpacked

NEVER = 1 << 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats by which a test sees that it has read to the end, and chunks of a few transactions."""
    monkeypatch.setattr(beats, "_BEAT", 0.1)
    for name in ("_FIRST", "_MESSAGES"):
        monkeypatch.setattr(backlog, name, 40)
    monkeypatch.setattr(backlog, "_CALLS", 1000)


@pytest.fixture(params=VERSIONS)
def each(
    request: pytest.FixtureRequest, postgres_version: Callable[..., postgres.Server], make_source: MakeSource
) -> Source:
    return make_source(postgres_version(request.param))


@pytest.fixture
def source(postgres_server: postgres.Server, make_source: MakeSource) -> Source:
    return make_source(postgres_server)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each call gave."""
    found: list[int] = []
    messages = backlog.Rows.messages

    def counted(self: backlog.Rows) -> list[bytes]:
        found.append(len(made := messages(self)))
        return made

    monkeypatch.setattr(backlog.Rows, "messages", counted)
    return found


def in_bulk(monkeypatch: pytest.MonkeyPatch, source: Source, since: Position) -> list[Transaction]:
    """Once, as far as it goes; what is left by a walsender."""
    monkeypatch.setattr(backlog, "_NEAR", -1)
    with monkeypatch.context() as patch:
        first = iter([True])
        patch.setattr(backlog, "worth", lambda *_: next(first, False))
        return source.follow(since)


def one_by_one(monkeypatch: pytest.MonkeyPatch, source: Source, since: Position) -> list[Transaction]:
    monkeypatch.setattr(backlog, "_FAR", NEVER)
    return source.follow(since)


def write(source: Source) -> None:
    """Some of all that a stream may hold; in between a transaction that stays open all the time, and others' tables."""
    with psycopg2.connect(source.dsn) as open_, open_.cursor() as cursor:
        cursor.execute("insert into t select i, 'open', null from generate_series(-50, -1) i")
        for turn in range(30):
            first = 100 * turn
            source.run(
                "insert into t select i, 'n' || i, repeat('b', 3000) from generate_series(%s, %s) i",
                first, first + turn % 7,
            )  # fmt: skip
            source.run("insert into other select generate_series(1, 20)")
            source.run("update t set v = v || 'u' where id = %s", first)
            source.run("update t set id = %s where id = %s", first + 50, first)
            source.transaction(
                "insert into k values (1.5, 'in')",
                "savepoint s",
                "insert into k values (2.5, 'back')",
                "rollback to s",
                f"delete from t where id = {first + 1}",
                "select pg_logical_emit_message(true, 'mine', 'x'), pg_logical_emit_message(false, 'mine', 'y')",
            )
            if turn % 10 == 5:
                source.run("truncate k")
                source.run("alter table other add column c%s int", turn)
                source.transaction("insert into t values (-1000, 'gone', 'gone')", "rollback")
        source.run("insert into t select i, 'many', null from generate_series(5000, 5300) i")
        open_.commit()
        source.run("insert into t values (-2000, 'last', null)")


def test_the_same_comes_in_bulk(each: Source, monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    each.run("create table t (id int primary key, v text, big text); alter table t alter big set storage external")
    each.run("create table k (n numeric, v text); alter table k replica identity full; create table other (i int)")
    since = each.prepare("t", "k")
    write(each)
    bulk = in_bulk(monkeypatch, each, since)
    assert len(calls) > 5
    assert max(calls) > 300, "a transaction comes whole"
    singly = one_by_one(monkeypatch, each, since)
    assert joined(bulk) == joined(singly)
    assert len(joined(bulk)) > 100
    positions = [transaction.position for transaction in bulk]
    assert positions == sorted(positions)
    middle = joined(bulk)[50].position
    assert joined(in_bulk(monkeypatch, each, middle)) == joined(bulk)[51:]


def test_values_are_printed_the_same_whatever_the_database_prefers(
    postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    """By the session's settings, and in UTF-8."""
    name = "preferring"
    maker = Source(postgres_server, "postgres")
    maker.run(f"create database {name} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'")
    for setting in (
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = -5",
        "timezone = 'Asia/Tokyo'",
    ):
        maker.run(f"alter database {name} set {setting}")
    maker.run(f"alter database {name} set bytea_output = 'escape'")
    source = Source(postgres_server, name)
    columns = "v text, at timestamptz, d date, f float8, r float4, b bytea, i interval, j jsonb, a text[]"
    source.run(f"create table t (id int primary key, {columns})")
    since = source.prepare("t")
    source.run(
        "insert into t values (1, 'Grüße', '2024-02-03 04:05:06.7+00', '2024-02-03', 0.1::float8 + 0.2, 1.1, '\\x00ff5c',"
        " '1 year 2 days 3.5 s', '{\"ä\": [1.50, null]}', '{é,NULL,\"a b\"}')"
    )
    bulk = in_bulk(monkeypatch, source, since)
    assert calls
    assert joined(bulk) == joined(one_by_one(monkeypatch, source, since))
    ((change,),) = [each.changes for each in joined(bulk)]
    assert change[3] == (
        b"1", "Grüße".encode(), b"2024-02-03 04:05:06.7+00", b"2024-02-03", b"0.30000000000000004", b"1.1", b"\\x00ff5c",
        b"1 year 2 days 00:00:03.5", '{"ä": [1.50, null]}'.encode(), '{é,NULL,"a b"}'.encode(),
    )  # fmt: skip
    source.log.release(RUN)
    source.connection.close()
    maker.run(f"drop database {name} with (force)")
    maker.connection.close()


def test_a_prepared_transaction_counts_when_it_is_committed(
    start_postgres: Callable[..., postgres.Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(start_postgres("17", "max_prepared_transactions=5"), "postgres")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    for name in ("before", "after"):
        source.run(f"begin; insert into t values ({len(name)}); prepare transaction '{name}'")
    source.run("insert into t select generate_series(100, 200)")
    source.run("commit prepared 'before'")
    bulk = in_bulk(monkeypatch, source, since)
    source.run("commit prepared 'after'")
    rest = one_by_one(monkeypatch, source, bulk[-1].position)
    found = [[int(change[3][0]) for change in each.changes] for each in joined([*bulk, *rest])]
    assert found == [list(range(100, 201)), [6], [5]]


def test_the_slot_follows_the_target_only(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    for number_ in range(100):
        source.run("insert into t values (%s)", number_)
    monkeypatch.setattr(backlog, "_FAR", -1)
    monkeypatch.setattr(backlog, "_NEAR", -1)
    seen: list[Transaction] = []
    with source.log.stream(RUN, since, source.tables, packed=True) as opened:
        for transaction in opened:
            seen.append(transaction)
            if len(seen) == 2:
                assert source.run(COPIES, source.database)
                opened.confirm(seen[0].position)
            assert source.slot() == (None, number(since)), "it moved before all was told"
    source.log._bulk = False
    wait_for(lambda: not source.run(COPIES, source.database))
    assert source.slot() == (None, number(seen[0].position))
    rest = source.follow(seen[0].position)
    assert joined(rest) == joined(one_each(seen[1:]))


def one_each(transactions: list[Transaction]) -> list[Transaction]:
    return list(map(unpacked, divided(transactions)))


def test_the_slot_is_told_while_nobody_reads_on(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when capture waits for room."""
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    source.run("insert into t values (1)")
    source.run("insert into t values (2)")
    monkeypatch.setattr(backlog, "_FAR", -1)
    monkeypatch.setattr(backlog, "_TELL", 0.5)
    with source.log.stream(RUN, since, source.tables, packed=True) as opened:
        told = next(each for each in opened if each.count)
        opened.confirm(told.position)
        assert source.slot() == (None, number(since))
        time.sleep(0.6)
        opened.confirm(told.position)
        assert source.slot() == (None, number(told.position))


def test_a_copy_that_is_of_no_use_ends(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold the log for as long as the walsender's stream, which may be weeks."""
    source.run("create table t (id int primary key)")
    since = source.prepare("t")

    def fails(*_: object) -> None:
        made.append(source.run(COPIES, source.database))
        source.run("select 1 / 0")

    made: list[list[tuple[str]]] = []
    monkeypatch.setattr(backlog, "worth", lambda *_: True)
    monkeypatch.setattr(backlog.Backlog, "_advance", fails)
    with source.log.stream(RUN, since, source.tables, packed=True):
        assert source.reader()
        wait_for(lambda: not source.run(COPIES, source.database))
    assert len(made) == len(made[0]) == 1


def test_a_call_that_takes_long_stops_nobody(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads acts now and then, and may leave in the middle of it."""
    monkeypatch.setattr(backlog, "_FAR", -1)
    monkeypatch.setattr(backlog, "_WAIT", 0.05)
    monkeypatch.setattr(backlog, "_ROWS", "copy (select pg_sleep(30)::text || %s || %s || %s || %s) to stdout")
    source.run("create table t (id int primary key)")
    since = source.prepare("t")
    source.run("insert into t values (1)")
    began = time.monotonic()
    with source.log.stream(RUN, since, source.tables, packed=True) as opened:
        found = [transaction for transaction, _ in zip(opened, range(5), strict=False)]
    assert time.monotonic() - began < 10
    assert [(each.position, each.changes, each.last) for each in found] == [(since, [], True)] * 5
    assert not source.run(COPIES, source.database)


def test_what_falls_behind_while_it_is_sent_goes_on_in_bulk(
    source: Source, monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    monkeypatch.setattr(backlog, "_FAR", 200_000)
    monkeypatch.setattr(backlog, "_NEAR", 50_000)
    monkeypatch.setattr(stream, "_LOOK", 0.0)
    source.run("create table t (id int primary key, v text)")
    since = source.prepare("t")
    found: list[Transaction] = []
    with source.log.stream(RUN, since, source.tables, packed=True) as opened:
        assert not source.run(COPIES, source.database)
        for turn in range(1000):
            source.run("insert into t values (%s, repeat('x', 1000))", turn)
        found += opened
    assert calls == []
    assert not any(transaction.changes and not transaction.last for transaction in found)
    found += source.follow(found[-1].position)
    assert calls
    written = [int(change[3][0]) for each in joined(one_each(found)) for change in each.changes]
    assert written == list(range(1000))


@pytest.mark.parametrize(("slots", "room"), [(1, 1 << 20), (5, 100_000)], ids=["no free slot", "no room in memory"])
def test_what_is_refused_in_bulk_a_walsender_sends(
    slots: int, room: int, start_postgres: Callable[..., postgres.Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(start_postgres("17", f"max_replication_slots={slots}"), "postgres")
    source.run("create table t (id int primary key, v text)")
    since = source.prepare("t")
    source.run("insert into t values (-1, '')")
    source.run("insert into t select i, repeat('x', 100) from generate_series(1, 3000) i")
    monkeypatch.setattr(backlog, "_FAR", -1)
    monkeypatch.setattr(backlog, "_ROOM", room)
    found = source.follow(since)
    assert [len(each.changes) for each in joined(found)] == [1, 3000]
    assert not source.log._bulk
    source.connection.close()


def test_a_slot_that_waits_for_standbys_is_not_copied(start_postgres: Callable[..., postgres.Server]) -> None:
    """A copy would not wait for them."""
    made = {}
    for setting in ("", "standby"):
        source = Source(start_postgres("17", f"synchronized_standby_slots={setting}"), "postgres")
        source.run("create table t (id int primary key)")
        since = source.prepare("t")
        source.run("create table x as select i, repeat('x', 1000) from generate_series(1, 40000) i")
        made[setting] = backlog.worth(source.connection, "landbridge_r1", number(since))
        assert not backlog.worth(source.connection, "landbridge_r1", number(source.log.here()))
    assert made == {"": True, "standby": False}


def test_a_slot_that_reaches_far_back_is_left_to_a_walsender(
    source: Source, monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    """Each call would begin there."""
    monkeypatch.setattr(backlog, "_FAR", 100_000)
    source.run("create table t (id int primary key, v text)")
    since = source.prepare("t")
    source.run("insert into t select i, repeat('x', 1000) from generate_series(1, 3000) i")
    middle = source.log.here()
    source.run("insert into t select i, repeat('x', 1000) from generate_series(3001, 4000) i")
    assert backlog.worth(source.connection, "landbridge_r1", number(since))
    assert not backlog.worth(source.connection, "landbridge_r1", number(middle)), "more than half of what is to be read"
    source.run("insert into t select i, repeat('x', 1000) from generate_series(4001, 12000) i")
    assert backlog.worth(source.connection, "landbridge_r1", number(middle))
    monkeypatch.setattr(backlog, "_BACK", 1_000_000)
    assert not backlog.worth(source.connection, "landbridge_r1", number(middle))
    assert [len(each.changes) for each in joined(source.follow(since))] == [3000, 1000, 8000]
    assert len(calls) == 1
