"""
A table stands still again and again, goes on or is loaded anew, whatever is killed meanwhile: the others lose nothing and
keep their rules, and in the end neither has the table.
"""

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from landbridge import ledger
from landbridge.endpoints.abc import Changes
from landbridge.errors import Transient
from landbridge.reload import reload
from landbridge.resume import go_on
from tests.directions.compare import differences
from tests.directions.workload import Workload
from tests.invariants import bank
from tests.invariants.killer import BLOWS, Killer
from tests.invariants.reader import Reader
from tests.invariants.test_invariants import SEED, End, Run
from tests.support import rows

TABLE = "parcels"
REFUSE = f"alter table {TABLE} add constraint refused check (weight < 50) not valid"
MEND = f"alter table {TABLE} drop constraint if exists refused"


def on_target(target: End, sql: str) -> None:
    """The server may be away for a moment."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(psycopg2.Error), contextlib.closing(target.connect()) as connection:
            rows(connection, sql)
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stands(run: Run, wanted: bool, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        run.watch()
        with contextlib.suppress(Transient), run.engine.begin() as connection:
            if bool(ledger.standing(connection, run.run)) is wanted:
                return
        assert time.monotonic() < deadline, "it does not" if wanted else "it still does"
        time.sleep(0.05)


def let_go_on(run: Run, name: str, anew: bool) -> None:
    """As a person does: again, where a server was away."""
    for _ in range(20):
        with contextlib.suppress(Transient):
            if anew:
                reload(run.plan, name, "me", "in the test")
            else:
                go_on(run.plan, name, "me")
            return
        time.sleep(0.5)
    raise AssertionError("it could not be let go on")


@pytest.mark.long
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("source", ["10.11", "18"])
def test_a_table_stands_still_and_goes_on_whatever_is_killed(
    source: str, start_postgres: Callable[..., Any], start_mysql: Callable[..., Any], tmp_path: Path
) -> None:
    near, target = (End(version, start_postgres, start_mysql) for version in (source, "18"))
    seed = SEED if SEED != 1 else random.randrange(1_000_000)
    print(f"LANDBRIDGE_KILLER_SEED={seed}")
    near.fill()
    with contextlib.ExitStack() as stack:
        workload = stack.enter_context(Workload(near.application, bank.OPERATIONS, rate=60, seed=seed))
        run = Run(near, target, tmp_path, pausing=TABLE)
        stack.callback(run.source.get(Changes).release, run.run)
        stack.callback(run.flow.stop)
        run.load()
        reader = stack.enter_context(Reader(target.session))
        killer = Killer(seed, run.flow, {"source": near, "target": target})
        for turn in range(len(BLOWS)):
            on_target(target, REFUSE)
            stands(run, True)
            killer.strike()
            run.catch_up()
            on_target(target, MEND)
            let_go_on(run, f"{near.schema}.{TABLE}", anew=turn % 2 == 1)
            killer.strike()
            stands(run, False)
            run.catch_up()
            run.equal()
            assert reader.broken == []
        workload.stop()
        run.catch_up()
        run.equal(still=True)
        with near.side() as left, target.side() as right:
            assert differences(left, right) == []
    print(f"{dict(killer.struck)}, {reader.snapshots} snapshots, {workload.committed} commits")
    assert reader.broken == []
    assert workload.mistakes == []
