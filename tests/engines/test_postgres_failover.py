"""The source fails over to a standby that keeps a copy of the slot: the stream goes on there, or says why it cannot."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.checks import Checker
from landbridge.endpoints.postgres.connection import Database
from landbridge.endpoints.postgres.log import stream
from landbridge.errors import PositionLost
from landbridge.model import INSERT, Change, Position
from tests.engines.capture import RUN, Source, wait_for

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
    monkeypatch.setattr(stream, "_BEAT", 0.1)


def inserted(*numbers: int) -> list[Change]:
    return [(INSERT, 0, None, (b"%d" % number,)) for number in numbers]


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
                primary.run("select pg_log_standby_snapshot()")
                cursor.execute("select pg_sync_replication_slots()")
                cursor.execute("select from pg_replication_slots where synced and not temporary")
                if found and cursor.fetchall():
                    break
        applied = transaction.position
        assert found == inserted(1)
        primary.run("insert into t values (2)")
        ((end,),) = primary.run("select pg_current_wal_lsn()::text")
        wait_for(lambda: cursor.execute("select pg_last_wal_replay_lsn() >= %s", (end,)) or cursor.fetchone()[0])
        os.kill(primary.server.pid, signal.SIGKILL)
        cursor.execute("select pg_promote()")
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
