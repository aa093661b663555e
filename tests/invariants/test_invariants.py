"""
Exactly once, whatever is killed: an application with rules writes, blows fall at random on everything that takes part,
a reader finds the rules kept on the target all the time, and the far side equals the source at several positions on
the way and at the end. LANDBRIDGE_KILLER_SEED repeats a run's blows.
"""

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from landbridge import ledger, schema
from landbridge.begin import begin, capture_start
from landbridge.catch_up import wait_consistent
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.mysql import server as mysql
from landbridge.endpoints.postgres import server as postgres
from landbridge.errors import Terminal, Transient
from landbridge.load import Loading, finish_load
from landbridge.precheck import look
from landbridge.runfolder import RunFolder
from tests import pair
from tests.conftest import MYSQL_OPTIONS, POSTGRES_OPTIONS
from tests.directions.compare import Side, differences
from tests.directions.workload import Workload
from tests.invariants import bank
from tests.invariants.killer import BLOWS, Flow, Killer
from tests.invariants.reader import Reader
from tests.support import mysql_connection, postgres_connection
from validation.compare import compare

NAME = "bank"
Engine = Literal["mysql", "postgres"]


class End:
    """A server of its own, as it will be killed. image: its binlog_row_image."""

    def __init__(
        self, version: str, start_postgres: Callable[..., Any], start_mysql: Callable[..., Any], image: str = "FULL"
    ) -> None:
        self.version, self.image = version, image
        self._options = ("--local-infile=ON", f"--binlog-row-image={image}")
        self.engine: Engine = "postgres" if version.isdigit() else "mysql"
        if self.engine == "postgres":
            self.server: Any = start_postgres(version)
            postgres.create_database(self.server, NAME)
        else:
            self.server = start_mysql(version, *self._options)
            mysql.create_database(self.server, NAME)
        self.schema = "public" if self.engine == "postgres" else NAME

    def again(self) -> Any:
        """Started where it was, once nothing of the one killed is left."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self._start()
            except Terminal:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def _start(self) -> Any:
        place = {"folder": self.server.folder, "port": self.server.port}
        if self.engine == "postgres":
            return postgres.start(**place, program=postgres.find(self.version), options=POSTGRES_OPTIONS)
        options = (*MYSQL_OPTIONS, *self._options)
        return mysql.start(**place, program=mysql.find(self.version), options=options)

    def connect(self) -> Any:
        make: Any = postgres_connection if self.engine == "postgres" else mysql_connection
        return make(self.server, NAME)

    def session(self) -> Any:
        """One with transactions, in which a second look sees what the first one saw."""
        connection = self.connect()
        if self.engine == "postgres":
            connection.autocommit = False
            connection.set_session(isolation_level="REPEATABLE READ")
        else:
            connection.autocommit(False)
        return connection

    def application(self) -> Any:
        connection = self.connect()
        if self.engine == "postgres":
            connection.autocommit = False
        else:
            connection.autocommit(False)
        return connection

    def fill(self) -> None:
        with contextlib.closing(self.application()) as connection, connection.cursor() as cursor:
            bank.fill(cursor)
            if self.engine == "postgres":
                cursor.execute(f"alter table {bank.WITHOUT_KEY} replica identity full")
            elif self.image != "FULL":
                cursor.execute(f"alter table {bank.WITHOUT_KEY} add n int auto_increment invisible primary key")
            connection.commit()

    @contextlib.contextmanager
    def side(self) -> Iterator[Side]:
        with contextlib.closing(self.connect()) as connection:
            yield Side(engine=self.engine, connection=connection, schema=self.schema)


class Run:
    """Begun, loaded while the application writes, and consistent; its flow is alive."""

    def __init__(self, source: End, target: End, folder: Path, pausing: str | None = None) -> None:
        """pausing: a table that stands still where the target refuses a change of it."""
        ends = [pair.ref(end.engine, end.server, NAME) for end in (source, target)]
        self.plan = pair.plan(f"bank-{time.time_ns() % 10**9}", *ends, f"{source.schema}.*")
        rule = self.plan.tables[0].model_copy(update={"to": f"{target.schema}.*"})
        own = {"include": f"{source.schema}.{pausing}", "to": f"{target.schema}.{pausing}", "on_error": "pause"}
        rules = (rule, rule.model_copy(update=own)) if pausing else (rule,)
        self.plan = self.plan.model_copy(update={"tables": rules})
        self.source, self.target = connect(self.plan.source), connect(self.plan.target)
        self.run = begin(self.plan, look(self.plan, self.source, self.target)).run
        self.engine = self.target.get(Connects).engine()
        self.flow = Flow(RunFolder(folder))
        self.flow.folder.describe(self.run, self.plan)

    def load(self) -> None:
        with self.engine.begin() as connection:
            blueprint = ledger.blueprint(connection, self.run)
        steps = list(schema.statements(self.target, blueprint))
        schema.build(self.target, self.run, steps, ("tables",))
        capture_start(self.plan, self.run, self.source, self.target)
        self.flow.start()
        loading = Loading(self.source, self.target, self.run, workers=2, segment_mb=1)
        for table in blueprint.tables:
            loading.load_table(table)
        finish_load(self.target, self.run)
        wait_consistent(self.engine, self.run, self.watch, 60)
        schema.build(self.target, self.run, steps, ("indexes", "unique"))

    def watch(self) -> None:
        assert self.flow.alive, self.flow.said()

    def catch_up(self, patience: float = 60) -> None:
        """As far as the source is now, and so past all that was read of it before; what comes now may be read again."""
        deadline, here, row = time.monotonic() + patience, None, None
        while True:
            self.watch()
            with contextlib.suppress(Transient):
                here = here or self.source.get(Changes).here()
                with self.engine.begin() as connection:
                    row = ledger.read_stream(connection, self.run)
                if row.position >= here:
                    return
            assert time.monotonic() < deadline, f"not at {here} but {row}\n{self.flow.said()}"
            time.sleep(0.05)

    def equal(self, *, still: bool = False) -> set[str]:
        """What proved it."""
        found = compare(self.source, self.target, self.run, self.watch, patience=60, still=still)
        assert found.equal, found.differences[:20]
        return {each.proof for each in found.ranges}


def sees_a_broken_rule(target: End) -> bool:
    """A reader that finds nothing must be one that could have."""
    with contextlib.closing(target.application()) as connection, connection.cursor() as cursor:
        cursor.execute("update accounts set balance = balance + 1 where id = 1")
        connection.commit()
    with Reader(target.session) as reader:
        deadline = time.monotonic() + 20
        while not reader.broken and time.monotonic() < deadline:
            time.sleep(0.02)
    return any("sum of all accounts" in line for line in reader.broken)


def survive(source: End, target: End, folder: Path, seed: int, seconds: float, *, ahead: bool = False) -> None:
    """ahead: rows are read again from the source, so that the rules hold on the target only in the end."""
    print(f"LANDBRIDGE_KILLER_SEED={seed}")
    source.fill()
    with contextlib.ExitStack() as stack:
        workload = stack.enter_context(Workload(source.application, bank.OPERATIONS, rate=60, seed=seed))
        run = Run(source, target, folder)
        stack.callback(run.source.get(Changes).release, run.run)
        stack.callback(run.flow.stop)
        run.load()
        reader = stack.enter_context(Reader(target.session))
        ends = {"source": source, "target": target}
        killer = Killer(seed, run.flow, ends)
        compared, proofs, until = 0, set[str](), time.monotonic() + seconds
        while time.monotonic() < until or killer.struck.total() < len(BLOWS):
            blow = killer.strike()
            run.catch_up()
            if killer.struck.total() % 2 == 0:
                proofs |= run.equal()
                compared += 1
            assert ahead or reader.broken == [], blow
        workload.stop()
        run.catch_up()
        assert "settled" not in run.equal(still=True)
        with source.side() as left, target.side() as right:
            assert differences(left, right) == []
    print(
        f"{dict(killer.struck)}, compared {compared} times, {reader.snapshots} snapshots, {workload.committed} commits"
    )
    assert ahead or reader.broken == []
    assert ("settled" in proofs) is ahead
    assert reader.snapshots > 20
    assert sees_a_broken_rule(target)
    assert workload.mistakes == []
    assert workload.idle == []
    assert compared >= 3


SEED = int(os.environ.get("LANDBRIDGE_KILLER_SEED", "1"))


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("source", "target"), [("10.11", "18"), ("18", "18")])
def test_the_rules_hold_whatever_is_killed(
    source: str,
    target: str,
    start_postgres: Callable[..., Any],
    start_mysql: Callable[..., Any],
    tmp_path: Path,
) -> None:
    ends = [End(version, start_postgres, start_mysql) for version in (source, target)]
    survive(*ends, tmp_path, SEED, 55)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("source", "image", "seconds"),
    [
        ("10.11", "MINIMAL", 20),
        pytest.param("9.7", "MINIMAL", 120, marks=pytest.mark.long),
        pytest.param("9.7", "NOBLOB", 120, marks=pytest.mark.long),
        pytest.param("11.8", "NOBLOB", 120, marks=pytest.mark.long),
    ],
)
def test_nothing_is_lost_of_rows_that_are_logged_in_part(
    source: str,
    image: str,
    seconds: float,
    start_postgres: Callable[..., Any],
    start_mysql: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Of MariaDB, whose REPLACE then passes for an update, updated rows are read again."""
    near = End(source, start_postgres, start_mysql, image)
    far = End("18", start_postgres, start_mysql)
    survive(near, far, tmp_path, SEED, seconds, ahead=source != "9.7")


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("turn", range(2))
@pytest.mark.parametrize(
    ("source", "target"),
    [("10.11", "18"), ("18", "17"), ("17", "9.7"), ("9.7", "9.7"), ("9.7", "18"), ("10.11", "11.8")],
)
def test_the_rules_hold_for_long(
    source: str,
    target: str,
    turn: int,
    start_postgres: Callable[..., Any],
    start_mysql: Callable[..., Any],
    tmp_path: Path,
) -> None:
    seed = SEED + turn if "LANDBRIDGE_KILLER_SEED" in os.environ else random.randrange(1_000_000)
    ends = [End(version, start_postgres, start_mysql) for version in (source, target)]
    survive(*ends, tmp_path, seed, 240)
