"""
Memory over time: `python -m tests.bench.steady [--minutes 10] [--source mysql|postgres]`. Changes come steadily, and every
half minute all connections of capture and of apply are ended by the servers, so that both begin again. A line a minute:
what each of the two holds, how many files it has open, and the spool. What leaks, grows from line to line.
"""

import argparse
import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from landbridge import ledger
from landbridge.endpoints import connect
from landbridge.endpoints.abc import Changes, Connects
from landbridge.endpoints.postgres import server as postgres
from landbridge.plan import read_plan
from tests.bench.migration import Migration, migrating
from tests.bench.servers import DATABASE, Servers, fill, servers
from tests.bench.stream import setup
from tests.support import mysql_connection, postgres_connection, rows

_ROWS = 100_000
_AT_ONCE, _A_SECOND = 50, 20
"""Rows of each of the three statements of a transaction, and transactions: 3,000 changes a second."""

_COLUMNS = "customer, status, total, placed, remark, open, weight, document"
_ENDING = {
    "mysql": "select id from information_schema.processlist where command like 'Binlog Dump%'",
    "postgres": "select active_pid from pg_replication_slots where active_pid is not null and not temporary",
}


class Writer(threading.Thread):
    """Copies rows from the table's beginning to its end, changes some, and takes old copies away: it stays as large."""

    def __init__(self, session: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.changes, self.late, self.stopping = 0, 0.0, threading.Event()
        self._session = session

    def run(self) -> None:
        began, turn = time.monotonic(), 0
        with contextlib.closing(self._session()) as connection, connection.cursor() as cursor:
            while not self.stopping.is_set():
                low, new = turn * _AT_ONCE % (_ROWS - _AT_ONCE), 10**7 + turn * _AT_ONCE
                among = f"id > {low} and id <= {low + _AT_ONCE}"
                cursor.execute("begin")
                for sql in (
                    f"insert into orders (id, {_COLUMNS}) select id - {low} + {new}, {_COLUMNS} from orders where {among}",
                    f"update orders set total = total + 1, remark = 'turn {turn}' where {among}",
                    f"delete from orders where id > 10000000 and id <= {new - 2000}",
                ):
                    cursor.execute(sql)
                    self.changes += cursor.rowcount
                cursor.execute("commit")
                turn += 1
                self.late = time.monotonic() - began - turn / _A_SECOND
                self.stopping.wait(max(0.0, -self.late))


def held(pid: int) -> tuple[float, float, int]:
    """MB now, MB at most, open files."""
    text = Path(f"/proc/{pid}/status").read_text()
    now, most = (int(text.partition(f"{name}:")[2].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def end_connections(engine: str, source: Callable[[], Any], target: Callable[[], Any]) -> None:
    kill = "kill {}" if engine == "mysql" else "select pg_terminate_backend({})"
    with contextlib.closing(source()) as connection:
        for (number,) in rows(connection, _ENDING[engine]):
            rows(connection, kill.format(number))
    with contextlib.closing(target()) as connection:
        own = "datname = current_database() and pid <> pg_backend_pid()"
        rows(connection, f"select pg_terminate_backend(pid) from pg_stat_activity where {own}")


def watch(found: Servers, engine: str, migration: Migration, minutes: float, every: float) -> None:
    def source() -> Any:
        server = found.mysql if engine == "mysql" else found.source
        return mysql_connection(server, DATABASE) if engine == "mysql" else postgres_connection(server, DATABASE)

    def target() -> Any:
        return postgres_connection(found.target, read_plan(migration.plan).target.database or "")

    writer = Writer(source)
    writer.start()
    began, ended = time.monotonic(), 0
    spool = migration.home / "runs" / migration.run / "spool"
    print(
        f"{'minute':>6} {'changes':>10} {'late s':>7} {'capture MB, most, files':>26} {'apply MB, most, files':>24} {'spool MB':>9}"
    )
    for minute in range(1, int(minutes) + 1):
        while (left := began + minute * 60 - time.monotonic()) > 0:
            time.sleep(min(every, left))
            end_connections(engine, source, target)
            ended += 1
        shown = " ".join("{:>12.1f} {:>7.1f} {:>4}".format(*held(pid)) for pid in migration.pids[1:])
        size = sum(file.stat().st_size for file in spool.iterdir()) / 1e6
        print(f"{minute:>6} {writer.changes:>10,} {writer.late:>7.1f} {shown} {size:>9.1f}", flush=True)
    writer.stopping.set()
    writer.join()
    print(f"connections ended {ended} times; caught up in {_catch_up(migration):.1f} s", flush=True)


def _catch_up(migration: Migration) -> float:
    plan = read_plan(migration.plan)
    here, engine = connect(plan.source).get(Changes).here(), connect(plan.target).get(Connects).engine()
    began = time.monotonic()
    while time.monotonic() - began < 120:
        with engine.begin() as connection:
            if ledger.read_stream(connection, migration.run).position >= here:
                return time.monotonic() - began
        time.sleep(0.1)
    raise SystemExit("the changes did not arrive")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.steady", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=30, help="seconds between the blows at the connections")
    parser.add_argument("--source", choices=["mysql", "postgres"], default="mysql")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with servers() as found:
        if given.source == "mysql":
            fill(found, _ROWS)
        else:
            _fill_postgres(found)
        with migrating(found, given.source, "steady") as migration:
            watch(found, given.source, migration, given.minutes, given.every)


def _fill_postgres(found: Servers) -> None:
    tables, statements = setup("postgres")
    postgres.create_database(found.source, DATABASE)
    with contextlib.closing(postgres_connection(found.source, DATABASE)) as connection:
        for sql in (*tables, *statements):
            rows(connection, sql)


if __name__ == "__main__":
    main()
