"""
kill -9 at any moment, of any process, and the same command again: nothing is lost, nothing comes twice. The moments
are drawn by seed, within the phases that the ledger shows.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pymysql
import pytest

from tests.directions.commandline import CommandLine, processes
from tests.directions.conftest import MakeStage
from tests.directions.stage import Stage
from tests.directions.test_directions import DIRECTIONS, arrange, assert_equal, assert_inventory, assert_nothing_left
from tests.directions.workload import Workload

_BULK = {
    "mysql": (
        "CREATE TABLE bulk (id INT PRIMARY KEY, word VARCHAR(200), amount DECIMAL(12,2))",
        (
            "INSERT INTO bulk WITH RECURSIVE digits AS (SELECT 0 AS d UNION ALL SELECT d + 1 FROM digits WHERE d < 99)"
            " SELECT a.d + 100 * b.d + 10000 * c.d, CONCAT(REPEAT('tab\\tüx', 20), a.d), a.d / 100"
            " FROM digits a CROSS JOIN digits b CROSS JOIN digits c WHERE c.d < 20"
        ),
    ),
    "postgres": (
        "CREATE TABLE public.bulk (id int PRIMARY KEY, word text, amount numeric(12,2))",
        "INSERT INTO public.bulk SELECT n, repeat(E'tab\\tüx', 20) || n % 100, n % 100 / 100.0 FROM generate_series(1, 200000) AS n",
    ),
}


@dataclass(frozen=True)
class Kill:
    """The blow falls up to `within` seconds after the phase began. victim: what its command line holds."""

    phase: str
    victim: str
    within: float


PHASES = ("prepare", "capture", "load", "catch-up", "build-indexes", "verify", "gate", "switch")
MAIN, CAPTURE, APPLY, ALL = "-m flows", "landbridge.replicate capture", "landbridge.replicate apply", "all"
_SHORT = (
    Kill("load", MAIN, 0.4), Kill("load", CAPTURE, 0.4), Kill("catch-up", APPLY, 0.5), Kill("verify", MAIN, 0.8),
    Kill("switch", MAIN, 0.5),
)  # fmt: skip
_LONG = tuple(Kill(phase, victim, 1.0) for phase in PHASES for victim in (MAIN, CAPTURE, APPLY, ALL))


@pytest.mark.parametrize("name", ["sakila-mariadb10", "chinook-postgres17-mysql9"])
def test_a_migration_survives_kills(
    name: str, request: pytest.FixtureRequest, make_stage: MakeStage, shared_data: Path, landbridge: CommandLine
) -> None:
    _migrate_with_kills(name, _SHORT, 7, request, make_stage, shared_data, landbridge)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name",
    ["sakila-mariadb10", "sakila-mysql9", "pagila-postgres17", "sakila-mysql9-mysql9", "chinook-postgres17-mysql9"],
)
def test_a_migration_survives_many_kills(
    name: str,
    seed: int,
    request: pytest.FixtureRequest,
    make_stage: MakeStage,
    shared_data: Path,
    landbridge: CommandLine,
) -> None:
    kills = sorted(random.Random(seed).sample(_LONG, 10), key=lambda kill: PHASES.index(kill.phase))
    _migrate_with_kills(name, kills, seed, request, make_stage, shared_data, landbridge)


def _migrate_with_kills(
    name: str,
    kills: Sequence[Kill],
    seed: int,
    request: pytest.FixtureRequest,
    make_stage: MakeStage,
    data: Path,
    landbridge: CommandLine,
) -> None:
    direction = DIRECTIONS[name]
    stage = arrange(direction, request, make_stage, data)
    for statement in _BULK[stage.source.engine]:
        stage.source.run(statement)
    chance = random.Random(seed)
    with Workload(stage.source.application(), direction.operations()) as workload:
        workload.run_for(30)
        hits = sum(_run_and_kill(landbridge, stage, kill, chance) for kill in kills)
        done = landbridge.ok("migrate", str(stage.plan), "--yes")
        time.sleep(0.5)
    assert hits >= len(kills) / 2, f"only {hits} blows fell before the work was done"
    assert workload.mistakes == []
    assert done["cutover"]["state"] == "done"
    assert_equal(stage)
    assert_inventory(stage, done["inventory"])
    assert_nothing_left(stage, done["run"])


def _run_and_kill(landbridge: CommandLine, stage: Stage, kill: Kill, chance: random.Random) -> bool:
    """Whether the blow fell while the command was at work. A phase done before is not begun again: then the next counts."""
    running = landbridge.start("migrate", str(stage.plan), "--yes", "--json")
    begun = [f"\n{phase} ..." for phase in PHASES[PHASES.index(kill.phase) :]]
    while running.process.poll() is None and not any(phase in running.said() for phase in begun):
        time.sleep(0.02)
    time.sleep(chance.uniform(0, kill.within))
    hit = running.process.poll() is None
    for pid in _victims(stage, kill.victim, running.process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    said = running.wait(200)
    assert said.code in (0, 1, -signal.SIGKILL), said
    assert "Traceback" not in said.err + said.out, said
    assert "unexpected" not in said.err, said
    return hit


def _victims(stage: Stage, victim: str, main: int) -> list[int]:
    """The command itself where the victim is not there (yet): the run must not come to its end."""
    run = _run_of(stage)
    of_run = processes(run) if run and victim != MAIN else {}
    found = [pid for pid, command in of_run.items() if victim == ALL or victim in command]
    return [main, *found] if victim in (MAIN, ALL) else found or [main]


def _run_of(stage: Stage) -> str | None:
    try:
        found = stage.target.run("SELECT run FROM landbridge.runs")
    except (psycopg2.errors.UndefinedTable, pymysql.err.ProgrammingError, pymysql.err.OperationalError):
        return None
    return str(found[0][0]) if found else None
