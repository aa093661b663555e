"""The source fails over to a standby that keeps a copy of the slot: the stream goes on there, or says why it cannot."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from landbridge import ledger
from landbridge.begin import find
from landbridge.change import INSERT, Change
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.checks import Checker
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.log import beats
from landbridge.errors import PositionLost, SourceMoved
from landbridge.model import Position
from landbridge.replicate import Replication
from tests.altered import End, altered
from tests.engines.capture import RUN, Source, wait_for
from tests.pair import ref

Start = Callable[..., postgres.Server]


@dataclass(frozen=True, kw_only=True)
class Standby:
    primary: Source
    server: postgres.Server

    def open(self) -> Source:
        return Source(self.server, "postgres")


@pytest.fixture
def standby(start_postgres: Start, session_folder: Path) -> Iterator[Standby]:
    server = start_postgres("17", "synchronized_standby_slots=standby")
    primary = Source(server, "postgres")
    primary.run("select pg_create_physical_replication_slot('standby')")
    folder = Path(tempfile.mkdtemp(dir=session_folder))
    folder.chmod(0o755)
    programs = postgres.find("17")
    assert programs is not None
    login = f"host={server.host} port={server.port} user={server.user} dbname=postgres"
    copy = [programs / "pg_basebackup", "-d", login, "-D", folder / "data", "-S", "standby", "-c", "fast"]
    subprocess.run(copy, check=True)
    (folder / "data" / "standby.signal").touch()
    follows = (f"primary_conninfo={login}", "primary_slot_name=standby", "hot_standby_feedback=on")
    made = postgres.start(folder, program=programs, options=("fsync=off", *follows))
    yield Standby(primary=primary, server=made)
    primary.connection.close()
    postgres.remove(folder)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "_BEAT", 0.1)


def inserted(*numbers: int) -> list[Change]:
    return [(INSERT, 0, None, (b"%d" % number,)) for number in numbers]


def copied_slot(primary: Source, cursor: Any) -> bool:
    """Whether the standby has a copy of the run's slot that it may keep."""
    primary.run("select pg_log_standby_snapshot()")
    cursor.execute("select pg_sync_replication_slots()")
    cursor.execute("select from pg_replication_slots where synced and not temporary")
    return bool(cursor.fetchall())


def promote(primary: Source, cursor: Any) -> None:
    """With all that the primary had; it is gone."""
    ((end,),) = primary.run("select pg_current_wal_lsn()::text")
    wait_for(lambda: cursor.execute("select pg_last_wal_replay_lsn() >= %s", (end,)) or cursor.fetchone()[0])
    os.kill(primary.server.pid, signal.SIGKILL)
    cursor.execute("select pg_promote()")


def told(source: Source) -> list[str]:
    """What mends it that the stream may overtake standbys."""
    found = Checker(Database(source.ref)).check_source([], "")
    return [one.mend for one in found if one.name == "failover-slots"]


def test_a_stream_goes_on_at_a_promoted_standby(standby: Standby) -> None:
    primary = standby.primary
    assert told(primary) == []
    primary.run("create table t (id int primary key)")
    since = primary.prepare("t")
    known = Database(primary.ref).identity()
    primary.run("insert into t values (1)")
    with contextlib.closing(standby.open().connection) as connection, connection.cursor() as cursor:
        found: list[Change] = []
        with primary.log.stream(RUN, since, primary.tables) as opened:
            for transaction in opened:
                found += transaction.changes
                opened.confirm(transaction.position)
                if copied_slot(primary, cursor) and found:
                    break
        applied = transaction.position
        assert found == inserted(1)
        primary.run("insert into t values (2)")
        promote(primary, cursor)
    promoted = standby.open()
    promoted.tables = primary.tables
    promoted.run("insert into t values (3)")
    assert Database(promoted.ref).identity() != known
    assert promoted.log.resume(RUN, known, applied, "") == applied
    assert promoted.changes(applied) == inserted(2, 3)
    beyond = Position(f"{int(promoted.log.here(), 16):016X}")
    with pytest.raises(PositionLost, match="never had the end of it"):
        promoted.log.resume(RUN, known, beyond, "")
    system, _, database = known.split("/")
    for other in (f"1/1/{database}", f"{system}/1/other"):
        with pytest.raises(PositionLost, match="is no standby"):
            promoted.log.resume(RUN, other, applied, "")
    with pytest.raises(PositionLost, match="does not come from"):
        promoted.log.resume(RUN, f"{system}/7/{database}", applied, "")
    promoted.run("select pg_create_physical_replication_slot('next')")
    assert ["synchronized_standby_slots = 'next'" in mend for mend in told(promoted)] == [True]
    promoted.log.release(RUN)
    promoted.connection.close()


@pytest.mark.long
@pytest.mark.parametrize("target", ["postgres_target", "mysql_target"])
def test_a_run_goes_on_at_a_promoted_standby(
    standby: Standby, target: str, request: pytest.FixtureRequest, postgres_database: Any, mysql_database: Any,
    session_folder: Path,
) -> None:  # fmt: skip
    """Through to the target: some is applied, some only in the spool, some in neither."""
    server = request.getfixturevalue(f"{target}_server")
    database = (postgres_database if target.startswith("postgres") else mysql_database)(server)
    primary, tables = standby.primary, ("create table t (id int primary key, v text)", "create table bare (v int)")
    old = End(primary.server, "postgres")
    filled = (
        "alter table bare replica identity full",
        "insert into t values (1, 'a'), (2, 'b')",
        "insert into bare values (1), (1)",
    )
    with altered(old, End(server, database), session_folder, *tables, *filled) as here:
        with contextlib.closing(standby.open().connection) as connection, connection.cursor() as cursor:
            with here.replication:
                old.run("update t set v = 'applied' where id = 1", "insert into bare values (1)")
                here.catch_up()
                here.wait(lambda: copied_slot(primary, cursor))
                with here.engine.begin() as ledger_connection:
                    ledger.set_hold(ledger_connection, here.pair.run, ledger.NOW)
                here.wait(lambda: here.row().held)
                old.run("update t set id = 9 where id = 2", "insert into bare values (7)")
                here.spooled()
            old.run("insert into t values (3, 'nowhere yet')", "delete from bare where v = 7")
            promote(primary, cursor)
        new = End(standby.server, "postgres")
        new.run("insert into t values (4, 'written to the new primary')", "insert into bare values (1)")
        source = here.pair.plan.source.model_copy(update={"port": ref("postgres", standby.server, "")["port"]})
        here.use(here.pair.plan.model_copy(update={"source": source}))
        with here.replication, pytest.raises(SourceMoved, match="another server"):
            here.wait(lambda: False)
        found = find(here.pair.plan)
        assert found is not None
        assert found.source == Database(standby.open().ref).identity()
        with here.engine.begin() as ledger_connection:
            ledger.set_hold(ledger_connection, here.pair.run, "")
        for number in (5, 6):  # the second time somewhere in the new server's log
            here.replication = Replication(here.pair.plan, here.pair.run, here.folder)
            with here.replication:
                new.run(f"insert into t values ({number}, 'later')", "update bare set v = 2 where v = 1")
                here.goes_on_at(new)
                here.catch_up()
        for table in ("t", "bare"):
            query = f"select * from {table} order by 1"
            assert here.target.run(query) == new.run(query)
        assert [key for key, _ in here.target.run("select * from t order by 1")] == [1, 3, 4, 5, 6, 9]
        new.connection.close()
