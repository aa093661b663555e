"""How fast rows are copied, beside the peers that are installed: `python -m tests.bench.load [rows]`."""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from landbridge import kinds
from landbridge.endpoints import abc
from landbridge.endpoints.mysql.connection import Database as MysqlDatabase
from landbridge.endpoints.mysql.snapshot import SnapshotReader as MysqlReader
from landbridge.endpoints.mysql.sums import Viewer as MysqlViewer
from landbridge.endpoints.postgres import server as postgres
from landbridge.endpoints.postgres.connection import Database as PostgresDatabase
from landbridge.endpoints.postgres.load import Loader
from landbridge.endpoints.postgres.snapshot import SnapshotReader as PostgresReader
from landbridge.endpoints.postgres.sums import Viewer as PostgresViewer
from landbridge.model import EVERYTHING, Bounds, Field, Relation, TableName
from landbridge.pipe import copy
from landbridge.plan import EndpointRef
from tests.bench.servers import DATABASE, Servers, fill, servers
from tests.support import postgres_connection, rows

SEGMENT = 64 * 1024 * 1024
_FIELDS = (
    ("id", "bigint unsigned", kinds.Int(bits=64, unsigned=True), "numeric(20,0)"),
    ("customer", "int", kinds.Int(bits=32), "integer"),
    ("status", "varchar(20)", kinds.Text(length=20), "character varying(20)"),
    ("total", "decimal(12,2)", kinds.Decimal(precision=12, scale=2), "numeric(12,2)"),
    ("placed", "datetime(6)", kinds.Timestamp(fsp=6), "timestamp(6) without time zone"),
    ("remark", "varchar(200)", kinds.Text(length=200), "character varying(200)"),
    ("open", "tinyint(1)", kinds.Bool(), "boolean"),
    ("weight", "double", kinds.Float(bits=64), "double precision"),
    ("document", "longtext", kinds.Text(), "text"),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """seconds None: this peer is not installed."""

    what: str
    rows: int
    seconds: float | None

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.what:<58}       not installed"
        return f"{self.what:<58} {self.rows / self.seconds:>10,.0f} rows/s {self.seconds:>7.2f} s"


def relation(schema: str, *, target: bool, plain: bool = False) -> Relation:
    fields = tuple(
        Field(name=name, kind=kind, native=ours if target else theirs) for name, theirs, kind, ours in _FIELDS
    )
    return Relation(number=0, name=TableName(schema=schema, name="orders"), fields=fields, key=(0,), plain=plain)


def _mysql(found: Servers) -> MysqlDatabase:
    server = found.mysql
    return MysqlDatabase(EndpointRef(engine="mysql", host=server.host, port=server.port, user=server.user))


def _postgres(server: postgres.Server) -> PostgresDatabase:
    ref = EndpointRef(engine="postgres", host=server.host, port=server.port, user=server.user, database=DATABASE)
    return PostgresDatabase(ref)


def make_table(server: postgres.Server) -> None:
    columns = ", ".join(f'"{name}" {native}' for name, _, _, native in _FIELDS)
    postgres.create_database(server, DATABASE)
    with contextlib.closing(postgres_connection(server, DATABASE)) as connection:
        rows(connection, f"drop table if exists orders; create table orders ({columns}, primary key (id)); checkpoint")


def _count(server: postgres.Server, table: str = "orders") -> int:
    with contextlib.closing(postgres_connection(server, DATABASE)) as connection:
        return int(rows(connection, f"select count(*) from {table}")[0][0])


def _timed(what: str, work: Callable[[], object], count: Callable[[], int]) -> Measured:
    begun = time.perf_counter()
    work()
    seconds = time.perf_counter() - begun
    return Measured(what=what, rows=count(), seconds=seconds)


def _lane(reader: abc.Snapshots, source: Relation, target: postgres.Server, streams: int) -> None:
    """The load without ledger and planning: segments, some at a time, each in a transaction."""
    database = _postgres(target)
    loader, engine = Loader(database), database.engine()
    into = relation("public", target=True, plain=source.plain)

    def segment(bounds: Bounds) -> None:
        with engine.begin() as connection:
            copy(lambda sink: reader.read(source, bounds, sink), lambda blocks: loader.load(connection, into, blocks))

    with ThreadPoolExecutor(streams) as pool:
        for _ in pool.map(segment, reader.segments(source, SEGMENT)):
            pass


def from_mysql(found: Servers, streams: int) -> Measured:
    make_table(found.target)
    source = relation(DATABASE, target=False)
    what = f"MariaDB to PostgreSQL, {streams} stream{'s' * (streams > 1)}"
    return _timed(
        what, lambda: _lane(MysqlReader(_mysql(found)), source, found.target, streams), lambda: _count(found.target)
    )


def from_postgres(found: Servers, streams: int) -> Measured:
    make_table(found.target)
    source = relation("public", target=True, plain=True)
    what = f"PostgreSQL to PostgreSQL, {streams} stream{'s' * (streams > 1)}"
    return _timed(
        what, lambda: _lane(PostgresReader(_postgres(found.source)), source, found.target, streams),
        lambda: _count(found.target),
    )  # fmt: skip


def pgloader(found: Servers) -> Measured:
    """Into a table without a key, which is the least it can be asked to do; timed by itself, in the copy alone."""
    what = "pgloader, the same table, without its key"
    program = shutil.which("pgloader")
    if program is None:
        return Measured(what=what, rows=0, seconds=None)
    make_table(found.target)
    command = found.folder / "pgloader.load"
    mysql, target = found.mysql, found.target
    command.write_text(
        f"LOAD DATABASE FROM mysql://{mysql.user}@{mysql.host}:{mysql.port}/{DATABASE}\n"
        f"INTO postgresql://{target.user}@{target.host}:{target.port}/{DATABASE}\n"
        "WITH include drop, create tables, create no indexes, no foreign keys, reset no sequences\n"
        "INCLUDING ONLY TABLE NAMES MATCHING 'orders';\n"
    )
    run = [program, "--root-dir", str(found.folder), str(command)]
    said = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    row = re.search(rf"^\s*{DATABASE}\.orders\s+0\s+\d+\s.*?(?:(\d+)m)?([\d.]+)s\s*$", said, re.MULTILINE)
    assert row is not None, f"pgloader copied with errors, or says it in other words:\n{said}"
    seconds = 60 * int(row[1] or 0) + float(row[2])
    return Measured(what=what, rows=_count(target, f"{DATABASE}.orders"), seconds=seconds)


def psql_pipe(found: Servers) -> Measured:
    make_table(found.target)
    program = postgres.bindir()
    assert program is not None

    def psql(server: postgres.Server, sql: str) -> list[str]:
        login = ["-h", server.host, "-p", str(server.port), "-U", server.user, "-d", DATABASE]
        return [str(program / "psql"), "-X", "-q", *login, "-c", sql]

    def work() -> None:
        with subprocess.Popen(psql(found.source, "copy orders to stdout"), stdout=subprocess.PIPE) as out:
            subprocess.run(psql(found.target, "copy orders from stdin"), stdin=out.stdout, check=True)
        assert out.returncode == 0

    return _timed("psql COPY | psql COPY", work, lambda: _count(found.target))


def sums(found: Servers) -> Iterator[Measured]:
    theirs, ours = relation(DATABASE, target=False), relation("public", target=True)
    found_sums = []
    sides: list[tuple[str, abc.Views, Relation]] = [
        ("checksum, MariaDB", MysqlViewer(_mysql(found)), theirs),
        ("checksum, PostgreSQL", PostgresViewer(_postgres(found.target)), ours),
    ]
    for what, viewer, table in sides:
        with viewer.view() as view:
            begun = time.perf_counter()
            found_sums.append(view.sum(table, EVERYTHING))
            yield Measured(what=what, rows=found_sums[-1].rows, seconds=time.perf_counter() - begun)
    assert found_sums[0] == found_sums[1], "the load lost or changed something"


def measure(found: Servers) -> Iterator[Measured]:
    yield from_mysql(found, 1)
    yield from_mysql(found, 2)
    yield pgloader(found)
    yield from_mysql(found, 1)
    yield from sums(found)
    copy_to_source(found)
    yield psql_pipe(found)
    yield from_postgres(found, 1)
    yield from_postgres(found, 2)
    yield psql_pipe(found)


def copy_to_source(found: Servers) -> None:
    make_table(found.source)
    source, target = found.source, found.target
    _lane(PostgresReader(_postgres(target)), relation("public", target=True, plain=True), source, 1)
    with contextlib.closing(postgres_connection(source, DATABASE)) as connection:
        rows(connection, "vacuum analyze orders")


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with servers() as found:
        fill(found, number)
        for measured in measure(found):
            print(measured, f" load {os.getloadavg()[0]:.1f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory of this process: {peak} MB; servers in {Path(found.folder)} are gone")


if __name__ == "__main__":
    main()
