"""
Changes as they flow, beside the engine's own replication in the same run: `python -m tests.bench.stream [--quick]
[--family postgres|mysql]`. The time runs from the moment a follower is let go until a row written last is seen on its
side. Beside the speeds stands what all processes that take part compute for a change: on a machine that is not quiet
that says more.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.native import Family, mysql_family, postgres_family
from tests.directions.commandline import processes
from tests.support import rows

_ROOT = Path(__file__).parents[2]
_BATCH, _IDLE = 100, 3.0
PRESENT, HOT = 300_000, 10_000

Write = Callable[[Any, float], int]
"""Writes on a connection to the source, scaled; how many row changes it made."""

_ORDERS = {
    "postgres": (
        "create table orders (id bigint primary key, customer int not null, status varchar(20) not null,"
        " total numeric(12,2) not null, placed timestamp(6) not null, remark varchar(200), open boolean not null,"
        " weight double precision, document text)"
    ),
    "mysql": (
        "create table orders (id bigint primary key, customer int not null, status varchar(20) not null,"
        " total decimal(12,2) not null, placed datetime(6) not null, remark varchar(200), open tinyint(1) not null,"
        " weight double, document text)"
    ),
}
_HOT = "create table hot (id int primary key, n bigint not null, note varchar(60))"
_LAST = "create table last_one (id bigint primary key, at double precision not null)"

_ROW = {
    "postgres": (
        "select i, i * 7919 %% 100003, (array['new','paid','shipped','cancelled'])[1 + i %% 4], (i * 31 %% 1000000) / 100.0,"
        " '2024-01-01'::timestamp + i * interval '1.000037 s', 'remark ' || i || repeat('x', (i %% 60)::int), i %% 2 = 0,"
        " i / 3.0, '{\"k\":' || i || ',\"n\":\"' || md5(i::text) || '\"}' from generate_series({low}::bigint, {high}) i"
    ).replace("%%", "%"),
    "mysql": (
        "with recursive s(i) as (select {low} union all select i + 1 from s where i < {high})"
        " select i, i * 7919 % 100003, elt(1 + i % 4, 'new', 'paid', 'shipped', 'cancelled'), (i * 31 % 1000000) / 100,"
        " '2024-01-01' + interval i second, concat('remark ', i, repeat('x', i % 60)), i % 2, i / 3,"
        " concat('{{\"k\":', i, ',\"n\":\"', sha2(i, 224), '\"}}') from s"
    ),
}
_ROW["postgres"] = _ROW["postgres"].replace('\'{"k"', '\'{{"k"').replace("'\"}' from", "'\"}}' from")


def setup(engine: str) -> tuple[list[str], list[str]]:
    tables = [_ORDERS[engine], _HOT, _LAST]
    fill = [_insert(engine, low, low + 9_999) for low in range(1, PRESENT, 10_000)]
    hot = ", ".join(f"({number}, 0, 'as it was at first, {number}')" for number in range(HOT))
    if engine == "mysql":
        fill.insert(0, "set session cte_max_recursion_depth = 1000000")
    return tables, [*fill, f"insert into hot values {hot}", "insert into last_one values (0, 0)"]


def _insert(engine: str, low: int, high: int) -> str:
    return f"insert into orders {_ROW[engine].format(low=low, high=high)}"


def mixed(engine: str, size: int, first: int) -> Write:
    """Four inserts, two updates, one delete in an order of chance, `size` rows a transaction: 350,000, from `first` on."""

    def write(connection: Any, scale: float) -> int:
        chance, made = random.Random(5), 0
        new = 10**7 + 2 * first
        fresh = [_insert(engine, low, low + size - 1) for low in range(new, new + int(200_000 * scale), size)]
        ranges = [f"id between {low} and {low + size - 1}" for low in range(first, first + int(150_000 * scale), size)]
        changed = [
            f"update orders set status = 'changed', total = total + 1, weight = id where {among}"
            for among in ranges[: len(ranges) * 2 // 3]
        ]
        gone = [f"delete from orders where {among}" for among in ranges[len(ranges) * 2 // 3 :]]
        statements = [*fresh, *changed, *gone]
        chance.shuffle(statements)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                made += cursor.rowcount
        return made

    return write


def hot(connection: Any, scale: float) -> int:
    """10,000 keys updated 500,000 times, 100 of them by chance in a transaction."""
    chance, made = random.Random(7), 0
    with connection.cursor() as cursor:
        for turn in range(int(500_000 * scale) // _BATCH):
            keys = ", ".join(map(str, chance.sample(range(HOT), _BATCH)))
            cursor.execute(f"update hot set n = n + 1, note = 'turn {turn}' where id in ({keys})")
            made += cursor.rowcount
    return made


def singles(engine: str) -> Write:
    """100,000 transactions of one row, half of them inserts and half updates, written by the server's own loop."""

    def write(connection: Any, scale: float) -> int:
        half = int(50_000 * scale)
        insert = "insert into hot values (1000000 + i, i, 'one of many')"
        update = f"update hot set n = n + 1 where id = i % {HOT}"
        if engine == "postgres":
            loop = f"for i in 1..{half} loop {insert}; commit; {update}; commit; end loop;"
            rows(connection, f"do $$ begin {loop} end $$")
        else:
            rows(connection, "drop procedure if exists one_by_one")
            loop = f"repeat {insert}; {update}; set i = i + 1; until i > {half} end repeat;"
            rows(connection, f"create procedure one_by_one() begin declare i int default 1; {loop} end")
            rows(connection, "call one_by_one()")
        return 2 * half

    return write


class Ours:
    """The engine as a migration runs it, loaded; capture and apply can be stopped and let go."""

    def __init__(self, family: Family, folder: Path) -> None:
        plan = folder / f"{family.engine}.yaml"
        include = {"include": f"{family.schema}.*"}
        ends = {"source": family.ref(family.source), "target": family.ref(family.target)}
        plan.write_text(yaml.safe_dump({"name": f"stream-{family.engine}", **ends, "tables": [include]}))
        command = [sys.executable, "-m", "tests.bench.engine", str(plan), str(folder / "home")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the engine ended with status {self._process.wait()}")
        told = json.loads(line)
        found = processes(told["run"])
        self.roles = {
            role: next(pid for pid, command in found.items() if f"landbridge.replicate {role}" in command)
            for role in ("capture", "apply")
        }
        self.pids = list(self.roles.values())

    def pause(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)

    def peak_mb(self) -> float:
        status = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids]
        return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in status) / 1024

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """seconds: until the last change was seen. computed: processor seconds by who took part."""

    seconds: float
    computed: dict[str, float]

    def cost(self, changes: int) -> float:
        return sum(self.computed.values()) / changes * 1e6

    def parts(self, changes: int) -> str:
        return ", ".join(f"{who} {spent / changes * 1e6:.1f}" for who, spent in self.computed.items())


def compare(family: Family, ours: Ours, write: Write, scale: float, number: int) -> tuple[int, Followed, Followed]:
    """How many changes there were, and how we and the native replication followed, one after the other."""
    if family.engine == "postgres":  # every 15 s by itself: from there on a slot that is read anew is decoded
        with contextlib.closing(family.session(family.source)) as connection:
            rows(connection, "checkpoint")
        time.sleep(_IDLE)
    ours.pause()
    family.pause()
    with contextlib.closing(family.session(family.source)) as connection:
        made = write(connection, scale)
        rows(connection, f"insert into last_one values ({number}, 0)")
    us = _follow(family, family.target, ours.go_on, number, ours.roles)
    ours.pause()
    native = _follow(family, family.native, family.go_on, number, {})
    ours.go_on()
    return made, us, native


def _follow(family: Family, server: Any, go_on: Callable[[], None], number: int, roles: Mapping[str, int]) -> Followed:
    roots = {"source": family.source.pid, **roles, "target": server.pid}
    with contextlib.closing(family.session(server)) as connection:
        time.sleep(0.2)  # until the processes of those who wrote are reaped, or theirs would count as this one's
        before, began = _computed(roots), time.perf_counter()
        go_on()
        while not rows(connection, f"select 1 from last_one where id = {number}"):
            if time.perf_counter() - began > 300:
                raise SystemExit("the changes did not arrive")
            time.sleep(0.02)
        seconds, after = time.perf_counter() - began, _computed(roots)
    return Followed(seconds=seconds, computed={who: after[who] - before[who] for who in roots})


def _computed(roots: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds of each of these processes and all below it, those that have ended too."""
    ticks, parents = dict[int, int](), dict[int, int]()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found = (place / "stat").read_text().rpartition(")")[2].split()
            parents[int(place.name)], ticks[int(place.name)] = int(found[1]), sum(map(int, found[11:15]))

    def belongs(pid: int, root: int) -> bool:
        return pid == root or (parents.get(pid, 0) > 1 and belongs(parents[pid], root))

    second = os.sysconf("SC_CLK_TCK")
    return {
        who: sum(spent for pid, spent in ticks.items() if belongs(pid, root)) / second for who, root in roots.items()
    }


def lag(family: Family, server: Any, seconds: float, first: int) -> tuple[float, float]:
    """p50 and p95 in seconds under 5,000 changes/s, by the clock of this machine: from a commit to its being seen."""
    sent: dict[int, float] = {}
    seen: dict[int, float] = {}
    done = threading.Event()

    def look() -> None:
        newest = first
        with contextlib.closing(family.session(server)) as connection:
            while not done.is_set():
                for (number,) in rows(
                    connection, f"select id from last_one where id > {newest} and id < {first + 10**6}"
                ):
                    seen[number] = time.perf_counter()
                    newest = max(newest, number)
                time.sleep(0.005)

    reader = threading.Thread(target=look)
    reader.start()
    with contextlib.closing(family.session(family.source)) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        for turn in range(int(seconds * 50)):
            low = turn * 100 % (HOT - 100)
            cursor.execute(f"update hot set n = n + 1 where id >= {low} and id < {low + 99}")
            cursor.execute(f"insert into last_one values ({first + 1 + turn}, 0)")
            sent[first + 1 + turn] = time.perf_counter()
            time.sleep(max(0.0, began + (turn + 1) / 50 - time.perf_counter()))
    deadline = time.perf_counter() + 30
    while len(seen) < len(sent) and time.perf_counter() < deadline:
        time.sleep(0.05)
    done.set()
    reader.join()
    assert len(seen) == len(sent), "changes did not arrive"
    lags = sorted(seen[number] - at for number, at in sent.items())
    return lags[len(lags) // 2], lags[len(lags) * 95 // 100]


def _scenarios(engine: str) -> dict[str, tuple[str, Write]]:
    return {
        "mixed": ("changes mixed, 100 at once", mixed(engine, 100, 1)),
        "five": ("changes mixed, 5 at once", mixed(engine, 5, 150_001)),
        "hot": ("updates of 10,000 hot rows", hot),
        "single": ("transactions of one row", singles(engine)),
    }


def measure(engine: str, scale: float, only: str | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="landbridge-bench-"))
    folder.chmod(0o755)
    make = postgres_family if engine == "postgres" else mysql_family
    scenarios = _scenarios(engine)
    try:
        with make(folder, *setup(engine)) as family:
            ours = Ours(family, folder)
            try:
                for number, name in enumerate([only] if only else scenarios, 1):
                    what, write = scenarios[name]
                    _report(engine, what, *compare(family, ours, write, scale, number))
                print(f"{engine:<10} peak memory of capture and apply {ours.peak_mb():.0f} MB", flush=True)
                if not only:
                    _lags(family, ours, 20 * scale + 2)
            finally:
                ours.go_on()
                ours.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _report(engine: str, what: str, made: int, us: Followed, native: Followed) -> None:
    speeds = f"{made / us.seconds:>10,.0f} {made / native.seconds:>10,.0f} {native.seconds / us.seconds:>6.2f}"
    costs = f"{us.cost(made):>7.1f} {native.cost(made):>7.1f}"
    print(f"{engine:<10} {made:>9,} {what:<30} {speeds} {costs}", flush=True)
    print(f"{'':<20} µs, ours: {us.parts(made)}; native: {native.parts(made)}", flush=True)


def _lags(family: Family, ours: Ours, seconds: float) -> None:
    """Of one after the other, while the other one stands still."""
    family.pause()
    for who, server, go_on, first in (
        ("ours", family.target, ours.go_on, 2 * 10**6),
        ("native", family.native, family.go_on, 4 * 10**6),
    ):
        go_on()
        time.sleep(1)
        half, most = lag(family, server, seconds, first)
        print(f"{family.engine:<10} lag at 5,000 changes/s, {who}: p50 {half:.3f} s, p95 {most:.3f} s", flush=True)
        ours.pause()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stream", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the changes: shows that it works")
    parser.add_argument("--family", choices=["postgres", "mysql"], help="one of them; default both")
    parser.add_argument("--only", choices=list(_scenarios("postgres")), help="one workload, the first of fresh servers")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    head = f"{'family':<10} {'number':>9} {'what':<30} {'ours/s':>10} {'native/s':>10} {'ratio':>6}"
    print(f"{head} {'µs ours':>7} {'native':>7}")
    for engine in [given.family] if given.family else ["postgres", "mysql"]:
        measure(engine, 0.1 if given.quick else 1.0, given.only)


if __name__ == "__main__":
    main()
