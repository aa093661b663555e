"""Capture and apply as the processes they are: from one real database into another, killed, restarted, watched."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landbridge import capture, ledger
from landbridge.change import INSERT, Transaction
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.catalog import Describer
from landbridge.endpoints.postgres.connection import Database
from landbridge.errors import RowRejected, Terminal
from landbridge.ledger import StreamRow, layout
from landbridge.model import ColumnMap, Position, Table, TableMap
from landbridge.plan import EndpointRef, Plan, parse_plan
from landbridge.replicate import Replication
from landbridge.runfolder import RunFolder
from landbridge.spool import SpoolWriter
from tests.engines.applying import History, in_one_go
from tests.engines.capture import Source
from tests.support import postgres_connection, rows


class Pair:
    """Two databases and a run between them, as it is when the load is over; its capture and apply."""

    def __init__(self, server: postgres.Server, names: tuple[str, str], folder: Path) -> None:
        refs = [
            EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=name)
            for name in names
        ]
        self.source = Source(server, names[0])
        self.target = postgres_connection(server, names[1])
        self.ends = {"source": refs[0].model_dump(), "target": refs[1].model_dump()}
        self.engine = connect(refs[1]).get(Connects).engine()
        self.folder = RunFolder(folder)
        self.history = History(7)

    def begin(self, *definitions: str, **settings: Any) -> None:
        for definition in definitions:
            self.source.run(definition)
            rows(self.target, definition)
        names = [definition.split()[2] for definition in definitions]
        self.plan = parse_plan({"name": "pair", **self.ends, "tables": [{"include": "public.*"}], **settings})
        self.source.plan(*names)
        described = {table.name: table for table in Describer(Database(self.source.ref)).describe(["public"]).tables}
        self.source.tables = [_described(table, described[table.source.name]) for table in self.source.tables]
        blueprint = ledger.Blueprint(tables=tuple(self.source.tables), sequences=(), types=())
        identity = connect(self.plan.source).get(Connects).identity()
        with self.engine.begin() as connection:
            ledger.open_ledger(connection)
            self.run = ledger.begin_run(connection, self.plan, identity, blueprint).run
            connection.execute(layout.tables.update().values(state="applying"))
        start = self.source.log.prepare(self.run, self.source.tables)  # waits for all who write on this server
        with self.engine.begin() as connection:
            ledger.start_stream(connection, self.run, start)
        self.replication = Replication(self.plan, self.run, self.folder.path)

    def write(self, transactions: int) -> None:
        for _ in range(transactions):
            in_one_go(self.source.connection, self.history.transaction()[1])

    def row(self) -> StreamRow:
        with self.engine.begin() as connection:
            return ledger.read_stream(connection, self.run)

    def hold(self, where: str) -> None:
        with self.engine.begin() as connection:
            ledger.set_hold(connection, self.run, where)

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            self.replication.check()
            assert time.monotonic() < deadline, f"waited in vain; the stream stands at {self.row()}"
            time.sleep(0.02)
        return found

    def catch_up(self) -> None:
        here = self.source.log.here()
        self.wait(lambda: self.row().position >= here)

    def equal(self, *tables: str) -> None:
        for table in tables:
            query = f"select t::text from {table} t order by 1"
            assert rows(self.target, query) == rows(self.source.connection, query), table

    def pid(self, role: str) -> int:
        return self.replication._children[role].pid

    def told(self, role: str) -> dict[str, Any]:
        return self.folder.read(f"{role}.json") or {}

    def close(self) -> None:
        self.replication.stop()
        self.source.log.release(self.run)
        self.source.connection.close()
        self.target.close()


def _described(table: TableMap, found: Table) -> TableMap:
    """As the catalog has it; the values are texts on both sides."""
    columns = tuple(ColumnMap(source=column, target=column) for column in found.columns)
    return replace(table, source=found, target=found, columns=columns)


@pytest.fixture
def pair(
    postgres_server: postgres.Server, postgres_database: Callable[[], str], session_folder: Path
) -> Iterator[Pair]:
    made = Pair(postgres_server, (postgres_database(), postgres_database()), Path(tempfile.mkdtemp(dir=session_folder)))
    yield made
    made.close()


ITEMS, *_ = History.TABLES


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_target_follows_though_both_are_killed(pair: Pair) -> None:
    pair.begin(*History.TABLES)
    pair.source.run("alter table log replica identity full")
    for round_ in range(4):
        pair.replication.start()
        pair.write(30)
        if round_:
            pair.wait(lambda: pair.row().epoch >= 1)
        pair.write(30)
        for role in ("capture", "apply"):
            os.kill(pair.pid(role), signal.SIGKILL)
        pair.write(10)
    with pair.replication as replication:
        pair.write(30)
        pair.catch_up()
        pair.equal("items", "named", "log")
        replication.check()
        pair.wait(lambda: pair.told("apply").get("position") == pair.folder.applied())
        pair.wait(lambda: (replication.lag() or 99) < 5)
        assert pair.told("capture")["spool_bytes"] > 0
        begun = time.monotonic()
    assert time.monotonic() - begun < 8, "they end at once when told to"
    assert not list(pair.folder.path.glob("*.error.json"))
    changes = pair.row().changes
    pair.replication.start()
    pair.catch_up()
    assert pair.row().changes == changes, "nothing is applied again"


def test_a_next_start_ends_what_an_earlier_one_left(pair: Pair) -> None:
    pair.begin(ITEMS)
    pair.replication.start()
    pair.wait(lambda: pair.row().epoch == 1 and pair.told("capture"))
    left = [pair.pid("capture"), pair.pid("apply")]
    survivors = pair.replication._children
    pair.replication = Replication(pair.plan, pair.run, pair.folder.path)  # the flow was killed, its processes were not
    pair.replication.start()
    pair.wait(lambda: not any(map(is_running, left)), 10)
    for child in survivors.values():
        child.wait()
    pair.source.run("insert into items values (1, 'a', null)")
    pair.catch_up()
    pair.equal("items")


def test_check_says_what_a_process_died_of(pair: Pair) -> None:
    pair.begin(ITEMS)
    rows(pair.target, "insert into items values (1, 'secret', null)")
    pair.replication.start()
    pair.source.run("insert into items values (1, 'a', null)")
    with pytest.raises(RowRejected, match=r"public\.items .* 23505"):
        pair.wait(lambda: False)
    for name in ("apply.log", "apply.error.json", "apply.stderr", "run.json"):
        assert "secret" not in (pair.folder.path / name).read_text()
    rows(pair.target, "delete from items")
    pair.replication.start()
    pair.catch_up()
    pair.equal("items")
    pair.folder.fail("apply", Terminal("of another process", mend="-"))
    pair.replication.check()
    os.kill(pair.pid("apply"), signal.SIGKILL)
    with pytest.raises(Terminal, match="apply process ended by itself with status -9"):
        pair.wait(lambda: False)


def test_a_second_process_of_a_role_does_not_begin(pair: Pair) -> None:
    pair.begin(ITEMS)
    pair.replication.start()
    pair.wait(lambda: pair.row().epoch == 1)
    command = [sys.executable, "-m", "landbridge.replicate", "apply", str(pair.folder.path)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    found = pair.folder.read("apply.error.json")
    assert found is not None
    assert (found["error"], pair.row().epoch) == ("Busy", 1)
    pair.replication.check()


def test_a_spool_that_the_ledger_does_not_know_is_never_applied(pair: Pair) -> None:
    pair.begin(ITEMS)
    start = pair.row().position
    strange = SpoolWriter.create(pair.folder.spool, pair.run, start)
    later = Position(f"{int(start, 16) + 1:016X}")
    strange.append(Transaction(later, 0.0, [(INSERT, 0, None, (b"666", b"strange", None))]))
    strange.close()
    with pair.replication:
        pair.source.run("insert into items values (1, 'a', null)")
        pair.catch_up()
    pair.equal("items")
    assert len(list(pair.folder.path.glob("spool.aside-*"))) == 1


def test_a_lost_spool_is_captured_again(pair: Pair) -> None:
    pair.begin(ITEMS)
    pair.source.run("insert into items values (1, 'a', null)")
    pair.replication.start()
    pair.catch_up()
    pair.hold(ledger.NOW)
    pair.wait(lambda: pair.row().held)
    pair.source.run("insert into items values (2, 'b', null)")
    here = pair.source.log.here()
    pair.wait(lambda: pair.told("capture")["position"] >= here)
    pair.replication.stop()
    pair.folder.spool.rename(pair.folder.path / "lost")
    pair.hold("")
    pair.replication.start()
    pair.catch_up()
    pair.equal("items")
    assert pair.row().changes == 2


def test_capture_stops_taking_in_when_the_spool_is_full(pair: Pair) -> None:
    pair.begin(ITEMS, capture={"spool_gb": 0.0001})
    pair.hold(ledger.NOW)
    pair.replication.start()
    for start in range(0, 2000, 100):
        pair.source.run(f"insert into items select i, repeat('x', 100) from generate_series({start}, {start + 99}) i")
    pair.wait(lambda: pair.told("capture").get("state") == "waiting for apply")
    full = pair.told("capture")["spool_bytes"]
    pair.source.run("insert into items select i, repeat('x', 100) from generate_series(5000, 9999) i")
    time.sleep(2)
    assert pair.told("capture")["spool_bytes"] == full
    not_safe_yet(pair)
    pair.hold("")
    pair.catch_up()
    pair.equal("items")


def not_safe_yet(pair: Pair) -> None:
    """
    Apply has committed all there is, but not brought it to the target's disk: no table stands still, and capture waits.
    """
    os.kill(pair.pid("apply"), signal.SIGSTOP)
    said = {"position": pair.row().start, "reached": pair.told("capture")["position"]}
    pair.folder.write("applied.json", said)
    time.sleep(5 * capture._ROOM_POLL)
    pair.replication.check()
    assert pair.told("capture")["state"] == "waiting for apply"
    os.kill(pair.pid("apply"), signal.SIGCONT)


def test_capture_comes_back_when_the_source_ends_its_connection(pair: Pair) -> None:
    pair.begin(ITEMS)
    pair.replication.start()
    for number in range(3):
        pair.source.run("insert into items values (%s, 'a', null)", number)
        pair.catch_up()
        pair.source.run("select pg_terminate_backend(active_pid) from pg_replication_slots where active")
    pair.source.run("insert into items select i, repeat('x', 50) from generate_series(100, 60099) i")
    for _ in range(3):  # somewhere within the parts of that one
        time.sleep(0.1)
        pair.source.run("select pg_terminate_backend(active_pid) from pg_replication_slots where active")
    pair.catch_up()
    pair.equal("items")
    assert pair.row().changes == 3 + 60000
    assert "trying again" in (pair.folder.path / "capture.log").read_text()


def test_the_slot_is_freed_as_apply_goes_on(pair: Pair) -> None:
    pair.begin(ITEMS)
    pair.replication.start()
    pair.source.run("insert into items values (1, 'a', null)")
    pair.catch_up()
    here = pair.row().position
    confirmed = "select confirmed_flush_lsn - '0/0' from pg_replication_slots where database = current_database()"
    pair.wait(lambda: pair.source.run(confirmed)[0][0] >= int(here, 16))


def test_the_processes_stay_small() -> None:
    loaded = (
        "import sys; from landbridge import replicate; from landbridge.endpoints import connect;"
        "from landbridge.plan import EndpointRef;"
        "connect(EndpointRef(engine='postgres', host='h', user='u', database='d'));"
        "connect(EndpointRef(engine='mysql', host='h', user='u'));"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"prefect", "pandas", "numpy", "great_expectations", "fastapi", "sqlglot"}


def test_secrets_reach_the_processes_but_no_file(monkeypatch: pytest.MonkeyPatch, session_folder: Path) -> None:
    """`block:` references can be read on the orchestrator's side only."""
    from landbridge import plan as plans
    from landbridge.runfolder import handed_over

    end = {"engine": "postgres", "host": "h", "user": "u", "database": "d", "password": "block:shop/target"}
    plan: Plan = parse_plan({"name": "p", "source": end, "target": end, "tables": [{"include": "a.b"}]})
    monkeypatch.setattr(plans, "secret_sources", {"block": lambda name: f"secret of {name}"})
    (variable, value), *none = handed_over(plan).items()
    assert (value, none) == ("secret of shop/target", [])
    folder = RunFolder(Path(tempfile.mkdtemp(dir=session_folder)))
    folder.describe("r1", plan)
    assert "secret of" not in (folder.path / "run.json").read_text()
    monkeypatch.setattr(plans, "secret_sources", {})
    monkeypatch.setenv(variable, value)
    run, described = folder.described()
    assert (run, described) == ("r1", plan)
    assert described.target.secret() == "secret of shop/target"
