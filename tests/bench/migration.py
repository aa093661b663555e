"""The product's own figures: load, memory and changes, through the engine with ledger, capture and apply at work."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.plan import read_plan
from tests.bench.servers import DATABASE, Servers, changes
from tests.directions.commandline import processes

_ROOT = Path(__file__).parents[2]


@dataclass(kw_only=True)
class Migration:
    """pids: of load, capture and apply."""

    plan: Path
    home: Path
    run: str
    rows: int
    seconds: float
    pids: tuple[int, ...]

    @property
    def peak_mb(self) -> float:
        """The sum of what each process held at its highest; shared pages count for each."""
        return sum(_peak_kb(pid) for pid in self.pids) / 1024


@contextlib.contextmanager
def migrating(found: Servers, source: str, name: str) -> Iterator[Migration]:
    """Loaded into a database of its own; capture and apply run inside."""
    plan, home = _plan(found, source, name), found.folder / "home"
    command = [sys.executable, "-m", "tests.bench.engine", str(plan), str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the engine ended with status {process.wait()}")
        told = json.loads(line)
        pids = (told["pid"], *(pid for pid, line in processes(told["run"]).items() if "replicate" in line))
        yield Migration(plan=plan, home=home, run=told["run"], rows=told["rows"], seconds=told["seconds"], pids=pids)
    finally:
        process.stdin.close()
        process.wait(60)


def _plan(found: Servers, source: str, name: str) -> Path:
    database = name.replace("-", "_")
    postgres.create_database(found.target, database)
    ends: dict[str, dict[str, Any]] = {
        "mysql": {"engine": "mysql", "host": found.mysql.host, "port": found.mysql.port, "user": found.mysql.user},
        "postgres": {
            "engine": "postgres", "host": found.source.host, "port": found.source.port, "user": found.source.user,
            "database": DATABASE,
        },
        "target": {
            "engine": "postgres", "host": found.target.host, "port": found.target.port, "user": found.target.user,
            "database": database,
        },
    }  # fmt: skip
    include = f"{DATABASE}.orders" if source == "mysql" else "public.orders"
    path = found.folder / f"{name}.yaml"
    rules = [{"include": include, "to": "public.orders"}]
    path.write_text(yaml.safe_dump({"name": name, "source": ends[source], "target": ends["target"], "tables": rules}))
    return path


def stream_changes(found: Servers, migration: Migration, whole_table: int, scale: float) -> tuple[int, float]:
    """
    Changes and the seconds they take from the source's log to the target's tables. Capture and apply sleep while the
    source writes, so that its own speed is no part of the figure.
    """
    plan = read_plan(migration.plan)
    engine = connect(plan.target).get(Connects).engine()
    followers = migration.pids[1:]
    for pid in followers:
        os.kill(pid, signal.SIGSTOP)
    try:
        made = changes(found, whole_table, scale)
        goal = connect(plan.source).get(Changes).here()
    finally:
        for pid in followers:
            os.kill(pid, signal.SIGCONT)
    began = time.perf_counter()
    while True:
        with engine.connect() as connection:
            if ledger.read_stream(connection, migration.run).position >= goal:
                return made, time.perf_counter() - began
        if time.perf_counter() - began > 300:
            raise SystemExit(f"the changes did not arrive; see {migration.home}")
        time.sleep(0.02)


def prove(migration: Migration) -> dict[str, Any]:
    """The rest of the migration with orchestrator and validation, up to the exact comparison; its peak memory."""
    environment = os.environ | {"LANDBRIDGE_HOME": str(migration.home)}
    landbridge = [sys.executable, "-m", "flows"]
    try:
        command = [*landbridge, "migrate", str(migration.plan), "--until", "validated", "--json"]
        process = subprocess.Popen(
            command, env=environment, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        subprocess.run([*landbridge, "server", "stop"], env=environment, cwd=_ROOT, check=False, capture_output=True)
    if process.returncode:
        raise SystemExit(f"the comparison ended with {process.returncode}: {said}")
    checked = json.loads(said)["validation"]["detail"]
    return {"rows": checked["rows"], "seconds": checked["seconds"], "peak_mb": usage.ru_maxrss / 1024}


def _peak_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
