"""The source fails over to a replica: the run goes on there, exactly once, or says what is missing."""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge import ledger
from landbridge.begin import capture_start, find
from landbridge.catch_up import wait_for
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.errors import PositionLost, SourceMoved
from landbridge.ledger import StreamRow, layout
from landbridge.model import Position
from landbridge.plan import Plan
from landbridge.replicate import Replication
from landbridge.runfolder import RunFolder
from tests.pair import Pair, plan, ref
from tests.support import mysql_connection, postgres_connection, rows

Start = Callable[..., mysql.Server]
TABLES = (
    "create table t (id int primary key, v varchar(200))",
    "create table bare (v int)",
    "create table other.t (id int primary key)",
)

OTHER_NAMES = {
    True: ("set gtid_domain_id = 3", "set gtid_domain_id = 0"),
    False: ("set gtid_next = 'automatic:batch'", "set gtid_next = 'automatic'"),
}
"""By whether it is MariaDB: another domain, a tag, and what is usual."""


class Servers:
    """A primary with data and a replica of it, made anew or given."""

    def __init__(self, start: Start, version: str, database: str) -> None:
        self.database, self.mariadb = database, version != "9.7"
        self.primary, self.replica = start(version), start(version)
        self.on_primary, self.on_replica = mysql_connection(self.primary), mysql_connection(self.replica)
        for connection in (self.on_primary, self.on_replica):  # each has what its own beginning wrote
            rows(connection, "reset master" if self.mariadb else "reset binary logs and gtids")
        self._replicate()
        self.run(f"create database {database}", "create database other", f"use {database}", *TABLES)

    def _replicate(self) -> None:
        login = f"_host='127.0.0.1', {{}}_port={self.primary.port}, {{}}_user='repl', {{}}_password='p'"
        self.run(
            "create user repl@'%' identified by 'p'",
            "grant replication slave on *.* to repl@'%'",
        )
        if self.mariadb:
            change = f"change master to master{login.format(*['master'] * 3)}, master_use_gtid=slave_pos"
            rows(self.on_replica, change)
            rows(self.on_replica, "start slave")
        else:
            change = f"change replication source to source{login.format(*['source'] * 3)}"
            rows(self.on_replica, f"{change}, source_auto_position=1, get_source_public_key=1")
            rows(self.on_replica, "start replica")

    def run(self, *statements: str) -> None:
        for statement in statements:
            rows(self.on_primary, statement)

    def pause_replica(self) -> None:
        rows(self.on_replica, "stop slave" if self.mariadb else "stop replica")

    def replicated(self) -> None:
        """The replica has all that the primary has."""
        query = "select @@gtid_binlog_state" if self.mariadb else "select @@global.gtid_executed"
        deadline = time.monotonic() + 30
        while rows(self.on_primary, query)[0][0] not in rows(self.on_replica, query)[0][0]:
            assert time.monotonic() < deadline, rows(
                self.on_replica, "show slave status" if self.mariadb else "show replica status"
            )
            time.sleep(0.05)

    def promote(self) -> None:
        """The primary is dead, the replica takes writes of its own."""
        os.kill(self.primary.pid, signal.SIGKILL)
        self.pause_replica()
        rows(self.on_replica, "reset slave all" if self.mariadb else "reset replica all")
        rows(self.on_replica, f"use {self.database}")

    def write_elsewhere(self) -> None:
        """On the replica alone, as those who run it do: the primary never had this."""
        with contextlib.closing(mysql_connection(self.replica)) as connection:
            if self.mariadb:
                rows(connection, "set gtid_domain_id = 5")
            for statement in (
                "create database mine",
                "create table mine.t (id int primary key)",
                "insert into mine.t values (1)",
            ):
                rows(connection, statement)

    def close(self) -> None:
        self.on_primary.close()
        self.on_replica.close()


@pytest.fixture(params=["9.7", "11"])
def servers(request: pytest.FixtureRequest, start_mysql: Start) -> Iterator[Servers]:
    made = Servers(start_mysql, request.param, "shop")
    yield made
    made.close()
    for server in (made.primary, made.replica):
        server.stop()


class Run:
    """A run from the primary to a PostgreSQL database, past the consistent point; its capture and apply."""

    def __init__(self, servers: Servers, postgres: Any, database: str, folder: Path) -> None:
        self.servers = servers
        self.target = postgres_connection(postgres, database)
        self.ends = ref("postgres", postgres, database)
        self.folder = folder

        def start(pair: Pair) -> None:
            capture_start(pair.plan, pair.run, pair.source, pair.target)

        given = self.plan(servers.primary)
        self.pair = Pair(given, "shop", lambda sql: rows(self.target, sql), start)
        self.run, self.engine = self.pair.run, self.pair.target.get(Connects).engine()
        self.replication = Replication(given, self.run, folder)

    def plan(self, server: mysql.Server) -> Plan:
        source = ref("mysql", server, "")
        return plan("moved", source | {"database": None}, self.ends, "shop.*")

    def reached(self, what: Callable[[StreamRow], bool]) -> StreamRow:
        return wait_for(self.engine, self.run, what, self.replication.check, 40)

    def catch_up(self, server: mysql.Server) -> None:
        here = connect(self.plan(server).source).get(Changes).here()
        self.reached(lambda row: row.position >= here and row.consistent is not None and row.position >= row.consistent)

    def hold(self, where: str) -> None:
        with self.engine.begin() as connection:
            ledger.set_hold(connection, self.run, where)

    def captured(self, server: mysql.Server) -> None:
        """Capture has all of the log in its spool, whatever apply has."""
        here = connect(self.plan(server).source).get(Changes).here()
        folder, deadline = RunFolder(self.folder), time.monotonic() + 30
        while (folder.read("capture.json") or {"position": ""})["position"] < here:
            self.replication.check()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def content(self, connection: Any) -> list[list[tuple[Any, ...]]]:
        return [rows(connection, f"select * from shop.{table} order by 1") for table in ("t", "bare")]


@pytest.fixture
def moving(
    servers: Servers, postgres_server: Any, postgres_database: Callable[..., str], session_folder: Path
) -> Iterator[Run]:
    servers.run(
        "insert into t (id, v) values (1, 'a'), (2, 'b'), (3, 'c')", "insert into bare (v) values (1), (1), (2)"
    )
    folder = Path(tempfile.mkdtemp(dir=session_folder))
    made = Run(servers, postgres_server, postgres_database(postgres_server), folder)
    yield made
    made.replication.stop()
    made.target.close()


def test_a_run_goes_on_at_a_promoted_replica(moving: Run) -> None:
    """Some is applied, some only in the spool, some in neither; some of it comes in another order on the replica."""
    servers = moving.servers
    with moving.replication:
        servers.run("update t set v = 'applied' where id = 1", "insert into bare (v) values (1)")
        servers.run("alter table t add column extra int", "update t set extra = id where id < 3")
        other, usual = OTHER_NAMES[servers.mariadb]
        servers.run(other, "insert into t (id, v) values (8, 'under another name')", usual)
        servers.write_elsewhere()
        servers.run(
            "insert into other.t values (1)",
            "insert into t (id, v) values (4, 'applied')",
            "insert into bare (v) values (1)",
        )
        moving.catch_up(servers.primary)
        moving.hold(ledger.NOW)
        moving.reached(lambda row: row.held != "")
        servers.run(
            "update t set id = 9 where id = 2",
            "insert into bare (v) values (7)",
            "insert into t (id, v) values (5, 'spooled')",
        )
        servers.run("alter table bare add column more int", "insert into bare values (8, 8)")
        moving.captured(servers.primary)
    servers.run(
        "delete from t where id = 3",
        "insert into t (id, v) values (6, 'nowhere yet')",
        "delete from bare where v = 1 limit 1",
    )
    servers.replicated()
    servers.promote()
    rows(servers.on_replica, "insert into t (id, v) values (7, 'written to the new primary')")
    rows(servers.on_replica, "insert into bare (v) values (1)")
    moved = moving.plan(servers.replica)
    moving.replication = Replication(moved, moving.run, moving.folder)
    with moving.replication, pytest.raises(SourceMoved, match="another server"):
        moving.reached(lambda _: False)
    refuses_before_the_load_has_converged(moving, moved)
    found = find(moved)
    assert found is not None
    assert found.source == connect(moved.source).get(Connects).identity()
    moving.hold("")
    for _ in range(2):  # the second time somewhere in the new server's log
        moving.replication = Replication(moved, moving.run, moving.folder)
        with moving.replication:
            rows(servers.on_replica, "insert into bare (v) values (3)")
            moving.catch_up(servers.replica)
    assert moving.content(moving.target) == moving.content(servers.on_replica)
    assert len(moving.content(moving.target)[0]) == 7
    refuses_what_it_cannot_prove(moving)


def refuses_what_it_cannot_prove(moving: Run) -> None:
    servers = moving.servers
    log = connect(moving.plan(servers.replica).source).get(Changes)
    with moving.engine.begin() as connection:
        row = ledger.read_stream(connection, moving.run)
    name = row.passed.split(":")[0]
    assert log.resume(moving.run, "", row.position, row.passed)
    with pytest.raises(PositionLost, match=rf"it lacks transactions that were applied.*{name}:\d+-999"):
        log.resume(moving.run, "", row.position, f"{row.passed},{name}:900-999")
    for unknown in ("", "?", f"{row.passed},?"):
        with pytest.raises(PositionLost, match="no names that another server knows"):
            log.resume(moving.run, "", row.position, unknown)
    rows(servers.on_replica, "flush binary logs")
    rows(servers.on_replica, "insert into bare (v) values (4)")
    newest = rows(servers.on_replica, "show binary logs")[-1][0]
    for _ in range(50):  # MariaDB purges once a background thread has noted that it may
        rows(servers.on_replica, f"purge binary logs to '{newest}'")
        if len(rows(servers.on_replica, "show binary logs")) == 1:
            break
        time.sleep(0.1)
    with pytest.raises(PositionLost, match="purged past what was applied"):
        log.resume(moving.run, "", row.position, f"{name}:1")
    assert log.resume(moving.run, "", row.position, row.passed)


def refuses_before_the_load_has_converged(moving: Run, moved: Plan) -> None:
    """Its rows were read from the first server at places that nobody knows in the second one's log."""
    with moving.engine.begin() as connection:
        row = ledger.read_stream(connection, moving.run)
        ledger.raise_consistent(connection, moving.run, Position(f"9{row.position}"))
    with pytest.raises(PositionLost, match="ahead of what was applied"):
        find(moved)
    with moving.engine.begin() as connection:
        connection.execute(layout.stream.update().values(consistent=row.consistent))
