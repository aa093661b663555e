"""
The figures that are promised, each beside its peer in the same run: `python -m tests.bench [--quick]`. Nothing is asserted:
the table says what was wanted and what came out. Run it on a machine that does nothing else.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import load
from tests.bench.migration import migrating, prove, stream_changes
from tests.bench.servers import Servers, fill, servers

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """peer None: it has none, or it is not installed. at_least None: nothing is promised; below: less is better."""

    what: str
    ours: float
    unit: str
    peer: float | None = None
    wanted: str = ""
    at_least: float | None = None
    below: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        judged = self.ratio if self.wanted.endswith("peer") else self.ours
        if self.at_least is None and self.below is None:
            return ""
        if judged is None:
            return "no peer here"
        met = judged >= self.at_least if self.at_least is not None else judged < (self.below or 0)
        return "met" if met else "NOT MET"

    def __str__(self) -> str:
        peer = "" if self.peer is None else f"{self.peer:,.0f}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        ours = f"{self.ours:,.0f} {self.unit}"
        return f"{self.what:<44} {ours:>20} {peer:>12} {ratio:>7}  {self.wanted:<20} {self.verdict}"


def measure(found: Servers, number: int, rounds: int, scale: float) -> Iterator[Figure]:
    yield from _from_mysql(found, number, rounds, scale)
    yield from _from_postgres(found, rounds)


def _from_mysql(found: Servers, number: int, rounds: int, scale: float) -> Iterator[Figure]:
    speeds: list[float] = []
    peers: list[float] = []
    for turn in range(rounds):
        measured = load.pgloader(found)
        if measured.seconds is None:
            _say("pgloader is not installed (apt-get install pgloader): no figure beside ours")
        else:
            peers.append(measured.rows / measured.seconds)
        with migrating(found, "mysql", f"from-mysql-{turn}") as migration:
            assert migration.rows == number, f"{migration.rows} rows of {number} arrived"
            speeds.append(number / migration.seconds)
            if turn < rounds - 1:
                continue
            loaded_mb = migration.peak_mb
            made, seconds = stream_changes(found, migration, number, scale)
            streamed_mb = migration.peak_mb
    peer = max(peers, default=None)
    yield Figure(
        what="load, MariaDB to PostgreSQL; peer: pgloader", ours=max(speeds), unit="rows/s", peer=peer,
        wanted=">= 2.5 of the peer", at_least=2.5,
    )  # fmt: skip
    yield Figure(what="peak memory: load, capture, apply", ours=loaded_mb, unit="MB", wanted="< 300", below=300)
    yield Figure(
        what=f"{made:,} changes, MariaDB to PostgreSQL", ours=made / seconds, unit="changes/s", wanted=">= 50,000",
        at_least=50_000,
    )  # fmt: skip
    yield Figure(what="peak memory after the changes", ours=streamed_mb, unit="MB", wanted="< 300", below=300)
    proof = prove(migration)
    yield Figure(what="comparing all rows, both servers hashing", ours=proof["rows"] / proof["seconds"], unit="rows/s")
    yield Figure(what="peak memory: Prefect and validation", ours=proof["peak_mb"], unit="MB")


def _from_postgres(found: Servers, rounds: int) -> Iterator[Figure]:
    load.from_mysql(found, 1)
    load.copy_to_source(found)
    speeds: list[float] = []
    peers: list[float] = []
    for turn in range(rounds):
        measured = load.psql_pipe(found)
        assert measured.seconds is not None
        peers.append(measured.rows / measured.seconds)
        with migrating(found, "postgres", f"from-postgres-{turn}") as migration:
            assert migration.rows == measured.rows, f"{migration.rows} rows of {measured.rows} arrived"
            speeds.append(migration.rows / migration.seconds)
            peak_mb = migration.peak_mb
    yield Figure(
        what="load, PostgreSQL to PostgreSQL; peer: psql", ours=max(speeds), unit="rows/s", peer=max(peers),
        wanted=">= 0.9 of the peer", at_least=0.9,
    )  # fmt: skip
    yield Figure(what="peak memory: load, capture, apply", ours=peak_mb, unit="MB", wanted="< 300", below=300)


def _parts() -> None:
    """The pieces alone: decoding of both logs, and apply from a full spool."""
    for module in ("decode_mysql", "decode_postgres", "apply"):
        print(f"\n{module}:", flush=True)
        subprocess.run([sys.executable, "-m", f"tests.bench.{module}"], cwd=_ROOT, check=False)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round: shows that it works")
    parser.add_argument("--rows", type=int, help="rows of the table; default 1,000,000")
    parser.add_argument("--parts", action="store_true", help="also the speed of decoding and of apply alone")
    given = parser.parse_args()
    number = given.rows or (100_000 if given.quick else 1_000_000)
    print(f"{number:,} rows of 9 columns; {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'figure':<44} {'ours':>20} {'peer':>12} {'ratio':>7}  {'wanted':<20} verdict")
    with servers() as found:
        fill(found, number)
        for figure in measure(found, number, 1 if given.quick else 3, min(1.0, number / 1_000_000)):
            print(figure, flush=True)
    if number < 1_000_000:
        print("So few rows are copied before the processes are warm: the verdicts hold for 1,000,000.")
    if given.parts or not given.quick:
        _parts()


if __name__ == "__main__":
    main()
